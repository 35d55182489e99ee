"""Refusals of charging."""

from yba.kernel.refusal import Refusal


class CategoryNotForCare(Refusal):
    """The patient category belongs to the other kind of care."""

    code = "charging.category-not-for-care"
    status = 409
    message = (
        "Not calculated: category %(category)s does not fit this kind of care. "
        "Change it on the visit; the usual one here is %(instead)s."
    )


class UnknownCategory(Refusal):
    """No such patient category on that day."""

    code = "charging.unknown-category"
    status = 409
    message = "Not calculated: patient category %(category)s does not exist on %(on)s."


class OtherMoneyTooLarge(Refusal):
    """Other sources give more than the line costs."""

    code = "charging.other-money-too-large"
    status = 409
    message = "Not calculated: other sources pay more than line %(line)s costs."


class NoOriginalCategory(Refusal):
    """Drugs are picked up, and the category of the first visit is not known."""

    code = "charging.no-original-category"
    status = 409
    message = (
        "Not calculated: category %(category)s needs the category of the visit "
        "at which the drugs were prescribed."
    )


class NoCharges(Refusal):
    """There is nothing to bill."""

    code = "charging.no-charges"
    status = 409
    message = "No invoice made: this visit has no charges that are not invoiced yet."


class NoPrice(Refusal):
    """The item is in no price list that holds on that day."""

    code = "charging.no-price"
    status = 409
    message = "Not charged: %(code)s has no approved price on %(on)s."


class ChargeNotKnown(Refusal):
    """A charge is to be reversed before it was made; the event will come again."""

    code = "charging.charge-not-known"
    status = 409
    message = "Not reversed yet: the charge for this order has not been made."
