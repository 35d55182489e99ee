"""What a person decides about her data, on screen: she hides one entry, and the desk keeps her paper."""

from datetime import datetime
from typing import Any

import pytest
from tests.app.people import signed_in
from tests.builders import care

from yba.app.asgi import Shell
from yba.care.encounters import service as encounters
from yba.care.encounters.model import DiagnosisEntry, Visit
from yba.foundation.consent import service as consent
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database, Tx


@pytest.fixture(scope="module")
async def visit(shell: Shell, database: Database) -> Visit:
    """Return a visit with two diagnoses."""
    at = utc_now()
    async with database.transaction() as tx:
        person = care.person_named("Phạm Thị Kín Đáo", 5811)
        opened = await care.open_visit(tx, at, person=person, code="H1")
        about: dict[str, Any] = {
            "actor": care.DOCTOR, "encounter_id": opened.encounter_id, "at": at,
        }  # fmt: skip
        await encounters.start_visit(tx, **about)
        entries = [DiagnosisEntry(code="J20.9"), DiagnosisEntry(code="K29.7")]
        await encounters.record_diagnoses(tx, diagnoses=entries, **about)
    return opened


async def _seen(tx: Tx, visit: Visit, at: datetime) -> dict[str, str]:
    found = await encounters.visit(
        tx, actor=care.DOCTOR, encounter_id=visit.encounter_id, at=at
    )  # fmt: skip
    return {one.code: one.condition_id for one in found.diagnoses}


async def test_one_entry_is_hidden_by_its_button_and_shown_again(
    shell: Shell, database: Database, visit: Visit
):
    async with database.transaction() as tx:
        before = await _seen(tx, visit, utc_now())
    here = f"/me/visits/{visit.encounter_id}"
    form = {
        "what": f"Condition/{before['K29.7']}", "from": "everybody", "for": visit.patient_id,
        "visit": visit.encounter_id,
    }  # fmt: skip
    form["what"] = "entry:" + form["what"]
    async with signed_in(shell, database, "citizen", patient_id=visit.patient_id) as citizen:
        assert form["what"] in (await citizen.get(here)).text
        answer = await citizen.post("/me/hidden", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, here)
        page = (await citizen.get(here)).text
        assert "đang ẩn với mọi người" in page
        assert "Chẩn đoán" in (await citizen.get("/me/hidden")).text
        async with database.transaction() as tx:
            assert set(await _seen(tx, visit, utc_now())) == {"J20.9"}
            [hidden] = await consent.restrictions_of(
                tx, actor=care.citizen(visit.patient_id), patient_id=visit.patient_id
            )
        assert f"/me/hidden/{hidden.restriction_id}/end" in page
        back = {"for": visit.patient_id, "visit": visit.encounter_id}
        answer = await citizen.post(f"/me/hidden/{hidden.restriction_id}/end", data=back)
        assert (answer.status_code, answer.headers["location"]) == (303, here)
    async with database.transaction() as tx:
        assert await _seen(tx, visit, utc_now()) == before
