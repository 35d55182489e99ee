"""What the page of signatures refuses."""

from yba.kernel.refusal import Refusal


class ReasonForRevocation(Refusal):
    """A certificate is taken out of use for a reason that is written down."""

    code = "inbox.reason-for-revocation"
    status = 422
    message = "Not taken out of use: write down the reason."


class NothingChosen(Refusal):
    """The form came without a paper."""

    code = "inbox.nothing-chosen"
    status = 422
    message = "Nothing was signed: choose at least one paper."
