"""The deep examination by R4 itself: invariants, bindings, references, extensions, narratives, bundles."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from yba.fhir import r4
from yba.fhir.profiles import Packages
from yba.fhir.profiles.packages import core_rules
from yba.fhir.validation import examine
from yba.fhir.validation.invariants import BROKEN, CHECKED_OTHERWISE, REPAIRED
from yba.fhir.validation.narrative import problems_of

XHTML = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
TEXT = {"status": "generated", "div": XHTML.format("x")}
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"


def resource(type_: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": type_, "text": TEXT, **elements}


def patient(**elements: Any) -> dict[str, Any]:
    return resource("Patient", **elements)


def observation(**elements: Any) -> dict[str, Any]:
    whole = {"status": "final", "code": {"text": "x"}, "subject": {"reference": "Patient/1"}}
    more = {"performer": [{"reference": "Practitioner/1"}], "effectiveDateTime": "2026-03-01"}
    return resource("Observation", **{**whole, **more, **elements})


def condition(**elements: Any) -> dict[str, Any]:
    active = {"coding": [{"system": CLINICAL, "code": "active"}]}
    whole = {"clinicalStatus": active, "subject": {"reference": "Patient/1"}}
    return resource("Condition", **{**whole, **elements})


def bundle(*entries: dict[str, Any], type_: str = "collection", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries), **more}


def told(body: Any, *severities: str) -> list[tuple[str, str, str]]:
    """Return (code, expression, rule or "") of the issues of these severities (errors if none are given)."""
    found = examine(body if isinstance(body, bytes) else json.dumps(body).encode())
    wanted = severities or ("error", "fatal")
    return [
        (i.code, i.expression, str(i.values.get("key", ""))) for i in found if i.severity in wanted
    ]


# Invariants

RULES: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("pat-1", patient(contact=[{"gender": "male"}]), ("pat-1", "Patient.contact[0]")),
    ("obs-6", observation(valueInteger=1, dataAbsentReason={"text": "x"}), ("obs-6", "Observation")),
    ("obs-3", observation(referenceRange=[{"type": {"text": "x"}}]), ("obs-3", "Observation.referenceRange[0]")),
    (
        "obs-7",
        observation(component=[{"code": {"coding": [{"code": "x"}]}}], valueInteger=1, code={"coding": [{"code": "x"}]}),
        ("obs-7", "Observation"),
    ),
    ("qty-3", observation(valueQuantity={"value": 1, "code": "mm"}), ("qty-3", "Observation.value.ofType(Quantity)")),
    ("rng-2", observation(valueRange={"low": {"value": 2}, "high": {"value": 1}}),
     ("rng-2", "Observation.value.ofType(Range)")),
    ("rat-1", observation(valueRatio={"numerator": {"value": 1}}), ("rat-1", "Observation.value.ofType(Ratio)")),
    ("per-1", observation(valuePeriod={"start": "2026-02-01", "end": "2026-01-01"}),
     ("per-1", "Observation.value.ofType(Period)")),
    ("cpt-2", patient(telecom=[{"value": "1"}]), ("cpt-2", "Patient.telecom[0]")),
    ("att-1", patient(photo=[{"data": "YQ=="}]), ("att-1", "Patient.photo[0]")),
    ("con-5", condition(verificationStatus={"coding": [{
        "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "entered-in-error"}]}),
     ("con-5", "Condition")),
    ("con-4", condition(abatementString="gone"), ("con-4", "Condition")),
    ("org-1", resource("Organization", active=True), ("org-1", "Organization")),
    ("dom-2", patient(contained=[{"resourceType": "Patient", "id": "a", "contained": [
        {"resourceType": "Patient", "id": "b", "active": True}], "link": [
        {"other": {"reference": "#"}, "type": "refer"}]}]), ("dom-2", "Patient")),
    ("tim-1", resource("ServiceRequest", status="active", intent="order", subject={"reference": "Patient/1"},
                       occurrenceTiming={"repeat": {"duration": 1}}),
     ("tim-1", "ServiceRequest.occurrence.ofType(Timing).repeat")),
    ("que-2", resource("Questionnaire", status="draft", item=[
        {"linkId": "1", "type": "string"}, {"linkId": "1", "type": "string"}]), ("que-2", "Questionnaire")),
    ("que-1", resource("Questionnaire", status="draft", item=[{"linkId": "1", "type": "group"}]),
     ("que-1", "Questionnaire.item[0]")),
    ("cmp-1", resource(
        "Composition", status="final", type={"text": "x"}, date="2026", author=[{"display": "x"}], title="x",
        section=[{"title": "x"}]), ("cmp-1", "Composition.section[0]")),
    ("bdl-1", bundle(total=1), ("bdl-1", "Bundle")),
    ("bdl-3", bundle({"resource": patient(), "request": {"method": "GET", "url": "x"}}), ("bdl-3", "Bundle")),
    ("bdl-7", bundle(*({"fullUrl": "urn:uuid:7d1c25b5-55a2-4f4e-8f5f-6a4a5e6c5b10", "resource": patient()},) * 2),
     ("bdl-7", "Bundle")),
    ("bdl-11", bundle({"fullUrl": "urn:uuid:7d1c25b5-55a2-4f4e-8f5f-6a4a5e6c5b10", "resource": patient()},
                      type_="document", identifier={"system": "x:y", "value": "1"}, timestamp="2026-01-01T00:00:00Z"),
     ("bdl-11", "Bundle")),
    ("csd-1", resource("CodeSystem", status="draft", content="complete", concept=[{"code": "a"}, {"code": "a"}]),
     ("csd-1", "CodeSystem")),
    ("vsd-1", resource("ValueSet", status="draft", compose={"include": [{"version": "1"}]}),
     ("vsd-1", "ValueSet.compose.include[0]")),
    ("inside a contained resource", patient(
        contained=[{"resourceType": "Organization", "id": "o", "active": True}],
        managingOrganization={"reference": "#o"}), ("org-1", "Patient.contained[0]")),
    ("inside a bundle", bundle({"resource": resource("Organization", active=True)}),
     ("org-1", "Bundle.entry[0].resource")),
    ("inside parameters", {"resourceType": "Parameters", "parameter": [
        {"name": "a", "part": [{"name": "b", "resource": resource("Organization", active=True)}]}]},
     ("org-1", "Parameters.parameter[0].part[0].resource")),
    ("inside an extension", patient(extension=[
        {"url": EXTENSION + "patient-citizenship", "extension": [
            {"url": "period", "valuePeriod": {"start": "2026-02-01", "end": "2026-01-01"}}]}]),
     ("per-1", "Patient.extension[0].extension[0].value.ofType(Period)")),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), [r[1:] for r in RULES], ids=[r[0] for r in RULES])
def test_broken_rule_is_told_at_its_place(body: dict[str, Any], expected: tuple[str, str]):
    found = [(key, where) for code, where, key in told(body) if code == "invariant"]

    assert found == [expected]


def test_advice_is_a_warning():
    bare = {"resourceType": "Patient", "active": True}

    assert told(bare) == []
    assert told(bare, "warning") == [("invariant", "Patient", "dom-6")]


def test_rules_that_are_not_evaluated_are_rules_of_r4():
    keys = {key for key, _ in core_rules()} | {"ele-1", "ext-1"}

    assert {*CHECKED_OTHERWISE, *BROKEN, *REPAIRED} <= keys
    assert len(core_rules()) > 220


def test_repaired_rules_hold_and_break():
    def questionnaire(answer: dict[str, Any]) -> dict[str, Any]:
        when = [{"question": "1", "operator": "exists", **answer}]
        items = [
            {"linkId": "1", "type": "string"},
            {"linkId": "2", "type": "string", "enableWhen": when},
        ]
        return resource("Questionnaire", status="draft", item=items)  # fmt: skip

    assert told(questionnaire({"answerBoolean": True})) == []
    assert told(questionnaire({"answerString": "x"})) == [
        ("invariant", "Questionnaire.item[1].enableWhen[0]", "que-7")
    ]


def test_moment_of_the_examination_is_a_parameter():
    packages = Packages.of_r4()
    rule = {"key": "x-1", "severity": "error", "human": "", "expression": "issued < now()"}
    packages.add({
        "resourceType": "StructureDefinition", "url": "http://x/p", "name": "P", "type": "Observation",
        "derivation": "constraint", "baseDefinition": EXTENSION + "Observation",
        "differential": {"element": [{"path": "Observation", "constraint": [rule]}]},
    })  # fmt: skip
    body = json.dumps(observation(issued="2026-03-01T00:00:00Z")).encode()

    def errors(year: int) -> int:
        at = datetime(year, 1, 1, tzinfo=UTC)
        found = examine(body, profiles=["http://x/p"], packages=packages, at=at)
        return sum(i.is_error for i in found)

    assert (errors(2025), errors(2027)) == (1, 0)


# Bindings


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (patient(gender="man"), [("code-invalid", "Patient.gender", "")]),
        (patient(language="vi-VN"), []),
        (patient(language="no language"), [("code-invalid", "Patient.language", "")]),
        (patient(maritalStatus={"text": "x"}), []),
        (patient(photo=[{"contentType": "image/png", "url": "x"}]), []),
        (patient(photo=[{"contentType": "image png", "url": "x"}]),
         [("code-invalid", "Patient.photo[0].contentType", "")]),
        (condition(clinicalStatus={"coding": [{"system": CLINICAL, "code": "x"}]}),
         [("code-invalid", "Condition.clinicalStatus", "")]),
    ],
)  # fmt: skip
def test_code_outside_a_required_value_set_is_an_error(body: Any, expected: list[Any]):
    assert told(body) == expected


def test_code_outside_an_extensible_value_set_is_a_warning_and_text_alone_is_fine():
    outside = {"coding": [{"system": "http://example.org", "code": "x"}], "text": "x"}

    assert told(patient(maritalStatus=outside), "error", "warning") == [
        ("code-invalid", "Patient.maritalStatus", "")
    ]
    assert told(patient(maritalStatus={"text": "x"}), "error", "warning") == []


def test_code_that_its_system_does_not_have_is_a_warning():
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    known, unknown = ({"coding": [{"system": system, "code": c}]} for c in ("AMB", "nobody"))

    assert told(observation(method=known), "error", "warning") == []
    assert told(observation(method=unknown), "error", "warning") == [
        ("code-invalid", "Observation.method.coding[0]", "")
    ]


# References


def test_reference_must_point_to_an_allowed_type():
    wrong = patient(managingOrganization={"reference": "http://example.org/fhir/Patient/1"})

    assert told(wrong) == [("structure", "Patient.managingOrganization", "")]
    assert told(patient(managingOrganization={"reference": "Organization/1"})) == []
    assert told(patient(managingOrganization={"type": "Organization", "display": "x"})) == []


def test_reference_to_an_entry_of_the_bundle_is_looked_at():
    target = "urn:uuid:7d1c25b5-55a2-4f4e-8f5f-6a4a5e6c5b10"
    body = bundle(
        {"fullUrl": target, "resource": patient()},
        {"fullUrl": target[:-1] + "1", "resource": patient(managingOrganization={"reference": target})},
    )  # fmt: skip

    assert told(body) == [("structure", "Bundle.entry[1].resource.managingOrganization", "")]


def test_contained_resources_have_an_id_are_used_and_are_found():
    organization = {"resourceType": "Organization", "id": "o", "name": "O"}
    used = {"reference": "#o"}

    assert told(patient(contained=[organization], managingOrganization=used)) == []
    assert told(patient(contained=[organization])) == [("invariant", "Patient.contained[0]", "")]
    assert told(patient(managingOrganization=used)) == [
        ("invariant", "Patient.managingOrganization", "")
    ]
    assert told(patient(contained=[organization] * 2, managingOrganization=used)) == [
        ("invalid", "Patient.contained[1].id", "")
    ]
    assert told(patient(contained=[{"resourceType": "Organization", "name": "O"}])) == [
        ("required", "Patient.contained[0].id", "")
    ]


def test_full_url_and_id_of_an_entry_agree():
    entry = {"fullUrl": "http://x/fhir/Patient/1", "resource": patient(id="2")}

    assert told(bundle(entry)) == [("invalid", "Bundle.entry[0].fullUrl", "")]
    assert told(bundle({**entry, "fullUrl": "http://x/fhir/Patient/2"})) == []


# Extensions


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (patient(modifierExtension=[{"url": "http://x/unknown", "valueCode": "x"}]),
         [("extension", "Patient.modifierExtension[0]", "")]),
        (patient(extension=[{"url": "http://x/unknown", "valueCode": "x"}]), []),
        (patient(extension=[{"url": "unknown", "valueCode": "x"}]), [("value", "Patient.extension[0].url", "")]),
        (patient(extension=[{"url": "http://x/unknown"}]), [("invariant", "Patient.extension[0]", "")]),
        (patient(extension=[{"url": "http://x/unknown", "valueCode": "x", "extension": [
            {"url": "http://x/unknown", "valueCode": "x"}]}]), [("invariant", "Patient.extension[0]", "")]),
        (patient(extension=[{"url": EXTENSION + "patient-birthPlace", "valueAddress": {"city": "Huế"}}]), []),
        (patient(extension=[{"url": EXTENSION + "patient-birthPlace", "valueString": "Huế"}]),
         [("structure", "Patient.extension[0].value.ofType(string)", "")]),
        (observation(extension=[{"url": EXTENSION + "patient-birthPlace", "valueAddress": {"city": "Huế"}}]),
         [("extension", "Observation.extension[0]", "")]),
        (patient(modifierExtension=[{"url": EXTENSION + "patient-birthPlace", "valueAddress": {"city": "Huế"}}]),
         [("extension", "Patient.modifierExtension[0]", "")]),
        (patient(_birthDate={"extension": [
            {"url": EXTENSION + "patient-birthTime", "valueDateTime": "1970-01-01T08:00:00+07:00"}]}), []),
        (patient(extension=[
            {"url": EXTENSION + "patient-birthTime", "valueDateTime": "1970-01-01T08:00:00+07:00"}]),
         [("extension", "Patient.extension[0]", "")]),
        (patient(extension=[{"url": EXTENSION + "patient-citizenship", "extension": [
            {"url": "nobody", "valueCode": "x"}]}]), [("extension", "Patient.extension[0].extension[0]", "")]),
    ],
)  # fmt: skip
def test_extension(body: dict[str, Any], expected: list[tuple[str, str, str]]):
    assert told(body) == expected


def test_extension_of_an_extension_may_stand_at_its_value():
    inner = {"url": "http://x/inner", "valueCode": "x"}
    packages = Packages.of_r4()
    for name, context in (
        ("inner", {"type": "extension", "expression": "http://x/outer"}),
        ("outer", {"type": "element", "expression": "Patient"}),
    ):
        packages.add({
            "resourceType": "StructureDefinition", "url": f"http://x/{name}", "name": name, "type": "Extension",
            "derivation": "constraint", "baseDefinition": EXTENSION + "Extension", "context": [context],
            "differential": {"element": [{"path": "Extension.url", "fixedUri": f"http://x/{name}"}]},
        })  # fmt: skip
    outer = {"url": "http://x/outer", "valueCode": "x", "_valueCode": {"extension": [inner]}}

    def wrong(*extensions: Any) -> list[str]:
        body = json.dumps(patient(extension=list(extensions))).encode()
        return [i.expression for i in examine(body, packages=packages) if i.is_error]

    assert wrong(outer) == []
    assert wrong(inner) == ["Patient.extension[0]"]


# Narratives


@pytest.mark.parametrize(
    "inside",
    [
        "text", "<p>a<br/>b</p>", "&nbsp;&eacute;x", '<table border="1"><tr><td colspan="2">x</td></tr></table>',
        '<a href="http://example.org">x</a>', '<img src="#x" alt="x"/>', '<p style="color: red" id="a">x</p>',
        "<ul><li>x</li></ul>", '<span xml:lang="vi">x</span>', "<pre>x</pre>", "<!-- x -->x", '<p data-fhir="x">x</p>',
    ],
)  # fmt: skip
def test_narrative_may_have_simple_html(inside: str):
    assert list(problems_of(XHTML.format(inside))) == []


@pytest.mark.parametrize(
    "div",
    [
        XHTML.format(""), XHTML.format("  "), XHTML.format("<script>x</script>x"), XHTML.format("<p>x"),
        XHTML.format('<p onclick="x">x</p>'), XHTML.format("<form>x</form>"), XHTML.format("<iframe/>x"),
        XHTML.format('<a href="javascript:x">x</a>'), "<div>x</div>", XHTML.format("&unknown;"),
        '<p xmlns="http://www.w3.org/1999/xhtml">x</p>', XHTML.format('<link href="x"/>x'),
        '<!DOCTYPE div [<!ENTITY a "b">]>' + XHTML.format("&a;"), XHTML.format("<object>x</object>"),
        XHTML.format('<svg xmlns="http://www.w3.org/2000/svg"/>x'),
    ],
)  # fmt: skip
def test_narrative_may_have_nothing_else(div: str):
    assert list(problems_of(div))
    assert told(patient(text={"status": "generated", "div": div}))


# As a whole


def test_nothing_stops_at_the_first_issue():
    body = observation(
        status="done", colour="red", valueQuantity={"value": "x", "code": "mm"}, component=[{}],
        subject={"reference": "Medication/1"}, note=[{"time": "x", "text": "x"}],
    )  # fmt: skip

    assert {(code, where) for code, where, _ in told(body)} == {
        ("code-invalid", "Observation.status"),
        ("structure", "Observation.colour"),
        ("structure", "Observation.value.ofType(Quantity).value"),
        ("invariant", "Observation.value.ofType(Quantity)"),
        ("structure", "Observation.component[0]"),
        ("structure", "Observation.subject"),
        ("value", "Observation.note[0].time"),
    }


def test_number_of_issues_is_limited_and_that_is_said():
    body = patient(contact=[{"gender": "male"}] * 600)

    issues = examine(json.dumps(body).encode(), limit=100)

    assert len(issues) == 100
    assert (issues[-1].severity, issues[-1].code) == ("information", "too-costly")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"1", b'{"resourceType":"X"}', b'{"resourceType":"Patient","name":[[]]}',
     b'{"resourceType":"Patient","extension":' + b'[{"url":"u","extension":' * 5_000],
)  # fmt: skip
def test_hostile_input_gets_an_issue_and_no_exception(body: bytes):
    assert told(body)


def test_typed_resources_are_examined_too():
    contact = r4.PatientContact(gender="male")

    issues = examine(r4.Patient(contact=[contact]))

    assert [i.expression for i in issues if i.is_error] == ["Patient.contact[0]"]
