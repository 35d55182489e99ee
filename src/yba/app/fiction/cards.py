"""Insurance cards: the groups people belong to, the digits that go with them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

from yba.app.fiction.dice import Dice, Weighted
from yba.app.fiction.model import FictitiousCard
from yba.app.fiction.places import Home
from yba.foundation.terminology import service as terminology

HOME_FACILITY = "99999"
# Facilities that do not exist: 98 is not a province.
OTHER_FACILITIES = tuple(f"98{number:03}" for number in range(1, 25))

_INSURED = 0.94
_RARE = 0.03
_AT_HOME_FACILITY = 0.45
_POOR_GROUPS = Weighted.of({"HN": 45.0, "CN": 30.0, "DK": 10.0, "BT": 15.0})
_ADULTS = Weighted.of(
    {"DN": 46.0, "GD": 30.0, "HC": 7.0, "HX": 2.0, "CH": 2.0, "TN": 2.0, "NN": 2.0, "QN": 1.0}
    | {"CA": 1.0, "CY": 0.3, "BT": 2.0, "TK": 1.0, "LS": 0.3, "ND": 2.0, "NO": 0.4, "XN": 1.0}
)
_ELDERLY = Weighted.of(
    {"HT": 45.0, "BT": 22.0, "GD": 14.0, "CB": 5.0, "CK": 4.0, "CC": 2.0, "TS": 3.0, "KC": 3.0}
    | {"TC": 2.0}
)
_AREAS = ("K1", "K2", "K3")


@cache
def _digits() -> Mapping[str, int]:
    return {
        item.code: int(item.properties["benefit_digit"])
        for item in terminology.shipped_concepts("card_prefix")
    }


@cache
def _adult_groups() -> tuple[str, ...]:
    return tuple(code for code in _digits() if code not in ("TE", "HS", "SV"))


def _group(dice: Dice, *, age: int, is_poor: bool, is_minority: bool) -> str:
    if age < 6:
        return "TE"
    if age >= 18 and dice.chance(_RARE):
        return dice.pick(_adult_groups())
    if is_poor:
        return "DT" if is_minority and dice.chance(0.7) else dice.weighted(_POOR_GROUPS)
    if is_minority and dice.chance(0.25):
        return "DK"
    if age < 18:
        return "HS"
    if age < 23 and dice.chance(0.45):
        return "SV"
    return dice.weighted(_ELDERLY if age >= 60 else _ADULTS)


def card(
    dice: Dice,
    *,
    home: Home,
    age: int,
    born: date,
    social_insurance_number: str,
    year: int,
) -> FictitiousCard | None:
    """Return the card that is valid in `year`, or None for the few without."""
    is_minority = home.ethnicity != "01"
    is_poor = dice.chance(0.22 if is_minority else 0.05)
    is_insured = dice.chance(1.0 if age < 6 else _INSURED)
    group = _group(dice, age=age, is_poor=is_poor, is_minority=is_minority)
    digit = _digits()[group]
    issuer = dice.pick(home.province.card_codes)
    is_near = dice.chance(_AT_HOME_FACILITY)
    registered = HOME_FACILITY if is_near else dice.pick(OTHER_FACILITIES)
    years_insured = dice.between(0, 9)
    starts = max(date(year, 1, 1), born)
    ends = date(year, 12, 31)
    if group == "TE":
        ends = _childs_last_day(born)
    area = dice.pick(_AREAS) if is_minority or group in ("DT", "DK", "XD") else ""
    if not is_insured:
        return None
    return FictitiousCard(
        number=f"{group}{digit}{issuer}{social_insurance_number}",
        group=group,
        benefit_digit=digit,
        registered_at=registered,
        valid_from=starts,
        valid_to=ends,
        five_years_on=None if age < 6 else date(year - years_insured + 5, 1, 1),
        living_area=area,
    )


def _childs_last_day(born: date) -> date:
    """Return the last day of a child's card: school begins after 30 September.

    Source: Luật Bảo hiểm y tế, Điều 16.
    """
    year = born.year + 6
    if (born.month, born.day) <= (9, 30):
        return date(year, 9, 30)
    return date(year + born.month // 12, born.month % 12 + 1, 1) - timedelta(days=1)


def card_on(card: FictitiousCard | None, day: date) -> FictitiousCard | None:
    """Return the card in force on a day; a child's card is followed by a pupil's."""
    if card is None or day < card.valid_from:
        return None
    if day <= card.valid_to:
        return card
    return replace(
        card,
        number=f"HS4{card.number[3:]}",
        group="HS",
        benefit_digit=4,
        valid_from=card.valid_to + timedelta(days=1),
        valid_to=date(day.year, 12, 31),
    )
