"""The trail as AuditEvents: valid FHIR, found by who may, and by nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.surfaces.fhir_api.conftest import BASE, serving, speaking

from yba.fhir.validation import check
from yba.foundation.audit import service
from yba.foundation.audit.model import ACTIONS, Act, StoredEvent
from yba.kernel.actor import Actor
from yba.kernel.ids import encode_id, new_id, new_snowflake
from yba.kernel.refusal import AccessRefused, Unusable
from yba.plumbing.database import Database
from yba.surfaces.fhir_api import audit_events

NOON = datetime.fromisoformat("2026-09-15T05:00:00+00:00")
NURSE = Actor("a-nurse", "ĐD. Phạm Thử", frozenset({"nurse"}), client_id="app-7")
AN = Actor("a-an", "An", frozenset({"citizen"}), patient_id="an", purpose="PATRQT")


def event(**changes: Any) -> StoredEvent:
    values: dict[str, Any] = {
        "id": new_snowflake(),
        "at": NOON,
        "recorded_at": NOON,
        "account_id": "a-nurse",
        "actor_name": "ĐD. Phạm Thử",
        "actor_roles": ["nurse"],
        "facility": "",
        "client_id": None,
        "purpose": "TREAT",
        "action": "R",
        "what": "record.read",
        "patient_id": "an",
        "resources": ["Observation/o1"],
        "salt": b"s" * 16,
        "erased_by": None,
    }
    return StoredEvent(**(values | changes))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("what", ["record.read", "fhir_api.search", "accounts.sign_in"])
@pytest.mark.parametrize("patient_id", ["an", None])
@pytest.mark.parametrize("resources", [["Observation/o1"], ["types"], []])
def test_every_event_is_a_valid_resource(
    action: str, what: str, patient_id: str | None, resources: list[str]
):
    made = audit_events.resource_of(
        event(action=action, what=what, patient_id=patient_id, resources=resources), base=BASE
    )
    body = audit_events._JSON.encode(made)

    assert [issue for issue in check(body) if issue.severity in ("error", "fatal")] == []


@pytest.mark.parametrize(
    ("action", "what", "patient_id", "profile"),
    [
        ("C", "record.save", "an", "PatientCreate"),
        ("R", "record.read", "an", "PatientRead"),
        ("U", "record.save", None, "Update"),
        ("D", "record.delete", "an", "PatientDelete"),
        ("R", "fhir_api.search", "an", "PatientQuery"),
        ("E", "documents.sign", "an", None),
    ],
)
def test_each_act_follows_the_pattern_of_its_kind(
    action: str, what: str, patient_id: str | None, profile: str | None
):
    found = audit_events.profile_of(event(action=action, what=what, patient_id=patient_id))

    assert (found or "").rpartition(".")[2] == (profile or "")


def test_the_parts_that_the_pattern_asks_for_are_there():
    """BALP PatientRead: client, server and user as agents; patient and data as entities."""
    made = audit_events.resource_of(event(client_id="app-7"), base=BASE)

    assert [one["type"]["coding"][0]["code"] for one in made["agent"]] == [
        "110152",
        "110153",
        "IRCP",
    ]
    assert [one["requestor"] for one in made["agent"]] == [False, False, True]
    assert made["agent"][0]["who"]["identifier"]["value"] == "app-7"
    assert [one["role"]["code"] for one in made["entity"]] == ["1", "4"]
    assert made["subtype"][0]["code"] == "read"


def test_a_person_asks_for_her_own_trail_only():
    assert audit_events.question_of(AN, "date=ge2026-01-01").patient_id == "an"
    with pytest.raises(AccessRefused):
        audit_events.question_of(AN, "patient=binh")


@pytest.mark.parametrize(
    "query",
    [
        "date=yesterday",
        "_count=0",
        "_count=²",
        "_count=" + "9" * 5000,
        "_before=x",
        "date=ap2026",
        "date=9999-12-31",
        "date=lt0001-01-01T00:00:00%2B14:00",
    ],
    ids=lambda query: query[:20],
)
def test_what_cannot_be_read_is_refused(query: str):
    with pytest.raises(Unusable):
        audit_events.question_of(AN, query)


@pytest.mark.parametrize(
    ("date", "is_in"),
    [
        ("2026-09-15", True),
        ("2026-09-14", False),
        ("ge2026-09-15", True),
        ("gt2026-09-15", False),
        ("gt2026-09-15T04:59:59Z", True),
        ("le2026-09-15", True),
        ("lt2026-09-15T05:00:00Z", False),
        ("lt2026-09-15T05:00:01Z", True),
    ],
)
def test_dates_mean_what_fhir_says(date: str, is_in: bool):
    asked = audit_events.question_of(AN, f"date={date}")

    assert ((asked.since or NOON) <= NOON < (asked.until or NOON + timedelta(days=1))) == is_in


async def test_the_base_answers_from_the_trail_page_by_page(database: Database, tmp_path: Path):
    patient_id = new_id()
    acts = [
        Act(
            NURSE, "R", "record.read", NOON + timedelta(minutes=n), patient_id, [f"Observation/{n}"]
        )
        for n in range(5)
    ]
    async with database.transaction() as tx:
        await service.record_many(tx, acts)
    async with serving(database, tmp_path) as app, speaking(app) as client:
        first = (
            await client.get(f"/AuditEvent?patient={patient_id}&agent=a-nurse&_count=3")
        ).json()
        following = next(link["url"] for link in first["link"] if link["relation"] == "next")
        second = (await client.get(following)).json()
        one = await client.get(f"/AuditEvent/{first['entry'][0]['resource']['id']}")
        none = await client.get(f"/AuditEvent?patient={patient_id}&action=D")
        missing = await client.get(f"/AuditEvent/{encode_id(new_snowflake())}")

    ids = [entry["resource"]["id"] for entry in first["entry"] + second["entry"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5
    assert one.json()["agent"][2]["name"] == "ĐD. Phạm Thử"
    assert "entry" not in none.json()
    assert missing.status_code == 404


async def test_a_reader_who_is_no_auditor_does_not_reach_the_trail(
    database: Database, tmp_path: Path
):
    patient_id = new_id()
    async with database.transaction() as tx:
        await service.record(tx, actor=NURSE, action="R", what="x", at=NOON, patient_id=patient_id)
        (found,) = await service.search(tx, service.Question(patient_id=patient_id))
    async with serving(database, tmp_path) as app, speaking(app) as client:
        headers = {"authorization": "Bearer reader"}
        listed = await client.get(f"/AuditEvent?patient={patient_id}", headers=headers)
        read = await client.get(f"/AuditEvent/{encode_id(found.id)}", headers=headers)

    assert "entry" not in listed.json()
    assert read.status_code == 404
