"""Units: what converts to what, exactly, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.fhir import ucum
from yba.fhir.ucum.essence import essence

CODES = ["g", "mg", "mg/dL", "kg/m2", "mm[Hg]", "Cel", "[degF]", "m[IU]/L", "10*3/uL", "[in_i]"]
NUMBERS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6, places=3
)


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        ("37", "Cel", "[degF]", "98.6"),
        ("98.6", "[degF]", "Cel", "37"),
        ("100", "Cel", "K", "373.15"),
        ("7", "[pH]", "mol/L", "1E-7"),
        ("20", "dB[V]", "V", "10"),
        ("120", "mm[Hg]", "kPa", "15.99864"),
        ("1", "[lb_av]", "g", "453.59237"),
        ("5.5", "mmol/L", "mol/m3", "5.5"),
        ("1", "wk", "d", "7"),
        ("250", "10*3/uL", "10*9/L", "250"),
        ("1", "[IU]", "[iU]", "1"),
    ],
)
def test_a_quantity_converts_exactly(value: str, source: str, target: str, expected: str):
    found = ucum.convert(Decimal(value), source, target)

    assert abs(found - Decimal(expected)) < Decimal("1E-25")


def test_equal_quantities_have_one_canonical_form():
    assert ucum.canonical(Decimal("5.4"), "g/dL") == ucum.canonical(Decimal("54"), "mg/mL")
    assert ucum.canonical(Decimal("5.4"), "g/dL") == (Decimal("54000"), "m-3.g")


def test_an_arbitrary_unit_compares_with_itself_alone():
    assert ucum.comparable("m[IU]/L", "[iU]/mL")
    assert not ucum.comparable("[IU]", "[arb'U]")
    assert not ucum.comparable("[IU]", "1")


@pytest.mark.parametrize(
    "code",
    ["Cel/m", "Cel2", "m.Cel", "1/0", "10*99999", "[pi]900", "m" * 600, "(" * 40 + "m" + ")" * 40],
)
def test_units_without_meaning_or_bounds_are_refused(code: str):
    with pytest.raises(ucum.UnitError):
        ucum.canonical(Decimal(1), code)


@pytest.mark.parametrize(
    "code", ["", "KG", "m/", "/", "m//s", "(m", "m)", "{a", "m{é}", "m m", "12h", "2.", "k"]
)
def test_what_is_no_unit_is_not_valid(code: str):
    assert not ucum.is_valid(code)


def test_every_unit_of_the_table_has_a_meaning():
    for atom in essence().atoms.values():
        assert ucum.canonical(Decimal("0.5"), atom.code)[1]


@given(NUMBERS, st.sampled_from(CODES), st.sampled_from(CODES))
def test_converting_there_and_back_gives_the_same_number(value: Decimal, source: str, target: str):
    if not ucum.comparable(source, target):
        return
    there = ucum.convert(value, source, target)

    assert abs(ucum.convert(there, target, source) - value) <= Decimal("1E-24")


@given(st.text(max_size=40))
def test_any_text_is_a_unit_or_a_unit_error(text: str):
    if ucum.is_valid(text):
        with suppress(ucum.UnitError):
            ucum.canonical(Decimal(1), text)
