"""Functional lists: what is current, by what the resources say of themselves."""

from __future__ import annotations

import pytest
from tests.surfaces.fhir_api.test_rest import create, patient

TERMS = "http://terminology.hl7.org/CodeSystem/"


def coded(system: str, code: str) -> dict:
    return {"coding": [{"system": TERMS + system, "code": code}]}


def allergy(whose: str, clinical: str, verification: str = "confirmed", **more) -> dict:
    return {
        "resourceType": "AllergyIntolerance", "patient": {"reference": whose},
        "clinicalStatus": coded("allergyintolerance-clinical", clinical),
        "verificationStatus": coded("allergyintolerance-verification", verification), **more,
    }  # fmt: skip


def problem(whose: str, clinical: str, **more) -> dict:
    return {
        "resourceType": "Condition", "subject": {"reference": whose},
        "clinicalStatus": coded("condition-clinical", clinical), **more,
    }  # fmt: skip


def medicine(whose: str, status: str, intent: str = "") -> dict:
    kind = {"resourceType": "MedicationRequest", "intent": intent} if intent else {
        "resourceType": "MedicationStatement"
    }  # fmt: skip
    return {
        **kind, "subject": {"reference": whose}, "status": status,
        "medicationCodeableConcept": {"text": "Thuốc"},
    }  # fmt: skip


@pytest.fixture
async def chart(client):
    """Store a patient with current and past entries; return the patient and ids by our names."""
    whose = f"Patient/{await create(client, patient())}"
    refuted = coded("condition-ver-status", "refuted")
    bodies = {
        "pollen": allergy(whose, "active"),
        "penicillin": allergy(whose, "active", category=["medication"]),
        "outgrown": allergy(whose, "resolved"),
        "no allergy": allergy(whose, "active", "refuted"),
        "diabetes": problem(whose, "active"),
        "asthma again": problem(whose, "relapse"),
        "no asthma": problem(whose, "active", verificationStatus=refuted),
        "healed": problem(whose, "resolved"),
        "taken": medicine(whose, "active"),
        "stopped": medicine(whose, "stopped"),
        "ordered": medicine(whose, "active", "order"),
        "proposed": medicine(whose, "active", "proposal"),
    }
    return whose, {await create(client, body): name for name, body in bodies.items()}


async def found(client, chart, query: str) -> set[str]:
    answer = await client.get(f"/{query}&patient={chart[0]}")
    assert answer.status_code == 200, answer.text
    return {chart[1][entry["resource"]["id"]] for entry in answer.json().get("entry", ())}


async def test_functional_lists_hold_what_is_current(client, chart):
    whose, names = chart

    async def of(type_: str, name: str) -> set[str]:
        return await found(client, chart, f"{type_}?_list=$current-{name}")

    assert await of("AllergyIntolerance", "allergies") == {"pollen", "penicillin"}
    assert await of("AllergyIntolerance", "drug-allergies") == {"penicillin"}
    assert await of("Condition", "problems") == {"diabetes", "asthma again"}
    assert await of("MedicationStatement", "medications") == {"taken"}
    assert await of("MedicationRequest", "medications") == {"ordered"}
    assert await of("Observation", "problems") == set()
    everything = await client.get(f"/{whose}/*?_list=$current-problems,$current-allergies")
    current = {names[entry["resource"]["id"]] for entry in everything.json()["entry"]}
    assert current == {"pollen", "penicillin", "diabetes", "asthma again"}


async def test_functional_and_stored_lists_may_stand_together(client, chart):
    healed = next(id_ for id_, name in chart[1].items() if name == "healed")
    entry = {"item": {"reference": f"Condition/{healed}"}}
    body = {"resourceType": "List", "status": "current", "mode": "working", "entry": [entry]}
    listed = await create(client, body)

    both = await found(client, chart, f"Condition?_list={listed},$current-problems")

    assert both == {"diabetes", "asthma again", "healed"}


async def test_a_functional_list_that_is_not_kept_is_refused_by_name(client):
    for prefer in ({}, {"prefer": "handling=lenient"}):
        answer = await client.get("/Condition?_list=$current-hopes", headers=prefer)
        assert answer.status_code == 400
        assert "$current-problems" in answer.text
