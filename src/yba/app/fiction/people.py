"""Fictitious persons: everything about one follows from a seed and a number."""

from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from yba.app.fiction import names, places
from yba.app.fiction.cards import card
from yba.app.fiction.dice import HOUSEHOLD, PERSON, Dice, Weighted
from yba.app.fiction.model import FictitiousPerson, Sex

# Everybody is born before this day; visits follow it.
LAST_BIRTHDAY = date(2026, 9, 1)
CARD_YEAR = 2026
HOUSEHOLD_SIZE = 4
MOST_PERSONS = 10**8

# First year of life of a band of five years, and its share of the people.
_PYRAMID = Weighted.of(
    {0: 7.2, 5: 8.0, 10: 7.9, 15: 7.3, 20: 6.8, 25: 7.6, 30: 8.4, 35: 8.0, 40: 7.4, 45: 6.6}
    | {50: 6.0, 55: 5.4, 60: 4.6, 65: 3.4, 70: 2.3, 75: 1.3, 80: 0.9, 85: 0.6, 90: 0.3}
)
_ADULT_BANDS = Weighted.of(
    {25: 7.6, 30: 8.4, 35: 8.0, 40: 7.4, 45: 6.6, 50: 6.0, 55: 5.4, 60: 4.6, 65: 3.4}
)
_BLOOD = Weighted.of({"O": 42.0, "B": 30.0, "A": 21.0, "AB": 6.0})
_OCCUPATIONS = Weighted.of(
    {"61": 22.0, "52": 14.0, "75": 9.0, "91": 5.0, "93": 7.0, "71": 7.0, "83": 6.0, "82": 6.0}
    | {"51": 5.0, "23": 5.0, "24": 4.0, "41": 4.0, "21": 3.0, "22": 2.0, "31": 2.0, "62": 2.0}
)
_NONE = "00"


class _Household(NamedTuple):
    home: places.Home
    family: str
    head_name: str


def _birth_date(dice: Dice, bands: Weighted[int]) -> date:
    days = int((dice.weighted(bands) + dice.real(0.0, 5.0)) * 365.25)
    return LAST_BIRTHDAY - timedelta(days=days + 1)


def _is_male(dice: Dice, age: int) -> bool:
    """More boys are born; women live longer."""
    return dice.chance(0.525 if age < 20 else 0.5 if age < 60 else 0.42)


def _age(born: date) -> int:
    day = LAST_BIRTHDAY
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@lru_cache(maxsize=4096)
def _household(seed: int, number: int) -> _Household:
    dice = Dice(seed, HOUSEHOLD, number)
    home = places.home(dice)
    family = names.family_name(dice, home.ethnicity)
    head = Dice(seed, PERSON, number * HOUSEHOLD_SIZE)
    born = _birth_date(head, _ADULT_BANDS)
    sex: Sex = "male" if _is_male(head, _age(born)) else "female"
    name = names.full_name(
        head, family=family, ethnicity=home.ethnicity, sex=sex, birth_year=born.year
    )
    return _Household(home, family, name)


def _body(dice: Dice, *, age: int, age_days: int, sex: Sex) -> tuple[int, Decimal]:
    """Return height in cm and weight in kg, plausible for the age."""
    if age < 18:
        months = age_days / 30.4
        height = 50 + 26 * min(months / 12, 1.0) + max(0.0, months / 12 - 1) * 6.2
        height = min(height, 165.0 if sex == "male" else 156.0) * (1 + 0.03 * dice.bell())
        index = 13.2 + 3.0 * min(months / 12, 1.0) if age < 2 else 15.3 + max(0, age - 6) * 0.4
    else:
        height = (165.0 if sex == "male" else 154.0) - max(0, age - 50) * 0.1 + 5.5 * dice.bell()
        index = 22.3 + 2.8 * dice.bell()
    kilograms = max(2.2, index * (height / 100) ** 2)
    return round(height), Decimal(round(kilograms * 10)) / 10


def birth_date(seed: int, number: int) -> date:
    """Return when the person of that number was born, without making the rest."""
    is_head = number % HOUSEHOLD_SIZE == 0
    return _birth_date(Dice(seed, PERSON, number), _ADULT_BANDS if is_head else _PYRAMID)


def person(seed: int, number: int) -> FictitiousPerson:
    """Return the person of that number, always the same one for the seed."""
    if not 0 <= number < MOST_PERSONS:
        raise ValueError(f"person numbers go from 0 to {MOST_PERSONS - 1}")
    household = _household(seed, number // HOUSEHOLD_SIZE)
    home = household.home
    is_head = number % HOUSEHOLD_SIZE == 0
    dice = Dice(seed, PERSON, number)
    born = _birth_date(dice, _ADULT_BANDS if is_head else _PYRAMID)
    age = _age(born)
    sex: Sex = "male" if _is_male(dice, age) else "female"
    if is_head:
        name = household.head_name
    else:
        own = age < 25 or dice.chance(0.3)
        family = household.family if own else names.family_name(dice, home.ethnicity)
        name = names.full_name(
            dice, family=family, ethnicity=home.ethnicity, sex=sex, birth_year=born.year
        )
    social = f"99{number:08}"
    height, weight = _body(dice, age=age, age_days=(LAST_BIRTHDAY - born).days, sex=sex)
    return FictitiousPerson(
        number=number,
        full_name=name,
        sex=sex,
        birth_date=born,
        birth_time=(dice.below(24), dice.below(60)),
        identity_number="" if age < 1 else _identity(number, born, sex),
        social_insurance_number=social,
        phone=f"0990{number % 1_000_000:06}",
        ethnicity=home.ethnicity,
        occupation=_NONE if age < 16 or age > 75 else dice.weighted(_OCCUPATIONS),
        nationality="000",
        province=home.province.code,
        province_name=home.province.name,
        commune=home.commune.code,
        commune_name=home.commune.name,
        address=home.address,
        household=number // HOUSEHOLD_SIZE,
        relative_name=household.head_name if age < 16 else "",
        blood_group=dice.weighted(_BLOOD) + "+" if dice.chance(0.4) else "",
        height_cm=height,
        weight_kg=weight,
        card=card(
            dice,
            home=home,
            age=age,
            born=born,
            social_insurance_number=social,
            year=CARD_YEAR,
        ),
    )


def _identity(number: int, born: date, sex: Sex) -> str:
    """Return 12 digits that begin with 099, a place that issues no numbers.

    The century digit and the year follow the real rule; the last six digits
    are mixed from the number, so that persons of one sex and year differ.
    """
    digit = (0 if born.year < 2000 else 2) + (0 if sex == "male" else 1)
    mixed = (number * 7_368_787 + 12_345) % 1_000_000
    return f"099{digit}{born.year % 100:02}{mixed:06}"
