"""What a citizen hides is found entry by entry, under the numbers that the record files by."""

from typing import get_args

from yba.fhir import r4
from yba.fhir.generated.types import AnyResource
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.surfaces.citizen.covering import _meant, number_of  # pyright: ignore[reportPrivateUsage]

VISIT = r4.Encounter(id="e1")
RESULT = r4.Observation(
    id="o1",
    encounter=r4.Reference(reference="Encounter/e1"),
    category=[r4.CodeableConcept(coding=[r4.Coding(code="laboratory")])],
)
PULSE = r4.Observation(id="o2", encounter=r4.Reference(reference="Encounter/e2"))
PAPER = r4.DocumentReference(
    id="d1",
    context=r4.DocumentReferenceContext(encounter=[r4.Reference(reference="Encounter/e1")]),
)
ALL = (VISIT, RESULT, PULSE, PAPER)


def test_types_carry_the_numbers_of_the_record():
    names = [struct.__name__ for struct in get_args(AnyResource)]
    assert {name: number_of(name) for name in names} == TYPE_NUMBERS


def test_a_visit_is_itself_and_everything_that_names_it():
    assert list(_meant(ALL, "visit", "e1")) == [VISIT, RESULT, PAPER]


def test_a_kind_of_data_is_told_by_type_and_category():
    assert list(_meant(ALL, "category", "laboratory")) == [RESULT]
    assert list(_meant(ALL, "category", "documents")) == [PAPER]
    assert list(_meant(ALL, "category", "nothing")) == []


def test_an_entry_is_meant_by_its_reference():
    assert list(_meant(ALL, "entry", "Observation/o2")) == [PULSE]
