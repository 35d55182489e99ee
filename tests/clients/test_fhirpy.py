"""The Python client `fhirpy` does everything it can with a node."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from tests.clients.conftest import Checks, Place
from tests.conformance_report import Score

pytestmark = [pytest.mark.conformance, pytest.mark.slow]
SYSTEM = f"urn:uuid:{uuid4()}"


def _patient(n: int, **more: Any) -> dict[str, Any]:
    return {
        "identifier": [{"system": SYSTEM, "value": str(n)}],
        "name": [{"family": "Phạm", "given": [f"Thử {n}"]}],
        **more,
    }


def _raises(kind: type[Exception], call: Any) -> None:
    with pytest.raises(kind):
        call()


def test_fhirpy_can_do_all_it_offers(place: Place, can: Checks, score: Score):
    fhirpy = pytest.importorskip("fhirpy")
    errors = pytest.importorskip("fhirpy.base.exceptions")
    client = fhirpy.SyncFHIRClient(place.url, authorization=f"Bearer {place.token}")
    made: list[Any] = []

    def create() -> None:
        for n in range(25):
            patient = client.resource("Patient", **_patient(n))
            patient.save()
            made.append(patient)
        assert made[0].id
        assert made[0]["meta"]["versionId"] == "1"

    def read() -> None:
        found = client.reference("Patient", made[0].id).to_resource()
        assert found["name"][0]["given"] == ["Thử 0"]

    def update() -> None:
        made[0]["birthDate"] = "1990-01-02"
        made[0].save()
        assert made[0]["meta"]["versionId"] == "2"

    def save_fields() -> None:
        made[0]["gender"] = "female"
        made[0].save(fields=["gender"])
        assert client.reference("Patient", made[0].id).to_resource()["gender"] == "female"

    def patch() -> None:
        found = client.patch("Patient", made[1].id, active=True)
        assert found["active"] is True

    def page() -> None:
        every = client.resources("Patient").search(identifier=f"{SYSTEM}|").limit(7).fetch_all()
        assert len(every) == 25

    def count() -> None:
        assert client.resources("Patient").search(identifier=f"{SYSTEM}|").count() == 25

    def get_one() -> None:
        assert client.resources("Patient").search(identifier=f"{SYSTEM}|3").get().id == made[3].id

    def sort() -> None:
        found = (
            client.resources("Patient")
            .search(identifier=f"{SYSTEM}|0,{SYSTEM}|1")
            .sort("-given")
            .fetch()
        )
        assert [p.id for p in found] == [made[1].id, made[0].id]

    def include() -> None:
        encounter = client.resource(
            "Encounter",
            status="finished",
            **{"class": {"code": "AMB"}},
            subject=made[2].to_reference(),
        )
        encounter.save()
        bundle = (
            client.resources("Encounter")
            .search(patient=made[2].id)
            .include("Encounter", "subject")
            .fetch_raw()
        )
        assert {e["resource"]["resourceType"] for e in bundle["entry"]} == {"Encounter", "Patient"}
        back = (
            client.resources("Patient")
            .search(_id=made[2].id)
            .revinclude("Encounter", "subject")
            .fetch_raw()
        )
        assert len(back["entry"]) == 2

    def elements() -> None:
        found = (
            client.resources("Patient").search(identifier=f"{SYSTEM}|3").elements("gender").get()
        )
        assert "name" not in found

    def conditional_create() -> None:
        found, is_new = (
            client.resources("Patient")
            .search(identifier=f"{SYSTEM}|4")
            .get_or_create(client.resource("Patient", **_patient(4)))
        )
        assert not is_new
        assert found.id == made[4].id

    def conditional_update() -> None:
        changed = client.resource("Patient", **_patient(5, gender="male"))
        found, is_new = client.resources("Patient").search(identifier=f"{SYSTEM}|5").update(changed)
        assert not is_new
        assert found["gender"] == "male"

    def conditional_patch() -> None:
        found = client.resources("Patient").search(identifier=f"{SYSTEM}|6").patch(active=False)
        assert found["active"] is False

    def conditional_delete() -> None:
        client.resources("Patient").search(identifier=f"{SYSTEM}|24").delete()
        _raises(
            errors.ResourceNotFound, lambda: client.reference("Patient", made[24].id).to_resource()
        )

    def transaction() -> None:
        bundle = client.resource("Bundle", type="transaction", entry=[
            {"fullUrl": "urn:uuid:6f1d0c1c-3d1f-4a57-8b0d-0b5b5d4d0001", "request": {"method": "POST", "url": "Patient"},
             "resource": {"resourceType": "Patient", **_patient(100)}},
            {"request": {"method": "POST", "url": "Observation"}, "resource": {
                "resourceType": "Observation", "status": "final", "code": {"text": "height"},
                "subject": {"reference": "urn:uuid:6f1d0c1c-3d1f-4a57-8b0d-0b5b5d4d0001"}}},
        ])  # fmt: skip
        bundle.save()
        assert (
            client.resources("Observation")
            .search(**{"patient.identifier": f"{SYSTEM}|100"})
            .count()
            == 1
        )

    def history() -> None:
        found = client.execute(f"Patient/{made[0].id}/_history", method="get")
        assert found["type"] == "history"
        assert len(found["entry"]) >= 3

    def delete() -> None:
        made[7].delete()
        _raises(errors.ResourceNotFound, made[7].to_reference().to_resource)

    def valid() -> None:
        assert made[0].is_valid()

    def refusals() -> None:
        _raises(errors.ResourceNotFound, lambda: client.reference("Patient", "none").to_resource())
        _raises(
            errors.OperationOutcome,
            lambda: client.resource("Patient", birthDate="yesterday").save(),
        )
        _raises(
            errors.MultipleResourcesFound,
            client.resources("Patient").search(identifier=f"{SYSTEM}|").get,
        )
        stranger = fhirpy.SyncFHIRClient(place.url, authorization="Bearer none")
        _raises(errors.BaseFHIRError, stranger.resources("Patient").fetch)

    for check in (
        create, read, update, save_fields, patch, page, count, get_one, sort, include, elements, conditional_create,
        conditional_update, conditional_patch, conditional_delete, transaction, history, delete, valid, refusals,
    ):  # fmt: skip
        can(check.__name__, check)

    assert not can.failed, can.report()
    score("client-fhirpy", can.passed, can.total)
