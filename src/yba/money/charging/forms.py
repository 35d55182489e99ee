"""What the cashier notes about the cover of a visit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from yba.kernel.refusal import Unusable
from yba.money.charging.model import ZERO, Card
from yba.money.payments.model import typed_amount
from yba.plumbing.i18n import N_

_DAY = re.compile(r"^(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})$", re.ASCII)
_CARD = re.compile(r"^[A-Z]{2}[1-5]\d{12}$", re.ASCII)
_BAD_DAY = N_("Write day/month/year, for instance 05/09/1990.")
_BAD_CARD = N_("A card number here has 15 characters: two letters and 13 digits.")
_BAD_SPAN = N_("The last day of the card lies before its first.")


@dataclass(frozen=True, slots=True)
class CoverNote:
    """A second card, co-payments made elsewhere, the category of the first visit."""

    co_paid_elsewhere: Decimal
    original_category: str
    more_cards: tuple[Card, ...]


def cover_note(values: Mapping[str, str], *, categories: list[str]) -> CoverNote:
    """Read the form. Raises Unusable, naming the fields to correct."""
    elsewhere = ZERO
    if values.get("co_paid_elsewhere"):
        elsewhere = Decimal(typed_amount(values, "co_paid_elsewhere"))
    original = values.get("original_category", "")
    return CoverNote(
        co_paid_elsewhere=elsewhere,
        original_category=original if original in categories else "",
        more_cards=_card(values),
    )


def _card(values: Mapping[str, str]) -> tuple[Card, ...]:
    number = values.get("card_number", "").replace(" ", "").upper()
    if not number:
        return ()
    if not _CARD.match(number):
        raise Unusable(fields={"card_number": _BAD_CARD})
    first = _day(values, "card_from")
    if first is None:
        raise Unusable(fields={"card_from": _BAD_DAY})
    last = _day(values, "card_to")
    if last is not None and last < first:
        raise Unusable(fields={"card_to": _BAD_SPAN})
    return (Card(number, first, last),)


def _day(values: Mapping[str, str], name: str) -> date | None:
    text = values.get(name, "")
    if not text:
        return None
    match = _DAY.match(text)
    try:
        assert match is not None
        return date(int(match[3]), int(match[2]), int(match[1]))
    except (AssertionError, ValueError):
        raise Unusable(fields={name: _BAD_DAY}) from None
