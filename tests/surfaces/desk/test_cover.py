"""The desk proposes the patient category that the card alone speaks for."""

from datetime import date
from decimal import Decimal

import pytest

from yba.foundation.parties.model import HealthInsurance
from yba.surfaces.desk import cover

TODAY = date(2026, 9, 15)
CARD = HealthInsurance(number="DN4010100000001", registered_facility="01001")


def _suggested(card: HealthInsurance | None) -> str:
    return cover.suggested(card, facility_code="01001", self_referred="1.13", on=TODAY)


def test_a_card_registered_here_is_right_line():
    assert _suggested(CARD) == "1.1"


def test_a_card_registered_elsewhere_is_self_referred():
    elsewhere = HealthInsurance(number="DN4010100000001", registered_facility="79001")

    assert _suggested(elsewhere) == "1.13"


@pytest.mark.parametrize(
    "card",
    [
        None,
        HealthInsurance(number="DN4010100000001", valid_to=date(2026, 9, 14)),
        HealthInsurance(number="DN4010100000001", valid_from=date(2026, 9, 16)),
    ],
)
def test_no_card_or_one_that_does_not_hold_today_is_not_insured(card: HealthInsurance | None):
    assert _suggested(card) == "9"


def test_a_card_holds_on_its_last_day():
    assert not cover.is_expired(HealthInsurance(number="x", valid_to=TODAY), TODAY)


@pytest.mark.parametrize(
    ("level", "points", "category"),
    [
        ("initial", 30, "1.11"),
        ("basic", 49, "1.12"),
        ("basic", 50, "1.13"),
        ("specialised", 80, "1.18"),
    ],
)
def test_who_comes_by_himself_falls_under_the_level_of_the_facility(
    level: str, points: int, category: str
):
    assert cover.self_referred_category(level, points) == category


def test_each_choice_explains_itself_and_one_is_suggested():
    choices = cover.choices(
        CARD,
        facility_code="01001",
        self_referred="1.13",
        on=TODAY,
        name_of=lambda code: f"name of {code}",
        level_of=lambda code, _card: Decimal(80) if code == "1.1" else None,
    )

    assert [c.code for c in choices if c.suggested] == ["1.1"]
    assert all(c.explanation for c in choices)
    assert choices[0].percent == 80
