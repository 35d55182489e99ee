"""Periods are counted from the end of the year, the longest rules, nothing makes them shorter."""

from datetime import date
from itertools import combinations

import pytest

from yba.care.archive import model
from yba.care.archive.model import FOR_EVER, keeping

ENDED = date(2026, 9, 15)


@pytest.mark.parametrize(
    ("kind", "until"),
    [
        ("ordinary", date(2036, 12, 31)),
        ("psychiatric", date(2046, 12, 31)),
        ("work-accident", date(2046, 12, 31)),
        ("traffic-accident", date(2046, 12, 31)),
        ("aesthetic-surgery", date(2046, 12, 31)),
        ("transplant", date(2056, 12, 31)),
        ("death", date(2056, 12, 31)),
        ("medical-incident", FOR_EVER),
    ],
)
def test_each_class_keeps_as_long_as_the_circular_says(kind: str, until: date):
    assert keeping([kind], ended_on=ENDED).keep_until == until


def test_registers_certificates_and_health_books_have_their_own_periods():
    assert [model.retention_on(kind, ENDED).years for kind in ("register", "health-check")] == [
        5,
        2,
    ]
    assert model.retention_on("health-book", ENDED).counted_from == "death"
    assert keeping(["health-book"], ended_on=ENDED).is_for_ever
    died = date(2030, 5, 1)
    assert keeping(["health-book"], ended_on=ENDED, died_on=died).keep_until == date(2040, 12, 31)


def test_the_longest_part_rules_the_file():
    kinds = ["ordinary", "psychiatric", "death", "medical-incident", "transplant"]
    for some in combinations(kinds, 2):
        both = keeping(some, ended_on=ENDED).keep_until
        assert both == max(keeping([one], ended_on=ENDED).keep_until for one in some)


def test_the_period_runs_from_the_year_and_not_from_the_day():
    january, december = (keeping([], ended_on=date(2026, *day)) for day in ((1, 1), (12, 31)))
    assert january == december


def test_the_facts_of_a_visit_show_its_circumstances():
    facts = {"outcome": "2", "injury_cause": "", "diagnoses": ["J20.9"]}
    assert model.circumstances(**facts) == set()
    assert model.circumstances(**facts | {"outcome": "5"}) == {"death"}
    assert model.circumstances(**facts | {"injury_cause": "1"}) == {"traffic-accident"}
    assert model.circumstances(**facts | {"injury_cause": "2"}) == {"work-accident"}
    assert model.circumstances(**facts | {"diagnoses": ["J20.9", "F20"]}) == {"psychiatric"}


def test_every_row_of_the_table_has_a_source_and_a_name():
    for row in model.retention_classes():
        assert row.source
        assert row.confidence in "ABC"
        assert model.KIND_WORDS[row.kind] == row.name
