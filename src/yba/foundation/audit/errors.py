"""What the audit trail refuses."""

from yba.kernel.refusal import Refusal
from yba.plumbing.i18n import N_


class AuditLogDown(Refusal):
    """The audit trail cannot take this act, so the act does not happen."""

    code = "audit.log-down"
    status = 503
    message = N_(
        "Not done: the audit trail is not working, and this may not happen without a trace. "
        "Tell the administrator, then try again."
    )


class NotInLog(Refusal):
    """The event is unknown, or has no place in the log yet."""

    code = "audit.not-in-log"
    status = 404
    message = N_("This event is not in the log. A new one is there a second later.")


class WitnessRefuses(Refusal):
    """A request to a witness that it cannot confirm; the status says why (C2SP tlog-witness)."""

    code = "audit.witness-refuses"
    status = 400
    message = N_("Not confirmed: %(reason)s")

    def __init__(self, status: int, reason: str, size: int | None = None) -> None:
        super().__init__(reason=reason)
        self.status = status
        self.size = size
