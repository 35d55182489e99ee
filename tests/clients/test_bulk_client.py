"""A bulk-data client that other people wrote (`sekmet-fhir`) exports a node: kick-off, status, manifest, every file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.clients.conftest import Checks, Place
from tests.conformance_report import Score

pytestmark = [pytest.mark.conformance, pytest.mark.slow]
MARK = uuid4().hex[:12]


class _Peer:
    """What the client asks of its HTTP layer."""

    def __init__(self, place: Place) -> None:
        self.http = httpx.Client(headers={"authorization": f"Bearer {place.token}"}, timeout=60)
        self.base = place.url

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        headers: Any = None,
        absolute: bool = False,
        note: str = "",
    ) -> Any:
        answer = self.http.request(
            method, path if absolute else f"{self.base}/{path}", params=params, headers=headers
        )
        body = (
            answer.json()
            if "json" in answer.headers.get("content-type", "")
            and answer.text[:1] == "{"
            and "\n{" not in answer.text
            else None
        )
        return SimpleNamespace(
            status=answer.status_code, headers=answer.headers, body=body, text=answer.text,
            outcome_text=lambda: answer.text[:300],
        )  # fmt: skip


def test_a_bulk_client_exports_at_every_level(place: Place, can: Checks, score: Score):
    bulk_export = pytest.importorskip("sekmet.bulk.client").bulk_export
    peer = _Peer(place)
    ids = [f"bulk-{MARK}-{n}" for n in range(3)]
    for id_ in ids:
        patient = {"resourceType": "Patient", "id": id_, "birthDate": "1990-01-01"}
        weight = {
            "resourceType": "Observation", "id": f"o-{id_}", "status": "final", "code": {"text": "weight"},
            "subject": {"reference": f"Patient/{id_}"},
        }  # fmt: skip
        for resource in (patient, weight):
            place_ = f"{place.url}/{resource['resourceType']}/{resource['id']}"
            assert peer.http.put(place_, json=resource).status_code == 201
    group = {
        "resourceType": "Group", "id": f"bulk-{MARK}", "type": "person", "actual": True,
        "member": [{"entity": {"reference": f"Patient/{id_}"}} for id_ in ids[:2]],
    }  # fmt: skip
    assert peer.http.put(f"{place.url}/Group/bulk-{MARK}", json=group).status_code == 201

    def export(**options: Any) -> dict[str, Any]:
        done = bulk_export(peer, timeout=120, max_poll_interval=0.5, **options)
        assert done["errors"] == []
        assert done["all_valid"], done["files"]
        return done

    def of_system() -> None:
        assert {"Patient", "Observation", "Group"} <= set(export(level="system")["types"])

    def of_patients() -> None:
        assert "Patient" in export(level="patient")["types"]

    def of_group() -> None:
        done = export(level="group", group=f"bulk-{MARK}", types=["Patient", "Observation"])
        assert {f["type"]: f["lines"] for f in done["files"]} == {"Patient": 2, "Observation": 2}

    def of_types() -> None:
        assert export(level="system", types=["Group"])["types"] == ["Group"]

    def since() -> None:
        assert export(level="system", since="2990-01-01T00:00:00Z")["total_resources"] == 0

    def filtered() -> None:
        filters = [f"Patient?_id={ids[0]}"]
        assert (
            export(level="patient", types=["Patient"], type_filter=filters)["total_resources"] == 1
        )

    def refused() -> None:
        done = bulk_export(peer, level="system", types=["Nothing"])
        assert 400 <= done["kickoff_status"] < 500

    for check in (of_system, of_patients, of_group, of_types, since, filtered, refused):
        can(check.__name__, check)
    peer.http.close()

    assert not can.failed, can.report()
    score("client-bulk", can.passed, can.total)
