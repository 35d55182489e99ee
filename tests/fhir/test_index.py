"""What extraction finds."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from yba.fhir import r4
from yba.fhir.index import (
    LATEST,
    Index,
    extract,
    patient_of,
    primary_time,
    range_of,
    search_parameters,
)
from yba.fhir.numbers import implicit_range

CODE = r4.CodeableConcept(
    coding=[r4.Coding(system="http://loinc.org", code="8480-6")], text="Systolic"
)


def found(index: Index, values: list[Any], type_: str, parameter: str) -> list[Any]:
    """Return the values filed under a parameter, without their element numbers."""
    elements = search_parameters(type_)[parameter].elements
    assert elements
    return [value[1:] for value in values if value[0] in elements]


def observation() -> r4.Observation:
    return r4.Observation(
        id="o",
        status="final",
        code=CODE,
        subject=r4.Reference(reference="Patient/p1"),
        performer=[r4.Reference(reference="Patient/p2")],
        effectiveDateTime="2026-09-15",
        component=[r4.ObservationComponent(code=CODE, valueQuantity=mmhg("120"))],
    )


def mmhg(value: str) -> r4.Quantity:
    return r4.Quantity(
        value=Decimal(value), unit="mmHg", system="http://unitsofmeasure.org", code="mm[Hg]"
    )


def test_alias_parameters_share_their_element():
    parameters = search_parameters("Observation")
    x = extract(observation())

    assert parameters["patient"].elements == parameters["subject"].elements
    assert parameters["patient"].targets == ("Patient",)
    assert set(parameters["code"].elements) < set(parameters["combo-code"].elements)
    assert len(found(x, x.references, "Observation", "subject")) == 1


def test_code_of_a_required_value_set_gets_its_system():
    x = extract(r4.Patient(gender="female", active=True, deceasedBoolean=False))

    assert found(x, x.tokens, "Patient", "gender") == [
        ("http://hl7.org/fhir/administrative-gender", "female")
    ]
    assert found(x, x.tokens, "Patient", "active") == [(None, "true")]
    assert found(x, x.tokens, "Patient", "deceased") == [(None, "false")]


def test_death_date_makes_a_patient_deceased():
    x = extract(r4.Patient(deceasedDateTime="2026-01-02"))

    assert found(x, x.tokens, "Patient", "deceased") == [(None, "true")]
    assert found(x, x.dates, "Patient", "death-date") == [range_of("2026-01-02")]


def test_names_and_addresses_give_every_part():
    x = extract(
        r4.Patient(
            name=[r4.HumanName(text="Nguyễn Văn An", family="Nguyễn", given=["Văn", "An"])],
            address=[r4.Address(city="Huế", line=["1 Lê Lợi"])],
        )
    )

    assert found(x, x.strings, "Patient", "family") == [("Nguyễn",)]
    assert found(x, x.strings, "Patient", "given") == [("Văn",), ("An",)]
    assert set(found(x, x.strings, "Patient", "name")) == {
        ("Nguyễn Văn An",),
        ("Nguyễn",),
        ("Văn",),
        ("An",),
    }
    assert set(found(x, x.strings, "Patient", "address")) == {("Huế",), ("1 Lê Lợi",)}
    assert found(x, x.strings, "Patient", "address-city") == [("Huế",)]


def test_contact_points_are_split_by_system():
    phone = r4.ContactPoint(system="phone", value="0900000000")
    mail = r4.ContactPoint(system="email", value="an@example.org")
    x = extract(r4.Patient(telecom=[phone, mail]))

    assert found(x, x.tokens, "Patient", "phone") == [("phone", "0900000000")]
    assert found(x, x.tokens, "Patient", "email") == [("email", "an@example.org")]
    assert len(found(x, x.tokens, "Patient", "telecom")) == 2


def test_identifiers_are_filed_with_their_type():
    kind = r4.CodeableConcept(coding=[r4.Coding(system="urn:types", code="MR")])
    x = extract(r4.Patient(identifier=[r4.Identifier(system="urn:s", value="1", type=kind)]))

    assert found(x, x.tokens, "Patient", "identifier") == [("urn:s", "1")]
    assert found(x, x.identifiers, "Patient", "identifier") == [("urn:types", "MR", "1")]


def test_references_are_told_apart_by_form():
    x = extract(
        r4.Observation(
            subject=r4.Reference(reference="Patient/p1/_history/3"),
            encounter=r4.Reference(reference="urn:uuid:1"),
            device=r4.Reference(identifier=r4.Identifier(system="urn:s", value="d")),
            specimen=r4.Reference(reference="#inside"),
        )
    )

    assert [r[1:] for r in x.references] == [("Patient", "p1")]
    assert found(x, x.urls, "Observation", "encounter") == [("urn:uuid:1",)]
    assert found(x, x.logical, "Observation", "device") == [("urn:s", "d")]


def test_canonicals_are_filed_with_and_without_version():
    x = extract(r4.QuestionnaireResponse(questionnaire="http://example.org/q|2"))

    assert found(x, x.urls, "QuestionnaireResponse", "questionnaire") == [
        ("http://example.org/q|2",),
        ("http://example.org/q",),
    ]


def test_open_periods_have_no_end():
    x = extract(r4.Encounter(period=r4.Period(start="2026-09-15T08:00:00+07:00")))

    assert found(x, x.dates, "Encounter", "date") == [
        (range_of("2026-09-15T08:00:00+07:00")[0], LATEST)
    ]


def test_dates_without_zone_are_read_in_the_given_zone():
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    x = extract(observation(), zone)

    assert found(x, x.dates, "Observation", "date") == [range_of("2026-09-15", zone)]


def test_quantities_with_comparator_are_half_open():
    value = r4.Quantity(value=Decimal(5), comparator="<", unit="mg")
    x = extract(r4.Observation(valueQuantity=value))

    assert found(x, x.quantities, "Observation", "value-quantity") == [
        (Decimal("-Infinity"), Decimal(5), None, None, "mg")
    ]


def test_composites_join_the_parts_of_one_component():
    x = extract(observation())
    expected = (
        ("http://loinc.org", "8480-6"),
        (Decimal(120), Decimal(120), "http://unitsofmeasure.org", "mm[Hg]", "mmHg"),
    )

    assert found(x, x.composites, "Observation", "component-code-value-quantity") == [(expected,)]
    assert found(x, x.composites, "Observation", "combo-code-value-quantity") == [(expected,)]
    assert found(x, x.composites, "Observation", "code-value-quantity") == []


def test_tags_and_profiles_have_the_same_number_in_every_type():
    meta = r4.Meta(tag=[r4.Coding(system="urn:t", code="a")], profile=["http://example.org/p"])

    for resource in (r4.Patient(meta=meta), r4.Binary(meta=meta)):
        x = extract(resource)
        type_ = type(resource).__name__
        assert found(x, x.tokens, type_, "_tag") == [("urn:t", "a")]
        assert found(x, x.uris, type_, "_profile") == [("http://example.org/p",)]


def test_patient_of_a_resource_is_whom_it_is_about():
    assert patient_of(observation()) == "p1"
    assert patient_of(r4.Patient(id="p9")) == "p9"
    assert patient_of(r4.Medication(id="m")) is None


def test_primary_time_is_the_clinical_moment():
    assert primary_time(observation()) == range_of("2026-09-15")[0]
    request = r4.MedicationRequest(authoredOn="2026-01-01")
    assert primary_time(request) == range_of("2026-01-01")[0]
    assert primary_time(r4.Patient()) is None


def test_every_type_has_the_parameters_of_all_resources():
    for type_ in r4.RESOURCES:
        assert {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source"} <= set(
            search_parameters(type_)
        )
    with pytest.raises(KeyError):
        search_parameters("Nothing")


def test_element_numbers_do_not_move():
    # Stored keys contain them: a change here needs a migration that indexes everything again.
    parameters = search_parameters("Observation")

    assert {
        c: parameters[c].elements for c in ("code", "combo-code", "date", "subject", "status")
    } == {
        "code": (42,),
        "combo-code": (42, 43),
        "date": (22,),
        "subject": (38,),
        "status": (49,),
    }


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("100", "99.5", "100.5"), ("100.00", "99.995", "100.005"), ("1e2", "50", "150")],
)
def test_numbers_asked_for_mean_a_range(text: str, low: str, high: str):
    assert implicit_range(text) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize("text", ["", "x", "NaN", "Infinity", "1e999999999", "1" * 100])
def test_numbers_without_sense_are_refused(text: str):
    with pytest.raises(ValueError):
        implicit_range(text)
