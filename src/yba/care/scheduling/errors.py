"""What the desk and the clinic are told when a ticket cannot move."""

from yba.kernel.refusal import Refusal


class ClinicNotFound(Refusal):
    """No such clinic."""

    code = "scheduling.clinic-not-found"
    status = 404
    message = "This clinic was not found."


class ClinicClosed(Refusal):
    """The clinic takes no new patients now."""

    code = "scheduling.clinic-closed"
    status = 409
    message = "No ticket issued: this clinic is closed. Choose another one."


class ClinicCodeInUse(Refusal):
    """Two clinics of one facility with the same code."""

    code = "scheduling.clinic-code-in-use"
    status = 409
    message = "Not saved: another clinic already has this code."


class QueueEmpty(Refusal):
    """Nobody waits here."""

    code = "scheduling.queue-empty"
    status = 409
    message = "Nobody is waiting for this clinic."


class TicketNotFound(Refusal):
    """No such ticket."""

    code = "scheduling.ticket-not-found"
    status = 404
    message = "This ticket was not found."
