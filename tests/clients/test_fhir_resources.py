"""An independent parser, `fhir.resources`, reads what a node answers: resources, search sets, histories, refusals.

It knows R4B, not R4; the types that changed between the two are left out.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.clients.conftest import Checks, Place
from tests.conformance_report import Score
from tests.fhir.package import examples

pytestmark = [pytest.mark.conformance, pytest.mark.slow]
TYPES = (
    "Account", "AllergyIntolerance", "Appointment", "CarePlan", "CareTeam", "Claim", "Composition", "Condition",
    "Coverage", "DiagnosticReport", "Encounter", "EpisodeOfCare", "ExplanationOfBenefit", "Goal", "Group",
    "Immunization", "List", "Location", "Medication", "MedicationRequest", "Observation", "Organization", "Patient",
    "Practitioner", "PractitionerRole", "Procedure", "Provenance", "Questionnaire", "RelatedPerson", "Schedule",
    "ServiceRequest", "Slot", "Specimen", "Task",
)  # fmt: skip


def _chosen() -> dict[str, dict[str, Any]]:
    """Return the smallest example of each type."""
    found: dict[str, dict[str, Any]] = {}
    for body in sorted(examples().values(), key=len):
        resource = json.loads(body)
        if resource["resourceType"] in TYPES:
            found.setdefault(resource["resourceType"], resource)
    return found


def test_an_independent_parser_reads_every_answer(place: Place, can: Checks, score: Score):
    models = pytest.importorskip("fhir.resources.R4B")
    client = httpx.Client(
        base_url=place.url, headers={"authorization": f"Bearer {place.token}"}, timeout=60
    )

    def parsed(answer: httpx.Response) -> Any:
        kind = models.get_fhir_model_class(answer.json()["resourceType"])
        return kind.model_validate_json(answer.content)

    def of_type(type_: str, resource: dict[str, Any]) -> None:
        id_ = resource["id"]
        assert client.put(f"/{type_}/{id_}", json=resource).status_code in (200, 201)
        assert parsed(client.get(f"/{type_}/{id_}")).id == id_
        assert parsed(client.get(f"/{type_}?_id={id_}")).total == 1
        assert parsed(client.get(f"/{type_}/{id_}/_history")).type == "history"

    def refusals() -> None:
        for path in ("/Patient/none", "/Patient?nonsense=1", "/Nothing", "/Patient/none/$nothing"):
            answer = client.get(path)
            assert answer.status_code >= 400
            assert parsed(answer).issue

    def batch() -> None:
        entries = [
            {"request": {"method": "GET", "url": url}}
            for url in ("Patient?_count=1", "Patient/none")
        ]
        answer = client.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
        assert [e.response.status[:3] for e in parsed(answer).entry] == ["200", "404"]

    for type_, resource in _chosen().items():
        can(type_, lambda t=type_, r=resource: of_type(t, r))
    can("refusals", refusals)
    can("batch", batch)
    client.close()

    assert not can.failed, can.report()
    assert can.total == len(TYPES) + 2
    score("client-parser", can.passed, can.total)
