"""Refusals of the authorization server.

`ProtocolError` carries the error codes of the standards to a program; the others are told to people.
"""

from yba.kernel.refusal import Refusal


class ProtocolError(Refusal):
    """A refusal in the words of OAuth: `error` is told to the program, `reason` to its developer.

    Source: RFC 6749 sections 4.1.2.1 and 5.2; RFC 6750, 8707, 9126; OpenID Connect Core 3.1.2.6.
    """

    code = "authorization.protocol"
    status = 400
    message = "Not done: %(error)s. %(reason)s"

    def __init__(self, error: str, reason: str, status: int = 400) -> None:
        super().__init__(error=error, reason=reason)
        self.error = error
        self.reason = reason
        self.status = status


class ProgramUnknown(Refusal):
    """A person arrives with a request that must not be answered by a redirection.

    Source: RFC 6749 section 4.1.2.1 (client or redirection address unknown: tell the person).
    """

    code = "authorization.program-unknown"
    status = 400
    message = (
        "Not opened: the program that sent you here is not registered with us, or asks to be answered "
        "at another address than it registered. Nothing was shared. (%(reason)s)"
    )


class RequestGone(Refusal):
    """The request was answered already, or is too old."""

    code = "authorization.request-gone"
    status = 410
    message = "Not done: this request was answered already or is too old. Open the program again."


class ProgramRefused(Refusal):
    """What was entered for a program cannot be registered."""

    code = "authorization.program-refused"
    status = 422
    message = "Not saved: %(reason)s"


class PatientNotChosen(Refusal):
    """The program needs a patient, and the person chose none that she may see."""

    code = "authorization.patient-not-chosen"
    status = 422
    message = "Please choose the patient for whom the program is opened."


class Ended(ProtocolError):
    """An invalid_grant that ended everything given with the grant."""

    def __init__(self, reason: str) -> None:
        super().__init__("invalid_grant", reason)
