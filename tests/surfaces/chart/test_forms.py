"""The chart's rows keep their order; numbers may have a comma."""

from datetime import date
from decimal import Decimal

import pytest

from yba.kernel.refusal import Unusable
from yba.surfaces.chart import forms


def test_the_first_diagnosis_is_the_main_one():
    note = forms.read_note(
        [
            ("diagnosis", "J06.9"),
            ("diagnosis_name", "Nhiễm trùng hô hấp trên cấp"),
            ("diagnosis_note", ""),
            ("diagnosis", "R50.9"),
            ("diagnosis_name", "Sốt"),
            ("diagnosis_note", "Sốt ngày thứ ba"),
        ]
    )

    assert [(e.code, e.text) for e in note.diagnosis_entries()] == [
        ("J06.9", ""),
        ("R50.9", "Sốt ngày thứ ba"),
    ]


def test_without_scripts_a_code_typed_into_the_search_box_is_a_diagnosis():
    note = forms.read_note([("add_diagnosis", ""), ("add_diagnosis_text", "j06.9 ho")])

    assert [row.code for row in note.diagnoses] == ["J06.9"]


def test_measurements_accept_a_comma_and_empty_means_not_measured():
    note = forms.read_note([("temperature", "38,6"), ("pulse", "104"), ("weight", "")])

    signs = note.vital_signs()

    assert signs is not None
    assert (signs.temperature, signs.pulse, signs.weight) == (Decimal("38.6"), Decimal(104), None)


def test_nothing_measured_is_nothing_to_save():
    assert forms.read_note([("pulse", " ")]).vital_signs() is None


@pytest.mark.parametrize("typed", ["38..6", "NaN", "1e99", "-1", "ba mươi tám"])
def test_what_is_no_number_is_refused_by_name(typed: str):
    with pytest.raises(Unusable) as refused:
        forms.read_note([("temperature", typed)]).vital_signs()

    assert set(refused.value.fields) == {"temperature"}


def test_a_follow_up_is_written_day_first():
    note = forms.read_note([("follow_up_on", "01/12/2026"), ("follow_up_reason", "tái khám")])

    follow_up = note.follow_up()

    assert follow_up is not None
    assert follow_up.on == date(2026, 12, 1)


@pytest.mark.parametrize("typed", ["12/2026", "31/02/2026", "mai"])
def test_a_follow_up_needs_a_whole_day(typed: str):
    with pytest.raises(Unusable):
        forms.read_note([("follow_up_on", typed)]).follow_up()


def test_each_drug_keeps_its_own_numbers():
    lines = forms.read_drugs(
        [
            ("drug", "a"),
            ("dose", "0,5"),
            ("times", "2"),
            ("days", "5"),
            ("quantity", "5"),
            ("when", "sau ăn"),
            ("directions", ""),
            ("drug", "b"),
            ("dose", ""),
            ("quantity", "1"),
            ("directions", "bôi mỏng"),
        ]
    )

    assert [(line.drug_code, line.dose, line.times_per_day, line.quantity) for line in lines] == [
        ("a", Decimal("0.5"), 2, Decimal(5)),
        ("b", None, 0, Decimal(1)),
    ]
    assert lines[1].directions == "bôi mỏng"


def test_an_empty_basket_is_refused():
    with pytest.raises(Unusable):
        forms.read_services([("service", ""), ("service_quantity", "2")])


def test_a_field_before_any_row_belongs_to_nobody():
    lines = forms.read_services(
        [("service_quantity", "9"), ("service", "s1"), ("service_urgent", "yes")]
    )

    assert [(line.service_code, line.quantity, line.urgent) for line in lines] == [
        ("s1", Decimal(1), True)
    ]


def test_rows_are_shown_again_as_they_were_sent():
    sent = [
        ("service", "s1"),
        ("service_name", "Công thức máu"),
        ("drug", "d1"),
        ("drug_name", "Paracetamol"),
        ("days", "5"),
    ]

    assert forms.basket_of(sent) == [
        {"service": "s1", "service_name": "Công thức máu"},
        {"drug": "d1", "drug_name": "Paracetamol", "days": "5"},
    ]


def test_an_allergy_typed_anywhere_on_the_screen_is_saved_with_the_note():
    allergy = forms.read_note([("allergy", "Penicillin"), ("criticality", "high")]).allergy

    assert allergy is not None
    assert (allergy.text, allergy.criticality) == ("Penicillin", "high")
    assert forms.read_note([("allergy", " ")]).allergy is None
