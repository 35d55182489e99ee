"""Refusals of payments."""

from yba.kernel.refusal import Refusal


class NothingToPay(Refusal):
    """The bill is settled."""

    code = "payments.nothing-to-pay"
    status = 409
    message = "No payment taken: this bill is already paid."


class NotEnoughCash(Refusal):
    """Less was handed over than is taken."""

    code = "payments.not-enough-cash"
    status = 422
    message = "No payment taken: the cash received is less than the amount to pay."


class BadAmount(Refusal):
    """An amount is not a positive whole number of đồng, or more than is owed."""

    code = "payments.bad-amount"
    status = 422
    message = (
        "Not done: the amount must be a whole number of đồng above zero and not above %(most)s."
    )


class NoOpenShift(Refusal):
    """Cash moves only in an open till."""

    code = "payments.no-open-shift"
    status = 409
    message = "No cash taken: open your till first."


class ShiftIsOpen(Refusal):
    """One cashier has one till at a time."""

    code = "payments.shift-is-open"
    status = 409
    message = "Not opened: your till is already open."


class NoticeRefused(Refusal):
    """The notice is not from our bank, or was altered or is stale."""

    code = "payments.notice-refused"
    status = 401
    message = "Not accepted: the signature of this notice is not valid."


class NoticeUnreadable(Refusal):
    """A signed notice whose content cannot be used."""

    code = "payments.notice-unreadable"
    status = 422
    message = "Not accepted: the notice lacks a field or has one of the wrong kind."


class NoticeContradicts(Refusal):
    """The bank uses one transaction number for two different movements."""

    code = "payments.notice-contradicts"
    status = 409
    message = "Not accepted: this bank transaction was reported before with other content."


class NotRefundable(Refusal):
    """More is asked back than was paid."""

    code = "payments.not-refundable"
    status = 409
    message = "Not refunded: at most %(most)s đồng can be given back on this bill."


class NeedsSecondPerson(Refusal):
    """Who asks for a refund may not approve it."""

    code = "payments.needs-second-person"
    status = 403
    message = "Not approved: another person than the one who asked must approve a refund."


class RefundDecided(Refusal):
    """The refund is paid out or declined."""

    code = "payments.refund-decided"
    status = 409
    message = "Not done: this refund has already been decided."


class ReasonMissing(Refusal):
    """A refund says why."""

    code = "payments.reason-missing"
    status = 422
    message = "Not saved: please give a reason."


class NotInSuspense(Refusal):
    """The transfer is already matched."""

    code = "payments.not-in-suspense"
    status = 409
    message = "Not assigned: this transfer is already matched to a bill."


class OnlyInDemo(Refusal):
    """The bank stand-in exists only in a demonstration."""

    code = "payments.only-in-demo"
    status = 404
    message = "Not found: this page exists only in the demonstration."
