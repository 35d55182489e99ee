"""The weights of evidence keep their promises."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.foundation.parties.likeness import (
    ADDRESS,
    BIRTH,
    NAME,
    Features,
    birth_level,
    likeness,
    name_level,
)
from yba.kernel import systems

_WORDS = st.sampled_from(["Nguyễn", "Nguyen", "Trần", "Văn", "Thị", "Lan", "Lân", "An", "Bình"])
_NAMES = st.lists(_WORDS, min_size=1, max_size=4).map(" ".join)
_DAYS = st.dates().map(
    lambda day: (
        day.replace(year=1950 + day.year % 70).isoformat()
        if (day.month, day.day) != (2, 29)
        else "1980-02-29"
    )
)
_BIRTHS = st.one_of(st.just(""), _DAYS, _DAYS.map(lambda d: d[:7]), _DAYS.map(lambda d: d[:4]))
_NUMBERS = st.frozensets(
    st.tuples(
        st.sampled_from(["", systems.CCCD, systems.BHYT_CARD, "urn:other"]),
        st.sampled_from(["001080000001", "001080000010", "GD4790123456789", "77"]),
    ),
    max_size=3,
)
PERSONS = st.builds(
    Features,
    names=st.lists(_NAMES, max_size=2).map(tuple),
    birth_date=_BIRTHS,
    sex=st.sampled_from(["", "male", "female"]),
    identifiers=_NUMBERS,
    telecoms=st.frozensets(st.sampled_from(["+84901234567", "a@b.vn"]), max_size=2),
    addresses=st.lists(st.sampled_from(["12 le loi hue", "13 le loi hue"]), max_size=2).map(tuple),
)


@given(PERSONS, PERSONS)
def test_likeness_is_the_same_whichever_way_round(one: Features, other: Features):
    assert likeness(one, other).bits == pytest.approx(likeness(other, one).bits)


@given(PERSONS, PERSONS)
def test_nobody_resembles_another_more_than_oneself(one: Features, other: Features):
    assert likeness(one, one).bits >= likeness(one, other).bits - 1e-9


@given(PERSONS, PERSONS)
def test_agreeing_in_one_more_field_never_lowers_the_sum(one: Features, other: Features):
    before = likeness(one, other).bits
    if one.names and other.names:
        assert likeness(one, replace(other, names=one.names)).bits >= before - 1e-9
    if one.birth_date and other.birth_date:
        assert likeness(one, replace(other, birth_date=one.birth_date)).bits >= before - 1e-9
    if one.sex and other.sex:
        assert likeness(one, replace(other, sex=one.sex)).bits >= before
    if one.telecoms and other.telecoms:
        assert likeness(one, replace(other, telecoms=one.telecoms)).bits >= before - 1e-9


def test_levels_are_listed_from_the_strongest_to_the_weakest():
    for weights in (NAME, BIRTH, ADDRESS):
        assert list(weights.values()) == sorted(weights.values(), reverse=True)


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("Nguyễn Văn An", "nguyễn văn an", "as written"),
        ("Nguyễn Văn An", "Nguyen Van An", "without accents"),
        ("Trần Thị Lan", "Trần Thị Lân", "other accents"),
        ("Nguyễn Văn An", "An Nguyễn Văn", "other order"),
        ("Nguyễn Văn An", "Nguyễn An", "a part"),
        ("Nguyễn Văn An", "Nguyễn Vân Anh", "different"),
        ("Nguyễn Văn Bình", "Nguyễn Văn Bin", "misspelt"),
        ("Nguyễn Văn Bình", "Nguyễn Văn Bihn", "misspelt"),
        ("Nguyễn Thị Lan", "Nguyễn Thị Lam", "different"),
        ("Trần An", "Lê Văn An", "given name"),
    ],
)
def test_names_agree_as_vietnamese_write_them(one: str, other: str, level: str):
    assert name_level(one, other) == level
    assert name_level(other, one) == level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("1985-03-12", "1985-03-12", "day"),
        ("1985-03-12", "1985-12-03", "swapped"),
        ("1985-03-12", "1985-03", "month"),
        ("1985-03-12", "1985", "year"),
        ("1985", "1985", "year"),
        ("1985-03-12", "1985-03-13", "one digit"),
        ("1985-03-12", "1986-03-12", "one digit"),
        ("1985-03-12", "1985-07-25", "same year"),
        ("1989-03", "1990-03", "near"),
        ("1985-03-12", "1961-01-01", "different"),
        ("1985", "", ""),
    ],
)
def test_birth_dates_agree_as_precisely_as_they_are_known(one: str, other: str, level: str):
    assert birth_level(one, other) == level
    assert birth_level(other, one) == level


PERSON = Features(
    names=("Nguyễn Văn An",), birth_date="1985-03-12", sex="male",
    identifiers=frozenset({(systems.CCCD, "001085000001")}), telecoms=frozenset({"+84901234567"}),
)  # fmt: skip
BARE = Features(names=PERSON.names, birth_date=PERSON.birth_date, sex="male")


@pytest.mark.parametrize(
    ("sought", "grade"),
    [
        (PERSON, "certain"),
        (Features(identifiers=PERSON.identifiers), "certain"),
        (replace(PERSON, identifiers=frozenset[tuple[str, str]]()), "certain"),
        (BARE, "probable"),
        (replace(BARE, birth_date="1985-12-03"), "probable"),
        (replace(BARE, birth_date="1985"), "possible"),
        (Features(names=PERSON.names), "possible"),
        (replace(BARE, names=("Lê Thị Hoa",)), "certainly-not"),
        (Features(names=("Nguyễn Văn Bình",), birth_date="1985-03-12"), "certainly-not"),
    ],
)
def test_grades_say_what_a_clerk_would_say(sought: Features, grade: str):
    assert likeness(sought, PERSON).grade == grade
