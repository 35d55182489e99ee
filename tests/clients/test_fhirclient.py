"""The SMART client `fhirclient` does what it can with a node; its strict R4 models read every answer."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from tests.clients.conftest import Checks, Place
from tests.conformance_report import Score

pytestmark = [pytest.mark.conformance, pytest.mark.slow]
SYSTEM = f"urn:uuid:{uuid4()}"


def _patient(models: Any, n: int) -> Any:
    return models.patient.Patient(
        {
            "resourceType": "Patient",
            "identifier": [{"system": SYSTEM, "value": str(n)}],
            "name": [{"family": "Phạm", "given": [f"Thử {n}"]}],
            "birthDate": "1980-02-03",
        }
    )


class _Models:
    def __getattr__(self, name: str) -> Any:
        return pytest.importorskip(f"fhirclient.models.{name}")


def test_fhirclient_can_do_all_it_offers(place: Place, can: Checks, score: Score):
    servers = pytest.importorskip("fhirclient.server")
    models = _Models()
    server = servers.FHIRServer(None, base_uri=place.url)
    server.session.headers["Authorization"] = f"Bearer {place.token}"
    ids: list[str] = []

    def capability() -> None:
        server.get_capability()
        assert server.capabilityStatement.fhirVersion == "4.0.1"

    def create() -> None:
        for n in range(12):
            answer = _patient(models, n).create(server)
            ids.append(answer["id"])

    def read() -> None:
        found = models.patient.Patient.read(ids[0], server)
        assert found.name[0].given == ["Thử 0"]
        assert found.birthDate.isostring == "1980-02-03"

    def update() -> None:
        found = models.patient.Patient.read(ids[0], server)
        found.gender = "female"
        found.update(server)
        assert models.patient.Patient.read(ids[0], server).meta.versionId == "2"

    def search() -> None:
        found = models.patient.Patient.where({"identifier": f"{SYSTEM}|3"}).perform_resources_iter(
            server
        )
        assert [p.id for p in found] == [ids[3]]

    def structured_search() -> None:
        wanted = {
            "identifier": f"{SYSTEM}|",
            "birthdate": {"$and": ["ge1980", "le1981"]},
            "name:contains": "Thử",
        }
        bundle = next(iter(models.patient.Patient.where(wanted).perform_iter(server)))
        assert bundle.total == 12

    def pages() -> None:
        search = models.patient.Patient.where({"identifier": f"{SYSTEM}|", "_count": "5"})
        assert {p.id for p in search.perform_resources_iter(server)} == set(ids)

    def include() -> None:
        encounter = models.encounter.Encounter({
            "resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"},
            "subject": {"reference": f"Patient/{ids[1]}"},
        })  # fmt: skip
        encounter.create(server)
        search = models.encounter.Encounter.where({"patient": ids[1]})
        bundle = next(iter(search.include("subject").perform_iter(server)))
        assert {e.resource.resource_type for e in bundle.entry} == {"Encounter", "Patient"}

    def resolve() -> None:
        search = models.encounter.Encounter.where({"patient": ids[1]})
        found = next(iter(search.perform_resources_iter(server)))
        assert found.subject.resolved(models.patient.Patient).id == ids[1]

    def transaction() -> None:
        entries = [
            {
                "request": {"method": "POST", "url": "Patient"},
                "resource": _patient(models, n).as_json(),
            }
            for n in (100, 101)
        ]
        bundle = models.bundle.Bundle(
            {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        )
        answer = models.bundle.Bundle(server.post_json("", bundle.as_json()).json())
        assert [e.response.status[:3] for e in answer.entry] == ["201", "201"]

    def history() -> None:
        answer = models.bundle.Bundle(server.request_json(f"Patient/{ids[0]}/_history"))
        assert [e.resource.meta.versionId for e in answer.entry] == ["2", "1"]

    def delete() -> None:
        models.patient.Patient.read(ids[5], server).delete(server)
        with pytest.raises(servers.FHIRNotFoundException):
            models.patient.Patient.read("none", server)

    def refusals() -> None:
        with pytest.raises(Exception, match="4"):
            server.request_json("Patient?nonsense=1")
        stranger = servers.FHIRServer(None, base_uri=place.url)
        with pytest.raises(servers.FHIRUnauthorizedException):
            stranger.request_json("Patient")

    for check in (
        capability, create, read, update, search, structured_search, pages, include, resolve, transaction, history,
        delete, refusals,
    ):  # fmt: skip
        can(check.__name__, check)

    assert not can.failed, can.report()
    score("client-fhirclient", can.passed, can.total)
