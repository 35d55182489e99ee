"""$summary: a document that meets the profiles of the International Patient Summary."""

from __future__ import annotations

import bz2
import re
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest
from tests.builders.care import open_visit, person_named, staff
from tests.conftest import NOON
from tests.fhir.package import PACKAGE
from tests.outside import conformance
from tests.surfaces.fhir_api.ips_profiles import broken_rules, found_errors

from yba.care.encounters import service as encounters
from yba.care.encounters.model import DiagnosisEntry, VitalSigns
from yba.care.orders import service as orders
from yba.care.orders.model import DrugLine
from yba.kernel.ids import new_id
from yba.plumbing.database import Database

Json = dict[str, Any]
PROFILES = PACKAGE.parent / "hl7.fhir.uv.ips-2.0.0.tgz"
REQUIRED = {"11450-4", "48765-2", "10160-0"}
HL7 = "http://terminology.hl7.org/CodeSystem/"


async def _put(client: httpx.AsyncClient, resource: Json) -> str:
    resource = {"id": new_id(), **resource}
    place = f"{resource['resourceType']}/{resource['id']}"
    answer = await client.put(f"/{place}", content=orjson.dumps(resource))
    assert answer.status_code in (200, 201), answer.text
    return place


async def _patient(client: httpx.AsyncClient, **rest: Any) -> str:
    return await _put(client, {"resourceType": "Patient", **rest})


def _coded(system: str, code: str, text: str = "") -> Json:
    return {"coding": [{"system": system, "code": code}], "text": text or code}


def _sections(bundle: Json) -> dict[str, Json]:
    composition = bundle["entry"][0]["resource"]
    assert composition["resourceType"] == "Composition"
    return {each["code"]["coding"][0]["code"]: each for each in composition["section"]}


def _resolved(bundle: Json, section: Json) -> list[Json]:
    by_url = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    return [by_url[entry["reference"]] for entry in section.get("entry", [])]


def _check_document(bundle: Json) -> None:
    """Check what every document must keep, and the profiles where they are fetched."""
    assert bundle["type"] == "document"
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(urls) == len(set(urls))
    text = orjson.dumps(bundle).decode()
    for reference in re.findall(r'"reference":"([^"]+)"', text):
        known = reference in urls or reference.startswith(("http", "#"))
        assert known, f"{reference} dangles"
    for section in _sections(bundle).values():
        assert section["text"]["div"].startswith('<div xmlns="http://www.w3.org/1999/xhtml"')
        assert bool(section.get("entry")) != bool(section.get("emptyReason"))
    if PROFILES.exists():
        assert broken_rules(PROFILES, bundle) == []
        assert found_errors(PROFILES, bundle) == []


async def test_a_patient_nothing_is_known_about_has_the_required_sections_with_a_reason(
    client: httpx.AsyncClient,
):
    patient = await _patient(client)

    bundle = (await client.get(f"/{patient}/$summary")).json()

    _check_document(bundle)
    sections = _sections(bundle)
    assert set(sections) == REQUIRED
    reasons = {each["emptyReason"]["coding"][0]["code"] for each in sections.values()}
    assert reasons == {"unavailable"}


