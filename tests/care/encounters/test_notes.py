"""The doctor's words come back exactly, whatever they are."""

from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yba.care.encounters import notes, vitals
from yba.care.encounters.model import Examination, VitalSigns
from yba.fhir import r4

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=80)
_LINES = st.lists(_TEXT, max_size=4).map("\n".join).map(str.strip)


@given(_LINES)
def test_any_text_survives_the_narrative(text):
    kept = notes._PRINTABLE.sub("", text).strip()

    assert notes.from_xhtml(notes.to_xhtml(text)) == kept


@given(st.fixed_dictionaries({f.name: _LINES for f in fields(Examination)}))
def test_any_note_reads_back_from_its_composition(parts):
    note = Examination(**{k: notes._PRINTABLE.sub("", v).strip() for k, v in parts.items()})
    composition = r4.Composition(section=notes.sections_of(note) or None)

    assert notes.examination_of(composition) == note


def test_markup_typed_into_a_note_stays_text():
    written = notes.to_xhtml("<script>alert(1)</script> & 'x'")

    assert "<script>" not in written
    assert notes.from_xhtml(written) == "<script>alert(1)</script> & 'x'"


@pytest.mark.parametrize(
    ("field", "value", "months", "flag"),
    [
        ("pulse", "130", 6, ""),
        ("pulse", "130", 480, "H"),
        ("pulse", "135", 480, "HH"),
        ("pulse", "45", 480, "L"),
        ("breaths", "45", 6, ""),
        ("breaths", "45", 24, "H"),
        ("breaths", "35", 480, "HH"),
        ("temperature", "40.5", 480, "HH"),
        ("temperature", "34.9", 480, "LL"),
        ("saturation", "92", 480, "L"),
        ("saturation", "88", 480, "LL"),
        ("weight", "3", 480, ""),
        ("pulse", "130", None, "H"),
    ],
)
def test_flags_follow_the_age(field, value, months, flag):
    assert vitals.kinds()[field].flag(Decimal(value), months) == flag


def test_no_body_mass_index_without_weight_and_height():
    signs = VitalSigns(weight=Decimal(50), height=Decimal(160))

    assert signs.body_mass_index == Decimal("19.5")
    assert replace(signs, height=None).body_mass_index is None
    assert replace(signs, weight=None).body_mass_index is None


def test_an_infants_measurements_pass():
    vitals.check(VitalSigns(weight=Decimal("0.8"), height=Decimal(34), pulse=Decimal(160)))
