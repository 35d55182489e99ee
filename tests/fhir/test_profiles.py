"""Profiles: each rule of a profile is found broken at its place, by snapshot and by differential alike."""

import json
from typing import Any

import pytest

from yba.fhir.profiles import Packages
from yba.fhir.validation import examine

CORE = "http://hl7.org/fhir/StructureDefinition/"
URL = "http://example.org/profile"
LOINC = "http://loinc.org"

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    "status": "final",
    "code": {"coding": [{"system": LOINC, "code": "85354-9"}]},
    "subject": {"reference": "Patient/1"},
    "performer": [{"reference": "Practitioner/1"}],
    "effectiveDateTime": "2026-03-01",
}
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    "name": [{"family": "Nguyễn", "given": ["An"]}],
}


def profile(*element: dict[str, Any], type_: str = "Observation", **more: Any) -> dict[str, Any]:
    """Return a profile that has a differential only."""
    return {
        "resourceType": "StructureDefinition", "url": URL, "name": "Strict", "kind": "resource",
        "abstract": False, "type": type_, "baseDefinition": CORE + type_,
        "derivation": "constraint", "differential": {"element": list(element)}, **more,
    }  # fmt: skip


def found(resource: dict[str, Any], *profiles: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (code, expression) of the errors by the first profile; the others are known too."""
    packages = Packages.of_r4()
    for one in profiles:
        packages.add(one)
    issues = examine(
        json.dumps(resource).encode(), profiles=[profiles[0]["url"]], packages=packages
    )
    return sorted((i.code, i.expression) for i in issues if i.is_error)


def observation(**changes: Any) -> dict[str, Any]:
    """Return an Observation with these changes."""
    return {**OBSERVATION, **changes}


def sliced(path: str, *discriminators: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Return an element that is sliced."""
    told = [{"type": kind, "path": where} for kind, where in discriminators]
    return {"path": path, "slicing": {"discriminator": told, "rules": "open", **more}}


def concept(code: str, system: str = LOINC) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


# Rules of single elements

RULES: list[tuple[str, list[dict[str, Any]], dict[str, Any], list[tuple[str, str]]]] = [
    ("missing", [{"path": "Observation.note", "min": 1}], {}, [("required", "Observation.note")]),
    ("present", [{"path": "Observation.note", "min": 1}], {"note": [{"text": "x"}]}, []),
    (
        "too many", [{"path": "Observation.note", "max": "1"}],
        {"note": [{"text": "x"}, {"text": "y"}]}, [("structure", "Observation.note")],
    ),
    (
        "forbidden", [{"path": "Observation.note", "max": "0"}],
        {"note": [{"text": "x"}]}, [("structure", "Observation.note")],
    ),
    (
        "fixed code", [{"path": "Observation.status", "fixedCode": "final"}],
        {"status": "amended"}, [("value", "Observation.status")],
    ),
    ("fixed code kept", [{"path": "Observation.status", "fixedCode": "final"}], {}, []),
    (
        "fixed concept is the whole concept",
        [{"path": "Observation.code", "fixedCodeableConcept": concept("85354-9")}],
        {"code": {**concept("85354-9"), "text": "more"}}, [("value", "Observation.code")],
    ),
    (
        "pattern allows more",
        [{"path": "Observation.code", "patternCodeableConcept": concept("85354-9")}],
        {"code": {"coding": [{"code": "a"}, {"system": LOINC, "code": "85354-9"}], "text": "m"}},
        [],
    ),
    (
        "pattern broken",
        [{"path": "Observation.code", "patternCodeableConcept": concept("85354-9")}],
        {"code": concept("1-8")}, [("value", "Observation.code")],
    ),
    (
        "type of a choice", [{"path": "Observation.value[x]", "type": [{"code": "Quantity"}]}],
        {"valueString": "high"}, [("structure", "Observation.value.ofType(string)")],
    ),
    (
        "choice by its short name", [{"path": "Observation.valueQuantity", "min": 1}],
        {"valueString": "high"},
        [("required", "Observation.value"), ("structure", "Observation.value.ofType(string)")],
    ),
    (
        "child of a choice by its short name",
        [{"path": "Observation.valueQuantity"}, {"path": "Observation.valueQuantity.code", "min": 1}],
        {"valueQuantity": {"value": 1}}, [("required", "Observation.value.ofType(Quantity).code")],
    ),
    (
        "child of a datatype", [{"path": "Observation.code.text", "min": 1}],
        {}, [("required", "Observation.code.text")],
    ),
    (
        "child of a repeating part", [{"path": "Observation.component.interpretation", "min": 1}],
        {"component": [{"code": {"text": "x"}}]},
        [("required", "Observation.component[0].interpretation")],
    ),
    (
        "grandchild of a datatype", [{"path": "Observation.code.coding.display", "min": 1}],
        {}, [("required", "Observation.code.coding[0].display")],
    ),
    (
        "maximum length", [{"path": "Observation.code.text", "maxLength": 3}],
        {"code": {"text": "long"}}, [("too-long", "Observation.code.text")],
    ),
    (
        "least value",
        [{"path": "Observation.value[x]", "minValueQuantity": {"value": 10}}],
        {"valueQuantity": {"value": 9.5}}, [("value", "Observation.value.ofType(Quantity)")],
    ),
    (
        "greatest value", [{"path": "Observation.value[x]", "maxValueInteger": 5}],
        {"valueInteger": 6}, [("value", "Observation.value.ofType(integer)")],
    ),
    (
        "earliest date", [{"path": "Observation.effective[x]", "minValueDateTime": "2026-06-01"}],
        {}, [("value", "Observation.effective.ofType(dateTime)")],
    ),
    (
        "invariant",
        [{"path": "Observation", "constraint": [
            {"key": "x-1", "severity": "error", "human": "needs a value or a reason",
             "expression": "value.exists() or dataAbsentReason.exists()"}]}],
        {}, [("invariant", "Observation")],
    ),
    (
        "invariant of a child",
        [{"path": "Observation.code", "constraint": [
            {"key": "x-2", "severity": "error", "human": "text", "expression": "text.exists()"}]}],
        {}, [("invariant", "Observation.code")],
    ),
    (
        "invariant without an answer is broken",
        [{"path": "Observation", "constraint": [
            {"key": "x-3", "severity": "error", "human": "", "expression": "issued = issued"}]}],
        {}, [("invariant", "Observation")],
    ),
    (
        "warning of an invariant is no error",
        [{"path": "Observation", "constraint": [
            {"key": "x-4", "severity": "warning", "human": "", "expression": "false"}]}],
        {}, [],
    ),
    (
        "required binding",
        [{"path": "Observation.code", "binding": {
            "strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/administrative-gender"}}],
        {}, [("code-invalid", "Observation.code")],
    ),
    (
        "extensible binding warns",
        [{"path": "Observation.code", "binding": {
            "strength": "extensible", "valueSet": "http://hl7.org/fhir/ValueSet/administrative-gender"}}],
        {}, [],
    ),
    (
        "largest value set of an extensible binding",
        [{"path": "Observation.code", "binding": {
            "extension": [{"url": CORE + "elementdefinition-maxValueSet",
                           "valueCanonical": "http://hl7.org/fhir/ValueSet/administrative-gender"}],
            "strength": "extensible", "valueSet": "http://hl7.org/fhir/ValueSet/administrative-gender"}}],
        {}, [("code-invalid", "Observation.code")],
    ),
    (
        "target of a reference by its address",
        [{"path": "Observation.subject", "type": [{"code": "Reference", "targetProfile": [CORE + "Group"]}]}],
        {}, [("structure", "Observation.subject")],
    ),
    (
        "target of a reference by its type",
        [{"path": "Observation.subject", "type": [{"code": "Reference", "targetProfile": [CORE + "Group"]}]}],
        {"subject": {"type": "Patient", "identifier": {"value": "1"}}},
        [("structure", "Observation.subject")],
    ),
    (
        "profile of a datatype",
        [{"path": "Observation.referenceRange.low", "min": 1}],
        {"referenceRange": [{"low": {"value": 1, "comparator": "<"}}]},
        [
            ("invariant", "Observation.referenceRange[0].low"),
            ("structure", "Observation.referenceRange[0].low.comparator"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("element", "changes", "expected"), [r[1:] for r in RULES], ids=[r[0] for r in RULES]
)
def test_rule_of_an_element(
    element: list[dict[str, Any]], changes: dict[str, Any], expected: list[tuple[str, str]]
):
    assert found(observation(**changes), profile(*element)) == expected


# Slices

VALUE = [
    sliced("Observation.category", ("value", "coding.code")),
    {"path": "Observation.category", "sliceName": "lab", "min": 1, "max": "1"},
    {"path": "Observation.category.coding.code", "fixedCode": "laboratory", "min": 1},
    {"path": "Observation.category.text", "min": 1},
]
PATTERN = [
    sliced("Observation.component", ("pattern", "code")),
    {"path": "Observation.component", "sliceName": "systolic", "min": 1, "max": "1"},
    {"path": "Observation.component.code", "patternCodeableConcept": concept("8480-6")},
    {"path": "Observation.component.value[x]", "min": 1, "type": [{"code": "Quantity"}]},
    {"path": "Observation.component", "sliceName": "diastolic", "min": 1, "max": "1"},
    {"path": "Observation.component.code", "patternCodeableConcept": concept("8462-4")},
]
NESTED = [
    sliced("Observation.component", ("value", "code")),
    {"path": "Observation.component", "sliceName": "systolic", "min": 1},
    {"path": "Observation.component.code.coding.system", "fixedUri": LOINC, "min": 1},
    {"path": "Observation.component.code.coding.code", "fixedCode": "8480-6", "min": 1},
]
ABOVE = [
    sliced("Observation.component", ("value", "code.coding.code"), ("value", "code.coding.system")),
    {"path": "Observation.component", "sliceName": "systolic", "min": 1, "max": "1"},
    {"path": "Observation.component.code", "patternCodeableConcept": concept("8480-6")},
    {"path": "Observation.component", "sliceName": "diastolic", "min": 1, "max": "1"},
    {"path": "Observation.component.code", "patternCodeableConcept": concept("8462-4")},
]
EXISTS = [
    sliced("Observation.component", ("exists", "value")),
    {"path": "Observation.component", "sliceName": "valued", "min": 1},
    {"path": "Observation.component.value[x]", "min": 1},
    {"path": "Observation.component.interpretation", "min": 1},
    {"path": "Observation.component", "sliceName": "absent", "max": "1"},
    {"path": "Observation.component.value[x]", "max": "0"},
    {"path": "Observation.component.dataAbsentReason", "min": 1},
]
TYPE = [
    sliced("Observation.value[x]", ("type", "$this"), rules="closed"),
    {"path": "Observation.value[x]", "sliceName": "valueQuantity", "type": [{"code": "Quantity"}]},
    {"path": "Observation.value[x].unit", "min": 1},
]
REFERENCE_TYPE = [
    sliced("Observation.performer", ("type", "resolve()")),
    {
        "path": "Observation.performer", "sliceName": "person", "min": 1, "max": "1",
        "type": [{"code": "Reference", "targetProfile": [CORE + "Practitioner"]}],
    },
    {
        "path": "Observation.performer", "sliceName": "house", "min": 1,
        "type": [{"code": "Reference", "targetProfile": [CORE + "Organization"]}],
    },
]  # fmt: skip
THIS = [
    sliced("Observation.category", ("pattern", "$this"), rules="closed"),
    {
        "path": "Observation.category", "sliceName": "lab", "min": 1,
        "patternCodeableConcept": concept("laboratory", "http://x"),
    },
]  # fmt: skip
ORDERED = [
    sliced("Observation.category", ("value", "text"), ordered=True),
    {"path": "Observation.category", "sliceName": "a"},
    {"path": "Observation.category.text", "fixedString": "a", "min": 1},
    {"path": "Observation.category", "sliceName": "b"},
    {"path": "Observation.category.text", "fixedString": "b", "min": 1},
]
AT_END = [
    sliced("Observation.category", ("value", "text"), rules="openAtEnd"),
    {"path": "Observation.category", "sliceName": "a"},
    {"path": "Observation.category.text", "fixedString": "a", "min": 1},
]
BOUND = [
    sliced("Observation.category", ("value", "$this")),
    {
        "path": "Observation.category", "sliceName": "gender", "min": 1,
        "binding": {"strength": "required",
                    "valueSet": "http://hl7.org/fhir/ValueSet/administrative-gender"},
    },
]  # fmt: skip
TWO = [
    sliced("Observation.component", ("value", "code.text"), ("exists", "value")),
    {"path": "Observation.component", "sliceName": "a", "min": 1},
    {"path": "Observation.component.code.text", "fixedString": "a", "min": 1},
    {"path": "Observation.component.value[x]", "min": 1},
]
RESLICED = [
    sliced("Observation.category", ("value", "coding.system")),
    {"id": "Observation.category:local", "path": "Observation.category", "sliceName": "local",
     "min": 2, "slicing": {"discriminator": [{"type": "value", "path": "coding.code"}], "rules": "closed"}},
    {"id": "Observation.category:local.coding.system", "path": "Observation.category.coding.system",
     "fixedUri": "http://x", "min": 1},
    {"id": "Observation.category:local/one", "path": "Observation.category", "sliceName": "local/one", "min": 1, "max": "1"},
    {"id": "Observation.category:local/one.coding.code", "path": "Observation.category.coding.code", "fixedCode": "1", "min": 1},
    {"id": "Observation.category:local/two", "path": "Observation.category", "sliceName": "local/two", "min": 1, "max": "1"},
    {"id": "Observation.category:local/two.coding.code", "path": "Observation.category.coding.code", "fixedCode": "2", "min": 1},
]  # fmt: skip
EXTENSION = [
    sliced("Observation.extension", ("value", "url")),
    {
        "path": "Observation.extension", "sliceName": "secondary", "min": 1, "max": "1",
        "type": [{"code": "Extension", "profile": ["http://example.org/extension"]}],
    },
]  # fmt: skip
BY_EXTENSION = [
    sliced("Observation.performer", ("value", "extension('http://example.org/extension').value")),
    {"id": "Observation.performer:lead", "path": "Observation.performer", "sliceName": "lead", "min": 1},
    {"id": "Observation.performer:lead.extension", "path": "Observation.performer.extension",
     "slicing": {"discriminator": [{"type": "value", "path": "url"}], "rules": "open"}},
    {"id": "Observation.performer:lead.extension:role", "path": "Observation.performer.extension",
     "sliceName": "role", "min": 1, "type": [{"code": "Extension", "profile": ["http://example.org/extension"]}]},
    {"id": "Observation.performer:lead.extension:role.value[x]", "path": "Observation.performer.extension.value[x]",
     "fixedCode": "lead"},
    {"id": "Observation.performer:lead.display", "path": "Observation.performer.display", "min": 1},
]  # fmt: skip
SYSTOLIC = {"code": concept("8480-6"), "valueQuantity": {"value": 120}}
DIASTOLIC = {"code": concept("8462-4"), "valueQuantity": {"value": 80}}
LAB = {"coding": [{"code": "laboratory"}], "text": "x"}
CODE_EXTENSION = {"url": "http://example.org/extension", "valueCode": "lead"}

SLICES: list[tuple[str, list[dict[str, Any]], dict[str, Any], list[tuple[str, str]]]] = [
    ("value: kept", VALUE, {"category": [LAB]}, []),
    ("value: others are allowed", VALUE, {"category": [{"text": "x"}, LAB]}, []),
    ("value: missing", VALUE, {"category": [{"text": "x"}]}, [("required", "Observation.category")]),
    ("value: nothing there", VALUE, {}, [("required", "Observation.category")]),
    ("value: twice", VALUE, {"category": [LAB, LAB]}, [("structure", "Observation.category")]),
    ("value: rule of the slice", VALUE, {"category": [{"coding": [{"code": "laboratory"}]}]},
     [("required", "Observation.category[0].text")]),
    ("pattern: kept", PATTERN, {"component": [DIASTOLIC, SYSTOLIC]}, []),
    ("pattern: missing", PATTERN, {"component": [DIASTOLIC]}, [("required", "Observation.component")]),
    ("pattern: type in the slice", PATTERN,
     {"component": [DIASTOLIC, {"code": concept("8480-6"), "valueString": "x"}]},
     [("structure", "Observation.component[1].value.ofType(string)")]),
    ("pattern: value in the slice", PATTERN, {"component": [DIASTOLIC, {"code": concept("8480-6")}]},
     [("required", "Observation.component[1].value")]),
    ("pattern: value not needed in the other", PATTERN,
     {"component": [{"code": concept("8462-4")}, SYSTOLIC]}, []),
    ("pattern: too often", PATTERN, {"component": [DIASTOLIC, SYSTOLIC, SYSTOLIC]},
     [("structure", "Observation.component")]),
    ("nested value: kept", NESTED, {"component": [SYSTOLIC]}, []),
    ("nested value: other system", NESTED, {"component": [{"code": concept("8480-6", "http://x")}]},
     [("required", "Observation.component")]),
    ("pattern above the path: kept", ABOVE, {"component": [SYSTOLIC, DIASTOLIC]}, []),
    ("pattern above the path: missing", ABOVE, {"component": [SYSTOLIC, SYSTOLIC]},
     [("required", "Observation.component"), ("structure", "Observation.component")]),
    ("exists: kept", EXISTS,
     {"component": [{"code": {"text": "a"}, "valueString": "x", "interpretation": [{"text": "H"}]}]}, []),
    ("exists: rule of the one", EXISTS, {"component": [{"code": {"text": "a"}, "valueString": "x"}]},
     [("required", "Observation.component[0].interpretation")]),
    ("exists: rule of the other", EXISTS,
     {"component": [{"code": {"text": "a"}, "valueString": "x", "interpretation": [{"text": "H"}]},
                    {"code": {"text": "b"}}]},
     [("required", "Observation.component[1].dataAbsentReason")]),
    ("type: kept", TYPE, {"valueQuantity": {"value": 1, "unit": "mm"}}, []),
    ("type: rule of the slice", TYPE, {"valueQuantity": {"value": 1}},
     [("required", "Observation.value.ofType(Quantity).unit")]),
    ("type: closed", TYPE, {"valueString": "x"}, [("structure", "Observation.value.ofType(string)")]),
    ("type of a reference: kept", REFERENCE_TYPE,
     {"performer": [{"reference": "Organization/1"}, {"reference": "Practitioner/1"}]}, []),
    ("type of a reference: missing", REFERENCE_TYPE, {}, [("required", "Observation.performer")]),
    ("type of a reference: twice", REFERENCE_TYPE,
     {"performer": [{"reference": f"{t}/1"} for t in ("Organization", "Practitioner", "Practitioner")]},
     [("structure", "Observation.performer")]),
    ("type of a contained target", REFERENCE_TYPE,
     {"contained": [{"resourceType": "Organization", "id": "o", "name": "O"}],
      "performer": [{"reference": "#o"}, {"reference": "Practitioner/1"}]}, []),
    ("this: kept", THIS, {"category": [concept("laboratory", "http://x")]}, []),
    ("this: closed", THIS, {"category": [concept("laboratory", "http://x"), {"text": "x"}]},
     [("structure", "Observation.category[1]")]),
    ("ordered: kept", ORDERED, {"category": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}, []),
    ("ordered: turned round", ORDERED, {"category": [{"text": "b"}, {"text": "a"}]},
     [("structure", "Observation.category[1]")]),
    ("open at the end: kept", AT_END, {"category": [{"text": "a"}, {"text": "x"}]}, []),
    ("open at the end: before", AT_END, {"category": [{"text": "x"}, {"text": "a"}]},
     [("structure", "Observation.category[1]")]),
    ("by binding: kept", BOUND,
     {"category": [concept("male", "http://hl7.org/fhir/administrative-gender")]}, []),
    ("by binding: missing", BOUND,
     {"category": [concept("tall", "http://hl7.org/fhir/administrative-gender")]},
     [("required", "Observation.category")]),
    ("two discriminators: kept", TWO, {"component": [{"code": {"text": "a"}, "valueString": "x"}]}, []),
    ("two discriminators: one differs", TWO, {"component": [{"code": {"text": "a"}}]},
     [("required", "Observation.component")]),
    ("re-sliced: kept", RESLICED, {"category": [concept("1", "http://x"), concept("2", "http://x")]}, []),
    ("re-sliced: inner missing", RESLICED,
     {"category": [concept("1", "http://x"), concept("1", "http://x")]},
     [("required", "Observation.category"), ("structure", "Observation.category")]),
    ("re-sliced: inner closed", RESLICED,
     {"category": [concept("1", "http://x"), concept("2", "http://x"), concept("3", "http://x")]},
     [("structure", "Observation.category[2]")]),
    ("extension: kept", EXTENSION, {"extension": [CODE_EXTENSION]}, []),
    ("extension: missing", EXTENSION, {}, [("required", "Observation.extension")]),
    ("extension: its own definition", EXTENSION,
     {"extension": [{"url": "http://example.org/extension", "valueString": "x"}]},
     [("structure", "Observation.extension[0].value.ofType(string)")]),
    ("by extension: kept", BY_EXTENSION,
     {"performer": [{"display": "L", "extension": [CODE_EXTENSION]}]}, []),
    ("by extension: rule of the slice", BY_EXTENSION,
     {"performer": [{"reference": "Practitioner/1", "extension": [CODE_EXTENSION]}]},
     [("required", "Observation.performer[0].display")]),
    ("by extension: other value", BY_EXTENSION,
     {"performer": [{"display": "L", "extension": [{**CODE_EXTENSION, "valueCode": "x"}]}]},
     [("required", "Observation.performer")]),
]  # fmt: skip
EXTENSION_PROFILE = profile(
    {"path": "Extension.url", "fixedUri": "http://example.org/extension"},
    {"path": "Extension.value[x]", "min": 1, "type": [{"code": "code"}]},
    type_="Extension",
    url="http://example.org/extension",
    kind="complex-type",
    context=[
        {"type": "element", "expression": "Observation"},
        {"type": "element", "expression": "Reference"},
    ],
)


@pytest.mark.parametrize(
    ("element", "changes", "expected"), [s[1:] for s in SLICES], ids=[s[0] for s in SLICES]
)
def test_slice(
    element: list[dict[str, Any]], changes: dict[str, Any], expected: list[tuple[str, str]]
):
    assert found(observation(**changes), profile(*element), EXTENSION_PROFILE) == expected


# Profiles on what is contained, referred to, or an entry

STRICT_PATIENT = profile(
    {"path": "Patient.birthDate", "min": 1}, type_="Patient", url="http://example.org/patient"
)


def test_contained_target_must_conform_to_the_profile_of_the_reference():
    rule = profile(
        {"path": "Observation.subject",
         "type": [{"code": "Reference", "targetProfile": ["http://example.org/patient"]}]}
    )  # fmt: skip
    inside = {"resourceType": "Patient", "id": "p", "name": [{"text": "x"}]}
    body = observation(contained=[inside], subject={"reference": "#p"})

    assert found(body, rule, STRICT_PATIENT) == [("structure", "Observation.subject")]
    inside["birthDate"] = "1970"
    assert found(body, rule, STRICT_PATIENT) == []


def test_target_in_the_bundle_must_conform_to_the_profile_of_the_reference():
    rule = profile(
        {"path": "Observation.subject",
         "type": [{"code": "Reference", "targetProfile": ["http://example.org/patient"]}]}
    )  # fmt: skip
    person = {**PATIENT, "id": "1"}
    entries = [
        {"fullUrl": "http://x/Patient/1", "resource": person},
        {"fullUrl": "http://x/Observation/2", "resource": {**observation(id="2", meta={"profile": [URL]})}},
    ]  # fmt: skip
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    whole = profile(type_="Bundle", url="http://example.org/bundle")

    assert found(bundle, whole, rule, STRICT_PATIENT) == [
        ("structure", "Bundle.entry[1].resource.subject")
    ]
    person["birthDate"] = "1970"
    assert found(bundle, whole, rule, STRICT_PATIENT) == []


@pytest.mark.parametrize("discriminator", [("profile", "resource"), ("type", "resource")])
def test_entries_of_a_bundle_are_slices_by_profile_and_by_type(discriminator: tuple[str, str]):
    rule = profile(
        sliced("Bundle.entry", discriminator),
        {"path": "Bundle.entry", "sliceName": "person", "min": 1, "max": "1"},
        {"path": "Bundle.entry.resource", "min": 1,
         "type": [{"code": "Patient", "profile": ["http://example.org/patient"]}]},
        type_="Bundle",
    )  # fmt: skip

    def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
        entries = [
            {"fullUrl": f"urn:uuid:00000000-0000-4000-8000-{n:012}", "resource": r}
            for n, r in enumerate(resources)
        ]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}

    good = {**PATIENT, "birthDate": "1970"}
    assert found(bundle(good, OBSERVATION), rule, STRICT_PATIENT) == []
    assert found(bundle(OBSERVATION), rule, STRICT_PATIENT) == [("required", "Bundle.entry")]
    # What nearly conforms is told as well.
    missing = [("required", "Bundle.entry")] if discriminator[0] == "profile" else []
    assert found(bundle(OBSERVATION, PATIENT), rule, STRICT_PATIENT) == [
        *missing,
        ("required", "Bundle.entry[1].resource.birthDate"),
    ]


def test_contained_resources_are_slices_by_profile():
    rule = profile(
        sliced("Observation.contained", ("profile", "$this"), rules="closed"),
        {"path": "Observation.contained", "sliceName": "person",
         "type": [{"code": "Patient", "profile": ["http://example.org/patient"]}]},
    )  # fmt: skip
    inside = {"resourceType": "Patient", "id": "p", "name": [{"text": "x"}]}
    body = observation(contained=[inside], subject={"reference": "#p"})

    assert found(body, rule, STRICT_PATIENT) == [("structure", "Observation.contained[0]")]
    inside["birthDate"] = "1970"
    assert found(body, rule, STRICT_PATIENT) == []


# Profiles of profiles


def test_derived_profile_adds_to_a_slice_of_its_base():
    derived = profile(
        {"id": "Observation.component:systolic.interpretation",
         "path": "Observation.component.interpretation", "min": 1},
        url="http://example.org/derived", baseDefinition=URL,
    )  # fmt: skip
    body = observation(component=[SYSTOLIC, DIASTOLIC])

    assert found(body, derived, profile(*PATTERN)) == [
        ("required", "Observation.component[0].interpretation")
    ]
    assert found(observation(component=[SYSTOLIC]), derived, profile(*PATTERN)) == [
        ("required", "Observation.component"),
        ("required", "Observation.component[0].interpretation"),
    ]


def test_every_profile_in_meta_counts():
    other = profile({"path": "Observation.method", "min": 1}, url="http://example.org/other")
    body = observation(meta={"profile": [URL, "http://example.org/other"]})

    assert found(body, profile({"path": "Observation.note", "min": 1}), other) == [
        ("required", "Observation.method"),
        ("required", "Observation.note"),
    ]


def test_profile_of_another_type_is_an_error():
    body = {**PATIENT, "meta": {"profile": [URL]}}
    whole = profile(type_="Patient", url="http://example.org/other")

    assert found(body, whole, profile()) == [("invalid", "Patient.meta.profile[0]")]


def test_unknown_profile_is_a_warning_or_what_is_asked():
    body = json.dumps(observation()).encode()

    assert [i.severity for i in examine(body, profiles=[URL])] == ["warning"]
    assert [i.severity for i in examine(body, profiles=[URL], unknown_profile="error")] == ["error"]


@pytest.mark.parametrize(
    "broken",
    [
        profile(baseDefinition="http://example.org/nowhere"),
        profile(baseDefinition=URL),
        profile({"path": "Observation.colour"}),
        profile({"path": "Patient.name"}),
        {"resourceType": "StructureDefinition", "url": URL, "snapshot": {"element": [{}]}},
        {"resourceType": "StructureDefinition", "url": URL},
    ],
)
def test_profile_that_cannot_be_read_is_said_and_nothing_else_happens(broken: dict[str, Any]):
    packages = Packages.of_r4()
    packages.add(broken)

    issues = examine(json.dumps(OBSERVATION).encode(), profiles=[URL], packages=packages)

    assert [(i.severity, i.code) for i in issues] == [("warning", "not-supported")]


def test_version_of_a_canonical_address_chooses_the_profile():
    packages = Packages.of_r4()
    packages.add(profile({"path": "Observation.note", "min": 1}, version="1.0.0"))
    packages.add(profile({"path": "Observation.method", "min": 1}, version="2.0.0"))
    body = json.dumps(OBSERVATION).encode()

    def missing(canonical: str) -> list[str]:
        return [i.expression for i in examine(body, profiles=[canonical], packages=packages)]

    assert missing(f"{URL}|1.0.0") == ["Observation.note"]
    assert missing(f"{URL}|2.0") == ["Observation.method"]
    assert missing(URL) == ["Observation.method"]
    assert missing(f"{URL}|3.0.0") == ["Observation"]


def test_references_are_sliced_by_the_code_of_what_they_point_to():
    def laboratory(name: str, code: str) -> dict[str, Any]:
        pattern = {"path": "Observation.code", "patternCodeableConcept": concept(code)}
        return profile(pattern, url=f"http://example.org/{name}")

    def slice_(name: str) -> dict[str, Any]:
        kind = {"code": "Reference", "targetProfile": [f"http://example.org/{name}"]}
        path = "Observation.hasMember"
        return {"path": path, "sliceName": name, "min": 1, "max": "1", "type": [kind]}

    panel = profile(
        sliced("Observation.hasMember", ("value", "resolve().code"), ordered=True, rules="closed"),
        slice_("cholesterol"),
        slice_("glucose"),
    )
    known = (laboratory("cholesterol", "35200-5"), laboratory("glucose", "15074-8"))

    def report(*codes: str) -> dict[str, Any]:
        inside = [{**observation(code=concept(c)), "id": f"o{n}"} for n, c in enumerate(codes)]
        for one in inside:
            del one["text"]
        members = [{"reference": f"#{one['id']}"} for one in inside]
        return observation(contained=inside, hasMember=members)

    assert found(report("35200-5", "15074-8"), panel, *known) == []
    assert found(report("35200-5"), panel, *known) == [("required", "Observation.hasMember")]
    assert found(report("15074-8", "35200-5"), panel, *known) == [
        ("structure", "Observation.hasMember[1]")
    ]
    assert found(report("35200-5", "15074-8", "1-8"), panel, *known) == [
        ("structure", "Observation.hasMember[2]")
    ]


def test_profile_of_r4_itself_is_used_without_any_package():
    pressure = observation(
        category=[concept("vital-signs", "http://terminology.hl7.org/CodeSystem/observation-category")],
        component=[
            {"code": concept(code), "valueQuantity": {
                "value": 1, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}}
            for code in ("8480-6", "8462-4")
        ],
        meta={"profile": [CORE + "bp"]},
    )  # fmt: skip

    assert found(pressure, {"url": CORE + "vitalsigns"}) == []
    pressure["component"][0]["valueQuantity"]["code"] = "kPa"
    del pressure["component"][1]
    errors = found(pressure, {"url": CORE + "vitalsigns"})
    assert ("required", "Observation.component") in errors
    assert ("value", "Observation.component[0].value.ofType(Quantity).code") in errors
