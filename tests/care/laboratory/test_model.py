"""Numbers from the bench, ranges and flags."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.care.laboratory.model import LabIndex, flag_of, index_of, number_of
from yba.foundation.terminology.model import Concept

HAEMOGLOBIN = Concept(
    system="lab_index",
    code="1000102",
    name_vi="Huyết sắc tố",
    properties={"unit": "g/L", "low": 130, "high": 170, "low_f": 120, "high_f": 150.5},
)
BLOOD_GROUP = LabIndex(code="1", name="Nhóm máu", answers=("A", "O", "B", "AB"))
NITRITE = LabIndex(code="2", name="Nitrit", answers=("Âm tính", "Dương tính"))


@pytest.mark.parametrize(
    ("typed", "number"),
    [("5,2", "5.2"), (" 5.20 ", "5.20"), ("1 250", "1250"), ("-3", "-3"), ("0", "0")],
)
def test_a_comma_counts_as_decimal_point(typed, number):
    assert number_of(typed) == Decimal(number)


@pytest.mark.parametrize("typed", ["", "cao", "5,2,1", "NaN", "Infinity", "1e999", "<5"])
def test_what_is_no_number_is_none(typed):
    assert number_of(typed) is None


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading(text):
    number_of(text)
    flag_of(BLOOD_GROUP, text)
    flag_of(index_of(HAEMOGLOBIN, "male"), text)


@pytest.mark.parametrize(
    ("sex", "value", "flag"),
    [
        ("male", "125", "L"),
        ("female", "125", ""),
        ("female", "151", "H"),
        ("male", "151", ""),
        ("", "125", "L"),
        ("male", "130", ""),
        ("male", "170", ""),
    ],
)
def test_the_range_is_that_of_the_sex_and_its_ends_are_normal(sex, value, flag):
    assert flag_of(index_of(HAEMOGLOBIN, sex), value) == flag


def test_ranges_are_printed_as_read():
    assert index_of(HAEMOGLOBIN, "male").reference == "130 – 170"
    assert index_of(HAEMOGLOBIN, "female").reference == "120 – 150,5"
    assert LabIndex(code="x", name="x", high=Decimal(5)).reference == "≤ 5"
    assert LabIndex(code="x", name="x", low=Decimal("0.5")).reference == "≥ 0,5"


def test_a_blood_group_has_no_normal_answer():
    assert (BLOOD_GROUP.reference, flag_of(BLOOD_GROUP, "O")) == ("", "")
    assert (NITRITE.reference, flag_of(NITRITE, "Dương tính")) == ("Âm tính", "A")
