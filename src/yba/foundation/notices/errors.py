"""What is told when a notice cannot be sent or an address cannot be kept."""

from yba.kernel.refusal import Refusal


class NotAnAddress(Refusal):
    """The text is not an e-mail address that we can write to."""

    code = "notices.not-an-address"
    status = 422
    message = "Not saved: this is not an e-mail address."


class MailNotTaken(Refusal):
    """The mail server did not take the message; it is tried again later."""

    code = "notices.mail-not-taken"
    status = 503
    message = "The mail server did not take the message (%(reason)s)."
