"""The official R4 package has no false error in deep validation; examples that are really wrong are named here.

All 5,306 resources take a minute and are examined with YBA_EXAMPLES=all; otherwise the smaller examples and a part of
the definitions are.
"""

import os
from functools import cache

import pytest
from tests.conformance_report import Score
from tests.fhir.package import package

from yba.fhir.profiles import Packages
from yba.fhir.profiles.packages import files_in
from yba.fhir.profiles.terminology import PackagedTerminology
from yba.fhir.validation import Issue, examine

pytestmark = [pytest.mark.slow, pytest.mark.conformance]

ALL = os.environ.get("YBA_EXAMPLES") == "all"
LARGE = 150_000

EMPTY = {("invariant", "A narrative needs some text or an image.")}
LACKS = {("required", "This element is mandatory and missing.")}
FULL_URL = {("invalid", "The fullUrl and the id of the resource do not agree.")}
NO_BASE = {
    ("invariant", "Rule sdf-4 is broken: If the structure is not abstract, then there SHALL be a baseDefinition")
}  # fmt: skip
BASELESS = (
    "valueset-extensions-ValueSet-author", "valueset-extensions-ValueSet-keyword",
    "valueset-extensions-ValueSet-effective", "valueset-extensions-ValueSet-workflow",
    "valueset-extensions-ValueSet-end", "codesystem-extensions-CodeSystem-author",
    "codesystem-extensions-CodeSystem-effective", "codesystem-extensions-CodeSystem-end",
    "codesystem-extensions-CodeSystem-keyword", "codesystem-extensions-CodeSystem-workflow",
)  # fmt: skip
WRONG: dict[str, set[tuple[str, str]]] = {
    # Lack elements that R4 makes mandatory.
    "ImplementationGuide-fhir.json": LACKS,
    "ig-r4.json": LACKS,
    "Questionnaire-qs1.json": LACKS,
    **{f"SearchParameter-{name}.json": LACKS for name in BASELESS},
    # Its id has 67 letters.
    "SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject.json": {
        ("value", "Is not a valid id.")
    },
    # Logical models that are not abstract and have no base.
    **{f"StructureDefinition-{n}.json": NO_BASE for n in ("Definition", "Event", "FiveWs", "Request")},
    # Their narrative is an empty div.
    "ActivityDefinition-blood-tubes-supply.json": EMPTY,
    "ActivityDefinition-heart-valve-replacement.json": EMPTY,
    "EventDefinition-example.json": EMPTY,
    "Questionnaire-zika-virus-exposure-assessment.json": EMPTY,
    # The last part of a fullUrl is another id than the resource has ("pat12" and "pat2").
    "Bundle-10bb101f-a121-4264-a920-67be9cb82c74.json": FULL_URL,
    "Bundle-3a0707d3-549e-4467-b8b8-5a2ab3800efe.json": FULL_URL,
    "Bundle-lri-example.json": FULL_URL,
    # The same fullUrl stands at several entries.
    "Bundle-dataelements.json": {
        ("invariant", "Rule bdl-7 is broken: FullUrl must be unique in a bundle, or else entries with the same"
         " fullUrl must have different meta.versionId (except in history bundles)")
    },
    # References to types that the element does not allow.
    "DeviceMetric-example.json": {
        ("structure", "The reference must point to one of Device, points to DeviceDefinition.")
    },
    "DeviceUseStatement-example.json": {
        ("structure", "The reference must point to one of Condition, Observation, DiagnosticReport,"
         " DocumentReference, Media, points to Procedure.")
    },
    "MedicationRequest-medrx0301.json": {
        ("structure", "The reference must point to one of Organization, points to Practitioner.")
    },
    "Observation-clinical-gender.json": {
        ("structure", "The reference must point to one of Practitioner, PractitionerRole, Organization, CareTeam,"
         " Patient, RelatedPerson, points to Encounter.")
    },
    # Shows modifier extensions that nobody defined ("do-not-use").
    "Basic-referral.json": {
        ("extension", f"The modifier extension http://example.org/do-not-use/fhir-extensions/referral#{name}"
         " is not known here; it may change the meaning of what holds it.")
        for name in ("referredForService", "targetDate", "status")
    },
    # Its extension has the part "uri", which the definition calls "url".
    "Bundle-hla-1.json": {
        ("extension", "The extension http://hl7.org/fhir/StructureDefinition/hla-genotyping-results-glstring"
         " has no part of this name.")
    },
    # Extensions of R4 at elements that their definitions do not name.
    "Bundle-valueset-expansions.json": {
        ("extension", "The extension http://hl7.org/fhir/StructureDefinition/translation may not stand here.")
    },
    "CodeSystem-dicom-dcim.json": {
        ("extension", "The extension http://hl7.org/fhir/StructureDefinition/valueset-concept-comments"
         " may not stand here.")
    },
}  # fmt: skip


@cache
def _found() -> tuple[int, dict[str, list[Issue]]]:
    packages = Packages.of_r4()
    terminology = PackagedTerminology(packages)
    tried, found = 0, {}
    for path, body in sorted(files_in(package())):
        name = path.rpartition("/")[2]
        if "-" not in name or name.startswith("."):
            continue
        is_definition = name.split("-", 1)[0] in (
            "StructureDefinition", "SearchParameter", "ValueSet", "CodeSystem", "ConceptMap",
        )  # fmt: skip
        chosen = name in WRONG or not is_definition or sum(name.encode()) % 20 == 0
        if not ALL and (not chosen or len(body) > LARGE):
            continue
        tried += 1
        found[name] = examine(body, packages=packages, terminology=terminology)
    return tried, found


def test_no_example_has_an_error_but_those_that_are_wrong(score: Score):
    tried, found = _found()

    wrong = {
        name: {(i.code, i.diagnostics) for i in issues if i.is_error}
        for name, issues in found.items()
        if any(i.is_error for i in issues)
    }

    expected = {name: errors for name, errors in WRONG.items() if name in found}
    misjudged = [name for name in found if wrong.get(name) != expected.get(name)]
    if not ALL:
        score("validate", tried - len(misjudged), tried)
    assert wrong == expected
    assert tried == 5_306 if ALL else tried > 900


def test_every_rule_of_the_definitions_can_be_evaluated():
    _, found = _found()

    undecided = {
        (name, i.diagnostics)
        for name, issues in found.items()
        for i in issues
        if i.code == "not-supported" and i.message.startswith("Rule")
    }

    assert undecided == set()
