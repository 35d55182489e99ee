"""The official suites of FHIRPath Patch and JSON Patch, unchanged."""

import json
import xml.etree.ElementTree as ET

import pytest
from tests.conformance_report import Score
from tests.fhir.xml_reader import json_of
from tests.outside import conformance

from yba.fhir import r4
from yba.foundation.record.errors import PatchRefused
from yba.foundation.record.patching import fhirpath_patch, json_patch, service


def _fhirpath_cases() -> list[ET.Element]:
    return list(ET.parse(conformance("patch/fhir-patch-tests.xml")).getroot().iter("case"))


def _json_of(case: ET.Element, name: str) -> bytes:
    found = case.find(name)
    assert found is not None
    return json_of(ET.tostring(found[0]))


def test_every_case_of_the_fhirpath_patch_suite(score: Score):
    passed, failed = 0, []
    for case in _fhirpath_cases():
        name = case.attrib["name"]
        patch = service.read(_json_of(case, "diff"), "application/fhir+json")
        expected = case.find("output")
        try:
            got: object = json.loads(patch(_json_of(case, "input")))
        except PatchRefused:
            got = "refused"
        wanted = "refused" if expected is None else json.loads(_json_of(case, "output"))
        if got == wanted:
            passed += 1
        else:
            failed.append(name)

    score("fhirpath-patch", passed, passed + len(failed))
    assert (failed, passed) == ([], 33)


def test_every_case_of_the_json_patch_suite(score: Score):
    cases = json_patch.load(conformance("patch/json-patch-tests.json").read_bytes())
    passed, failed = 0, []
    for case in cases:
        try:
            got = json_patch.JsonPatch(case["patch"]).apply(case["doc"])
        except PatchRefused:
            correct = "error" in case
        else:
            correct = "error" not in case and json_patch.same(got, case["expected"])
        if correct:
            passed += 1
        else:
            failed.append(case["comment"])

    score("json-patch", passed, passed + len(failed))
    assert (failed, passed) == ([], 16)


@pytest.mark.parametrize("value", ["5.400", "1.0", "0.0001", "100"])
def test_numbers_keep_their_digits_through_a_json_patch(value):
    body = f'{{"resourceType":"Observation","valueQuantity":{{"value":{value}}}}}'.encode()
    patch = service.read(b'[{"op":"add","path":"/status","value":"final"}]', service.JSON_PATCH)

    assert f'"value":{value}}}'.encode() in patch(body)


def test_an_element_without_content_disappears_with_the_last_of_it():
    body = b'{"resourceType":"Patient","name":[{"given":["A"]}],"gender":"male"}'
    patch = service.read(b'[{"op":"remove","path":"/name/0/given/0"}]', service.JSON_PATCH)

    assert json.loads(patch(body)) == {"resourceType": "Patient", "gender": "male"}


def test_a_choice_may_change_its_type():
    patient = r4.Patient(deceasedBoolean=True)
    patch = fhirpath_patch.FhirPathPatch(
        r4.Parameters(parameter=[
            r4.ParametersParameter(name="operation", part=[
                r4.ParametersParameter(name="type", valueCode="replace"),
                r4.ParametersParameter(name="path", valueString="Patient.deceased"),
                r4.ParametersParameter(name="value", valueDateTime="2020-01-02"),
            ])
        ])
    )  # fmt: skip

    patch.apply(patient)

    assert r4.encode(patient) == b'{"resourceType":"Patient","deceasedDateTime":"2020-01-02"}'
