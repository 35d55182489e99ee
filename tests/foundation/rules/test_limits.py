"""Every dated limit: complete, without contradiction, as the page says."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from yba.foundation.rules import service as rules
from yba.foundation.rules.errors import UnknownLimit

ALL = [(name, values) for name, values in rules.limits().items()]
PAGE = Path(__file__).parents[3] / "docs" / "standards" / "rules.md"


@pytest.mark.parametrize(("name", "values"), ALL, ids=[name for name, _ in ALL])
def test_a_limit_has_one_value_a_day_without_gaps_and_says_where_it_comes_from(name, values):
    for earlier, later in pairwise(values):
        assert earlier.valid_to == later.valid_from - timedelta(days=1)
    for limit in values:
        assert limit.source
        assert limit.confidence in ("A", "B", "C")
        assert limit.text
        assert isinstance(limit.value, int | Decimal)
        assert limit.valid_to is None or limit.valid_to >= limit.valid_from
    assert values[-1].valid_to is None


@pytest.mark.parametrize(
    ("on", "amount"),
    [
        (date(2019, 6, 30), 1_390_000),
        (date(2019, 7, 1), 1_490_000),
        (date(2024, 6, 30), 1_800_000),
        (date(2026, 6, 30), 2_340_000),
        (date(2026, 7, 1), 2_530_000),
    ],
)
def test_the_base_salary_changes_on_the_day_of_the_decree(on, amount):
    assert rules.limit("insurance.base_salary", on) == amount


def test_long_prescriptions_exist_since_the_circular_of_2025():
    before, after = date(2025, 6, 30), date(2025, 7, 1)

    assert rules.limit("prescription.max_days.ordinary_listed", before) == 30
    assert rules.limit("prescription.max_days.ordinary_listed", after) == 90


def test_a_limit_before_its_first_day_is_refused():
    with pytest.raises(UnknownLimit):
        rules.limit("insurance.base_salary", date(1990, 1, 1))


def test_an_unknown_limit_is_refused():
    with pytest.raises(UnknownLimit):
        rules.limit("insurance.free_lunch", date(2026, 1, 1))


def test_a_limit_explains_itself():
    limit = rules.limit_with_source("prescription.collect_days", date(2026, 9, 1))

    assert (limit.value, limit.unit, limit.confidence) == (5, "days", "B")


def test_the_page_of_limits_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == rules.rendered()
