"""Which patient category fits, and what insurance will pay under it. Pure.

The category is fixed at the end of the visit; the desk proposes it. Codes are
MA_DOITUONG_KCB.
Source: Decision 3276/QĐ-BYT; Decree 188/2025/NĐ-CP on levels and points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from yba.foundation.parties.model import HealthInsurance
from yba.plumbing.i18n import N_

NOT_INSURED = "9"
REGISTERED_HERE = "1.1"
EMERGENCY = "2"
_WITH_CARD = (REGISTERED_HERE, "1.3", "1.5", "1.4", EMERGENCY)
_PAPERS = {
    "1.1": N_("The card is registered at this facility."),
    "1.3": N_("A transfer slip not older than 10 working days, or the one-year slip."),
    "1.4": N_("Works, studies or stays away from home; proof of stay."),
    "1.5": N_("The re-examination slip of this facility; it counts once."),
    "2": N_("The doctor confirms an emergency; any facility."),
    "9": N_("No card, an expired card, or care that insurance does not cover."),
}
_SELF_REFERRED = N_("Came without a transfer slip.")


@dataclass(frozen=True)
class Choice:
    """One category on the form; `percent` is what insurance pays of the covered cost."""

    code: str
    name: str
    explanation: str
    percent: Decimal | None
    suggested: bool = False


Level = Callable[[str, HealthInsurance | None], Decimal | None]


def self_referred_category(level: str, points: int) -> str:
    """Return the category of an outpatient who came by himself.

    `level` is initial, basic or specialised; basic facilities differ at 50 points.
    """
    if level == "initial":
        return "1.11"
    if level == "specialised":
        return "1.18"
    return "1.12" if points < 50 else "1.13"


def suggested(
    card: HealthInsurance | None, *, facility_code: str, self_referred: str, on: date
) -> str:
    """Return the category that the card alone speaks for."""
    if card is None or not card.number or is_expired(card, on):
        return NOT_INSURED
    return REGISTERED_HERE if card.registered_facility == facility_code else self_referred


def is_expired(card: HealthInsurance, on: date) -> bool:
    """Return whether the card as known here does not hold on that day."""
    return (card.valid_to is not None and card.valid_to < on) or (
        card.valid_from is not None and on < card.valid_from
    )


def choices(
    card: HealthInsurance | None,
    *,
    facility_code: str,
    self_referred: str,
    on: date,
    name_of: Callable[[str], str],
    level_of: Level,
) -> Sequence[Choice]:
    """Return the categories an outpatient may come under, the suggested one marked."""
    best = suggested(card, facility_code=facility_code, self_referred=self_referred, on=on)
    return [
        Choice(
            code=code,
            name=name_of(code),
            explanation=_PAPERS.get(code, _SELF_REFERRED),
            percent=level_of(code, card),
            suggested=code == best,
        )
        for code in (*_WITH_CARD[:1], self_referred, *_WITH_CARD[1:], NOT_INSURED)
    ]