async def _treated(client: httpx.AsyncClient) -> tuple[str, dict[str, str]]:
    """Store a patient with one thing for each section; return her and places by nickname."""
    patient = await _patient(
        client, name=[{"text": "Trần Thị Bình"}], birthDate="1980-02-03", gender="female",
        identifier=[{"system": "urn:yba:vn:id:cccd", "value": f"9{new_id()}"}],
    )  # fmt: skip
    me = {"reference": patient}
    drug = await _put(client, {"resourceType": "Medication", "code": {"text": "Metformin 500 mg"}})
    doctor = await _put(client, {"resourceType": "Practitioner"})
    category = HL7 + "observation-category"
    made: dict[str, Json] = {
        "problem": {"resourceType": "Condition", "subject": me,
                    "clinicalStatus": _coded(HL7 + "condition-clinical", "active"),
                    "code": _coded("http://hl7.org/fhir/sid/icd-10", "E11", "Đái tháo đường")},
        "past": {"resourceType": "Condition", "subject": me,
                 "clinicalStatus": _coded(HL7 + "condition-clinical", "resolved"),
                 "code": _coded("http://hl7.org/fhir/sid/icd-10", "A09")},
        "error": {"resourceType": "Condition", "subject": me,
                  "verificationStatus": _coded(HL7 + "condition-ver-status", "entered-in-error")},
        "allergy": {"resourceType": "AllergyIntolerance", "patient": me,
                    "clinicalStatus": _coded(HL7 + "allergyintolerance-clinical", "active")},
        "medication": {"resourceType": "MedicationRequest", "status": "active", "intent": "order",
                       "subject": me, "medicationReference": {"reference": drug},
                       "requester": {"reference": doctor},
                       "dosageInstruction": [{"text": "Uống 1 viên & <sáng>"}]},
        "stopped": {"resourceType": "MedicationRequest", "status": "stopped", "intent": "order",
                    "subject": me, "medicationCodeableConcept": {"text": "Aspirin"}},
        "vaccine": {"resourceType": "Immunization", "status": "completed", "patient": me,
                    "vaccineCode": {"text": "BCG"}, "occurrenceDateTime": "1980-02-04"},
        "old": {"resourceType": "Observation", "status": "final", "subject": me,
                "category": [_coded(category, "laboratory")], "code": _coded("http://loinc.org", "4548-4"),
                "effectiveDateTime": "2024-01-01",
                "valueQuantity": {"value": 6.9, "unit": "%"}},
        "new": {"resourceType": "Observation", "status": "final", "subject": me,
                "category": [_coded(category, "laboratory")], "code": _coded("http://loinc.org", "4548-4"),
                "effectiveDateTime": "2025-01-01"},
        "vital": {"resourceType": "Observation", "status": "final", "subject": me,
                  "category": [_coded(category, "vital-signs")],
                  "code": _coded("http://loinc.org", "8867-4"), "effectiveDateTime": "2025-01-01",
                  "valueQuantity": {"value": 70, "unit": "/min"}},
        "tobacco": {"resourceType": "Observation", "status": "final", "subject": me,
                    "code": _coded("http://loinc.org", "72166-2"),
                    "effectiveDateTime": "2025-01-01", "valueCodeableConcept": {"text": "no"}},
        "pregnancy": {"resourceType": "Observation", "status": "final", "subject": me,
                      "code": _coded("http://loinc.org", "82810-3"),
                      "effectiveDateTime": "2025-01-01",
                      "valueCodeableConcept": _coded("http://snomed.info/sct", "60001007")},
        "procedure": {"resourceType": "Procedure", "status": "completed", "subject": me},
        "device": {"resourceType": "Device", "patient": me, "type": {"text": "Máy trợ thính"}},
        "alert": {"resourceType": "Flag", "status": "active", "subject": me,
                  "code": {"text": "Nguy cơ ngã"}},
        "plan": {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": me},
    }  # fmt: skip
    return patient, {nickname: await _put(client, one) for nickname, one in made.items()}


async def test_each_section_holds_what_belongs_into_it(client: httpx.AsyncClient):
    patient, made = await _treated(client)

    bundle = (await client.get(f"/{patient}/$summary")).json()

    _check_document(bundle)
    held = {
        code: {f"{one['resourceType']}/{one['id']}" for one in _resolved(bundle, section)}
        for code, section in _sections(bundle).items()
    }
    use = "DeviceUseStatement/" + made["device"].partition("/")[2] + ".use"
    assert held == {
        "11450-4": {made["problem"]},
        "48765-2": {made["allergy"]},
        "10160-0": {made["medication"]},
        "11369-6": {made["vaccine"]},
        "30954-2": {made["new"]},
        "47519-4": {made["procedure"]},
        "46264-8": {use},
        "8716-3": {made["vital"]},
        "10162-6": {made["pregnancy"]},
        "29762-2": {made["tobacco"]},
        "11348-0": {made["past"]},
        "104605-1": {made["alert"]},
        "18776-5": {made["plan"]},
    }


async def test_what_entries_refer_to_is_in_the_document_and_text_is_escaped(
    client: httpx.AsyncClient,
):
    patient, _ = await _treated(client)

    bundle = (await client.get(f"/{patient}/$summary")).json()

    types = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert types[:2] == ["Composition", "Patient"]
    assert {"Medication", "Practitioner", "Device"} <= set(types)
    medications = _sections(bundle)["10160-0"]["text"]["div"]
    assert "Metformin 500 mg" in medications
    assert "Uống 1 viên &amp; &lt;sáng&gt;" in medications


@pytest.mark.parametrize(
    ("asked", "spoken", "title"),
    [
        ("", "", "Vấn đề sức khỏe hiện tại"),
        ("", "en-GB", "Problem list"),
        ("vi", "en-GB", "Vấn đề sức khỏe hiện tại"),
        ("en", "", "Problem list"),
        ("fr", "", "Vấn đề sức khỏe hiện tại"),
    ],
)
async def test_the_language_is_that_asked_for_or_the_patients(
    client: httpx.AsyncClient, asked: str, spoken: str, title: str
):
    language = {"coding": [{"system": "urn:ietf:bcp:47", "code": spoken}]}
    patient = await _patient(
        client, **({"communication": [{"language": language}]} if spoken else {})
    )

    query = f"?_language={asked}" if asked else ""
    bundle = (await client.get(f"/{patient}/$summary{query}")).json()

    assert _sections(bundle)["11450-4"]["title"] == title


async def test_a_patient_may_be_named_by_identifier(client: httpx.AsyncClient):
    system, value = "urn:test:summary", new_id()
    patient = await _patient(client, identifier=[{"system": system, "value": value}])

    found = await client.get(f"/Patient/$summary?identifier={system}|{value}")
    nobody = await client.get(f"/Patient/$summary?identifier={system}|{new_id()}")
    missing = await client.get("/Patient/$summary")

    assert found.json()["entry"][1]["resource"]["id"] == patient.partition("/")[2]
    assert (nobody.status_code, missing.status_code) == (404, 400)


async def test_unknown_deleted_and_other_profiles_are_refused(client: httpx.AsyncClient):
    patient = await _patient(client)
    profile = "http://example.org/other"

    other = await client.get(f"/{patient}/$summary?profile={profile}")
    await client.delete(f"/{patient}")
    gone = await client.get(f"/{patient}/$summary")
    never = await client.get("/Patient/nobody/$summary")

    assert (other.status_code, gone.status_code, never.status_code) == (400, 410, 404)


@pytest.mark.slow
@pytest.mark.conformance
async def test_summaries_of_synthetic_patients_meet_the_profiles(client: httpx.AsyncClient):
    files = sorted(conformance("synthea").glob("*.json.bz2"))
    for file in files[:4]:
        answer = await client.post("", content=bz2.decompress(file.read_bytes()))
        assert answer.status_code == 200
    patients = (await client.get("/Patient?name:contains=2&_count=50&_elements=id")).json()

    places = [f"Patient/{entry['resource']['id']}" for entry in patients["entry"]]
    for place in places:
        answer = await client.get(f"/{place}/$summary")
        assert answer.status_code == 200, answer.text
        _check_document(answer.json())
    assert places


@pytest.mark.skipif(not PROFILES.exists(), reason="the IPS package is not in var/cache/fhir")
async def test_the_check_against_the_profiles_sees_what_is_missing(client: httpx.AsyncClient):
    patient, made = await _treated(client)
    bundle = (await client.get(f"/{patient}/$summary")).json()
    observation = next(
        entry["resource"]
        for entry in bundle["entry"]
        if entry["resource"]["id"] == made["new"].partition("/")[2]
    )
    del observation["performer"]
    del bundle["identifier"]
    _sections(bundle)["48765-2"]["code"]["coding"][0]["code"] = "1-8"

    broken = broken_rules(PROFILES, bundle)

    assert len(broken) == 3


async def test_a_visit_recorded_here_makes_a_valid_summary(
    client: httpx.AsyncClient, database: Database
):
    async with database.transaction() as tx:
        visit = await open_visit(tx, NOON, person=person_named("Lý Thị Tóm Tắt", 87_001), code="TT")
        doctor = staff("doctor")
        encounter = {"actor": doctor, "encounter_id": visit.encounter_id, "at": NOON}
        await encounters.record_vitals(
            tx, signs=VitalSigns(pulse=Decimal(88), systolic=Decimal(118), diastolic=Decimal(74)),
            **encounter,
        )  # fmt: skip
        await encounters.record_diagnoses(tx, diagnoses=[DiagnosisEntry(code="J06.9")], **encounter)
        line = DrugLine(
            drug_code="40.1.01", quantity=Decimal(15), dose=Decimal(1), times_per_day=3, days=5,
            directions="khi sốt",
        )  # fmt: skip
        await orders.prescribe(tx, lines=[line], **encounter)

    bundle = (await client.get(f"/Patient/{visit.patient_id}/$summary")).json()

    _check_document(bundle)
    sections = _sections(bundle)
    assert len(_resolved(bundle, sections["11450-4"])) == 1
    assert "khi sốt" in sections["10160-0"]["text"]["div"]
    assert "118" in sections["8716-3"]["text"]["div"]
