"""What a program of the facility may do to a visit whose record is archived: nothing but append."""

import httpx
import pytest
from tests.app.conftest import database, shell
from tests.builders import care
from tests.care.archive.test_service import KEEPER

from yba.care.archive import service
from yba.foundation.accounts import service as accounts
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.ids import new_id

__all__ = ["database", "shell"]
SYSTEM = Actor.system("test")


@pytest.fixture
async def program(shell, database):
    """Yield a program of the facility, at the FHIR base."""
    async with database.transaction() as tx:
        account = await accounts.create(
            tx, actor=SYSTEM, login=f"api-{new_id()}", password="only for a moment", name="P",
            roles=["api"], at=utc_now(),
        )  # fmt: skip
        token = await accounts.open_session(tx, account_id=account.id, kind="bearer", at=utc_now())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=shell),
        base_url="http://yba.test/fhir",
        headers={"authorization": f"Bearer {token}", "content-type": "application/fhir+json"},
    ) as client:
        yield client


async def _visit(database, signed_visit, number: int):
    at = utc_now()
    async with database.transaction() as tx:
        return await signed_visit(
            tx, at=at, person=care.person_named("Đỗ Lưu Trữ", number), code=f"P{number}"
        )


def _note(visit, **more):
    return {
        "resourceType": "Observation", "status": "final", "code": {"text": "Ghi thêm"},
        "subject": {"reference": f"Patient/{visit.patient_id}"},
        "encounter": {"reference": f"Encounter/{visit.encounter_id}"}, **more,
    }  # fmt: skip


def _document(visit, **more):
    return {
        "resourceType": "DocumentReference", "status": "current",
        "subject": {"reference": f"Patient/{visit.patient_id}"},
        "content": [{"attachment": {"title": "Phụ lục"}}],
        "context": {"encounter": [{"reference": f"Encounter/{visit.encounter_id}"}]}, **more,
    }  # fmt: skip


async def test_nothing_of_an_archived_visit_changes_and_other_visits_go_on(
    database, program, signed_visit
):
    kept = await _visit(database, signed_visit, 41_001)
    other = await _visit(database, signed_visit, 41_002)
    made = (await program.post("/Observation", json=_note(kept))).json()
    async with database.transaction() as tx:
        about = {"encounter_id": kept.encounter_id, "at": utc_now()}
        await service.close_record(tx, actor=SYSTEM, **about)
        await service.archive_record(tx, actor=KEEPER, **about)
    visit = (await program.get(f"/Encounter/{kept.encounter_id}")).json()
    moved = _note(other) | {"id": made["id"]}
    place = f"/Observation/{made['id']}"

    refused = [
        await program.post("/Observation", json=_note(kept)),
        await program.put(place, json=made | {"status": "amended"}),
        await program.put(place, json=moved),
        await program.delete(place),
        await program.put(f"/Encounter/{kept.encounter_id}", json=visit | {"status": "cancelled"}),
        await program.delete(f"/Encounter/{kept.encounter_id}"),
        await program.post("/DocumentReference", json=_document(kept)),
    ]
    assert [answer.status_code for answer in refused] == [409] * len(refused)
    assert "archived" in refused[0].text
    assert (await program.get(place)).json()["meta"]["versionId"] == "1"

    assert (await program.post("/Observation", json=_note(other))).status_code == 201
    elsewhere = _note(other, note=[{"text": f"xem Encounter/{kept.encounter_id}/"}])
    assert (await program.post("/Observation", json=elsewhere)).status_code == 201
    annex = _document(
        kept, relatesTo=[{"code": "appends", "target": {"reference": "DocumentReference/x"}}]
    )
    assert (await program.post("/DocumentReference", json=annex)).status_code == 201


async def test_one_entry_of_an_archived_visit_stops_a_whole_transaction(
    database, program, signed_visit
):
    kept = await _visit(database, signed_visit, 41_003)
    async with database.transaction() as tx:
        about = {"encounter_id": kept.encounter_id, "at": utc_now()}
        await service.close_record(tx, actor=SYSTEM, **about)
        await service.archive_record(tx, actor=KEEPER, **about)
    name = f"Không lưu {new_id()}"
    entries = [
        {"resource": {"resourceType": "Organization", "name": name},
         "request": {"method": "POST", "url": "Organization"}},
        {"resource": _note(kept), "request": {"method": "POST", "url": "Observation"}},
    ]  # fmt: skip

    answer = await program.post(
        "", json={"resourceType": "Bundle", "type": "transaction", "entry": entries}
    )

    assert answer.status_code == 409, answer.text
    assert (await program.get("/Organization", params={"name": name})).json()["total"] == 0
