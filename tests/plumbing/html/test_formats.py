"""Dates, ages, money and numbers are written as people in Vietnam read them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from yba.plumbing.html import formats


@pytest.mark.parametrize(
    ("given", "shown"),
    [("1985-03-12", "12/03/1985"), ("1985-03", "03/1985"), ("1985", "1985"), ("", ""), (None, "")],
)
def test_a_partial_date_keeps_its_precision(given: str | None, shown: str):
    assert formats.shown_date(given) == shown


def test_a_moment_is_shown_on_the_wall_clock_of_vietnam():
    late = datetime(2026, 9, 15, 18, 30, tzinfo=UTC)

    assert formats.shown_datetime(late) == "16/09/2026 01:30"
    assert formats.shown_date(late) == "16/09/2026"


@pytest.mark.parametrize(
    ("birth", "age"),
    [
        ("2026-08-16", (0, "months")),
        ("2026-08-15", (1, "months")),
        ("2020-09-16", (71, "months")),
        ("2020-09-15", (6, "years")),
        ("1985", (41, "years")),
        ("", None),
    ],
)
def test_age_is_in_months_under_seventy_two_months(birth: str, age: tuple[int, str] | None):
    assert formats.age_parts(birth, date(2026, 9, 15)) == age


@pytest.mark.parametrize(
    ("value", "shown"),
    [("37.50", "37,5"), (Decimal(100), "100"), (0, "0"), (None, ""), (Decimal("1E+2"), "100")],
)
def test_a_number_has_a_comma_and_no_needless_zeros(value: object, shown: str):
    assert formats.shown_number(value) == shown  # type: ignore[arg-type]


def test_money_is_whole_and_grouped():
    assert formats.shown_dong(1234000) == "1.234.000 ₫"
    assert formats.shown_dong(None) == ""


def test_a_citizen_number_is_grouped_for_the_eye():
    assert formats.grouped("001187000123") == "001 187 000 123"
    assert formats.grouped("DN4010100000001") == "DN4010100000001"
