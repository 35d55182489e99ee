"""Under which patient category (MA_DOITUONG_KCB) a fictitious visit falls.

Every category of Decision 3276/QĐ-BYT that a visit can have occurs; 8
(withdrawal of a claim) is not a visit.
"""

from yba.app.fiction.dice import Dice, Weighted
from yba.app.fiction.model import FictitiousCard

UNINSURED = "9"
_PICK_UP = Weighted.of({"10": 50.0, "7.2": 25.0, "7": 10.0, "7.3": 8.0, "7.4": 7.0})
_AT_HOME = Weighted.of({"1.1": 80.0, "1.5": 12.0, "1.4": 3.0, "1.2": 2.0, "1.16": 3.0})
_OUTPATIENT = Weighted.of(
    {"1.3": 38.0, "1.12": 12.0, "1.13": 10.0, "1.14": 5.0, "1.18": 3.0, "3.1": 2.0, "3.3": 8.0}
    | {"1.4": 6.0, "1.5": 8.0, "1.11": 2.0, "1.2": 2.0, "1.16": 2.0, "1.17": 1.0, "2": 4.0}
)
_INPATIENT = Weighted.of(
    {"1.3": 42.0, "1.15": 20.0, "2": 12.0, "1.4": 6.0, "3.2": 5.0, "3.1": 4.0, "3.3": 5.0}
    | {"1.16": 3.0, "1.17": 2.0, "1.6": 0.5, "1.11": 0.5}
)
_EMERGENCY_DEPARTMENTS = ("K02", "K25", "K24")


def category(
    dice: Dice,
    *,
    card: FictitiousCard | None,
    facility: str,
    is_inpatient: bool,
    is_newborn: bool,
    is_pick_up: bool,
    department: str,
) -> str:
    """Return a category that may stand for such a visit."""
    if card is None:
        return UNINSURED
    if is_pick_up:
        return dice.weighted(_PICK_UP)
    if is_newborn and is_inpatient:
        return "1.7"
    if department in _EMERGENCY_DEPARTMENTS and dice.chance(0.6):
        return "2"
    if card.registered_at == facility:
        return dice.weighted(_AT_HOME)
    if is_inpatient and card.living_area and dice.chance(0.3):
        return "3.6"
    return dice.weighted(_INPATIENT if is_inpatient else _OUTPATIENT)
