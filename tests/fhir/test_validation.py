"""Validation names every issue with its place, and nothing invalid passes the fast way."""

import json
from typing import Any

import pytest

from yba.fhir import r4
from yba.fhir.validation import Issue, check, is_sound
from yba.fhir.validation.service import plain_json
from yba.fhir.validation.walker import issues_of

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
    "valueQuantity": {"value": 120, "unit": "mmHg"},
}


def issues(**changes: Any) -> list[tuple[str, str]]:
    """Return (code, expression) of the issues of an Observation with these changes; None removes."""
    changed = {**OBSERVATION, **changes}
    body = json.dumps({k: v for k, v in changed.items() if v != "REMOVED"}).encode()
    return [(i.code, i.expression) for i in check(body)]


def test_a_valid_resource_has_no_issues():
    assert issues() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"colour": "red"}, ("structure", "Observation.colour")),
        ({"status": "REMOVED"}, ("required", "Observation.status")),
        ({"code": "REMOVED"}, ("required", "Observation.code")),
        ({"status": "done"}, ("code-invalid", "Observation.status")),
        ({"status": 1}, ("structure", "Observation.status")),
        ({"status": None}, ("structure", "Observation.status")),
        ({"valueString": "high"}, ("structure", "Observation.value")),
        ({"valueQuantity": {}}, ("structure", "Observation.value.ofType(Quantity)")),
        ({"valueQuantity": {"id": "x"}}, ("structure", "Observation.value.ofType(Quantity)")),
        (
            {"valueQuantity": {"value": "120"}},
            ("structure", "Observation.value.ofType(Quantity).value"),
        ),
        ({"category": []}, ("structure", "Observation.category")),
        ({"category": {"text": "x"}}, ("structure", "Observation.category")),
        ({"category": [None]}, ("structure", "Observation.category[0]")),
        ({"category": [{"coding": []}]}, ("structure", "Observation.category[0].coding")),
        ({"id": "a b"}, ("value", "Observation.id")),
        ({"id": "x" * 65}, ("value", "Observation.id")),
        ({"effectiveDateTime": "2026-02-30"}, ("value", "Observation.effective.ofType(dateTime)")),
        (
            {"effectiveDateTime": "2026-02-01T10:00:00"},
            ("value", "Observation.effective.ofType(dateTime)"),
        ),
        ({"issued": "2026-02-01"}, ("value", "Observation.issued")),
        ({"implicitRules": "http://a b"}, ("value", "Observation.implicitRules")),
        ({"language": " vi"}, ("value", "Observation.language")),
        ({"note": [{}]}, ("structure", "Observation.note[0]")),
        ({"note": [{"time": "2026"}]}, ("required", "Observation.note[0].text")),
        ({"note": [{"text": ""}]}, ("value", "Observation.note[0].text")),
        ({"note": [{"text": "a\0b"}]}, ("value", "Observation.note[0].text")),
        ({"component": [{"valueInteger": 1}]}, ("required", "Observation.component[0].code")),
        ({"extension": [{"valueCode": "x"}]}, ("required", "Observation.extension[0].url")),
        ({"_status": {"id": "s", "value": 1}}, ("structure", "Observation.status.value")),
        ({"_code": {"id": "s"}}, ("structure", "Observation._code")),
        ({"_id": {"id": "s"}}, ("structure", "Observation._id")),
        ({"contained": [{"id": "x"}]}, ("structure", "Observation.contained[0]")),
        (
            {"contained": [{"resourceType": "Patient", "gender": "m"}]},
            ("code-invalid", "Observation.contained[0].gender"),
        ),
        ({"text": {"status": "generated", "div": "hello"}}, ("value", "Observation.text.div")),
    ],
)
def test_each_rule_is_reported_at_its_place(changes: dict[str, Any], expected: tuple[str, str]):
    assert issues(**changes) == [expected]


def test_every_issue_is_reported_at_once():
    found = issues(status="done", colour="red", issued="today", category=[], code={"text": 5})

    assert {expression for _, expression in found} == {
        "Observation.status",
        "Observation.colour",
        "Observation.issued",
        "Observation.category",
        "Observation.code.text",
    }


def test_null_is_allowed_only_beside_an_extension():
    name = {
        "given": ["An", None],
        "_given": [None, {"extension": [{"url": "u", "valueCode": "x"}]}],
    }
    allowed = {"resourceType": "Patient", "name": [name]}
    alone = {"resourceType": "Patient", "name": [{"given": ["An", None]}]}

    assert check(json.dumps(allowed).encode()) == []
    assert [(i.code, i.expression) for i in check(json.dumps(alone).encode())] == [
        ("structure", "Patient.name[0].given[1]")
    ]


def test_mandatory_primitive_may_be_absent_with_a_reason():
    reason = {"extension": [{"url": "http://example.org/absent", "valueCode": "unknown"}]}

    assert issues(status="REMOVED", _status=reason) == []


def test_concept_of_a_required_value_set_must_come_from_it():
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}}

    for concept, expected in (
        ({"coding": [{"system": system, "code": "active"}]}, []),
        ({"coding": [{"system": system, "code": "cured"}]}, ["code-invalid"]),
        ({"text": "active"}, ["code-invalid"]),
    ):
        body = json.dumps({**condition, "clinicalStatus": concept}).encode()
        assert [i.code for i in check(body)] == expected


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "structure"),
        (b"{", "structure"),
        (b"\xff\xfe", "structure"),
        (b"[]", "structure"),
        (b'"Patient"', "structure"),
        (b'{"resourceType":"Nothing"}', "structure"),
        (b'{"resourceType":["Patient"]}', "structure"),
        (
            b'{"resourceType":"Patient","extension":' + b'[{"url":"u","extension":' * 50_000,
            "too-long",
        ),
        (
            b'{"resourceType":"Patient","extension":'
            + b'[{"url":"u","extension":' * 300
            + b'[{"url":"u","valueCode":"x"}]'
            + b"}]" * 300
            + b"}",
            "too-long",
        ),
    ],
)
def test_hostile_input_gets_an_issue_and_no_exception(body: bytes, code: str):
    assert code in {issue.code for issue in check(body)}


def test_extension_of_what_is_no_primitive_is_an_issue_even_without_its_element():
    # A mutated example once ended the walker with a KeyError here.
    found = check(b'{"resourceType":"Patient","_name":[{"id":"n"}]}')

    assert [(i.code, i.expression) for i in found] == [("structure", "Patient._name")]


def test_list_of_issues_has_an_end():
    body = json.dumps({"resourceType": "Patient", **{f"x{n}": 1 for n in range(5_000)}}).encode()

    assert len(check(body)) < 300


def test_typed_resources_are_checked_too():
    wrong = r4.Observation(status="final", code=r4.CodeableConcept(), issued="yesterday")
    mistyped = r4.Patient(active="yes")  # type: ignore[arg-type]

    assert {i.expression for i in check(wrong)} == {"Observation.code", "Observation.issued"}
    assert {i.expression for i in check(mistyped)} == {"Patient.active"}
    assert check(r4.Patient(id="x")) == []


def test_issues_name_rules_but_never_values():
    body = json.dumps(
        {"resourceType": "Patient", "gender": "secret", "birthDate": "secret"}
    ).encode()

    assert "secret" not in str(check(body))


def test_fast_and_explaining_check_agree_on_every_type():
    for type_ in r4.RESOURCES.values():
        resource = type_(id="x")
        explained: list[Issue] = issues_of(plain_json(r4.encode(resource)))
        assert is_sound(resource) == (explained == [])
