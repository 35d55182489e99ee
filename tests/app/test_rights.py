"""What a person decides about her data, on screen: she hides one entry, and the desk keeps her paper."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import httpx
import pytest
from tests.app.people import signed_in
from tests.builders import care

from yba.app.asgi import Shell
from yba.care.encounters import service as encounters
from yba.care.encounters.model import DiagnosisEntry, Visit
from yba.fhir import r4
from yba.foundation.consent import service as consent
from yba.foundation.record import service as record
from yba.kernel.clock import utc_now
from yba.kernel.ids import encode_id, new_id
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


@pytest.fixture(scope="module")
async def citizen(
    shell: Shell, database: Database, visit: Visit
) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client of the person herself."""
    async with signed_in(shell, database, "citizen", patient_id=visit.patient_id) as client:
        yield client


async def _seen(tx: Tx, visit: Visit, at: datetime) -> dict[str, str]:
    found = await encounters.visit(
        tx, actor=care.DOCTOR, encounter_id=visit.encounter_id, at=at
    )  # fmt: skip
    return {one.code: one.condition_id for one in found.diagnoses}


async def test_one_entry_is_hidden_by_its_button_and_shown_again(
    database: Database, citizen: httpx.AsyncClient, visit: Visit
):
    async with database.transaction() as tx:
        before = await _seen(tx, visit, utc_now())
    here = f"/me/visits/{visit.encounter_id}"
    form = {
        "what": f"Condition/{before['K29.7']}", "from": "everybody", "for": visit.patient_id,
        "visit": visit.encounter_id,
    }  # fmt: skip
    form["what"] = "entry:" + form["what"]
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


PAPER = {
    "purpose": "research", "text": "2026-01 vi", "answer": "yes", "evidence": "Phiếu 12, tập B3",
    "witness": "Lễ Tân Thử",
}  # fmt: skip
SCAN = b"%PDF-1.4 one page"


async def test_the_desk_keeps_a_paper_with_its_scan_and_takes_it_back(
    shell: Shell, database: Database, citizen: httpx.AsyncClient, visit: Visit
):
    here, herself = f"/desk/persons/{visit.patient_id}/consents", care.citizen(visit.patient_id)
    about: dict[str, Any] = {"patient_id": visit.patient_id, "purpose": "research"}
    async with signed_in(shell, database, "receptionist") as desk:
        for wrong in ({"witness": ""}, {"answer": ""}, {"evidence": ""}, {"text": "1999-01 vi"}):
            refused = await desk.post(here, data=PAPER | wrong, files={"scan": ("x", SCAN)})
            assert refused.status_code == 422, wrong
        refused = await desk.post(here, data=PAPER, files={"scan": ("x.pdf", b"<script>")})
        assert (refused.status_code, "Phiếu 12" in refused.text) == (422, False)
        kept = await desk.post(here, data=PAPER, files={"scan": ("x", SCAN)})
        assert (kept.status_code, kept.headers["location"]) == (303, here)
        async with database.transaction() as tx:
            assert await consent.has_consent(tx, **about, at=utc_now())
            [one] = await consent.decisions_of(tx, actor=herself, patient_id=visit.patient_id)
            filed = await record.read(
                tx, actor=herself, type_=r4.Consent, id_=encode_id(one.decision_id), at=utc_now()
            )
        assert (one.channel, one.text_version, one.witness) == ("paper", "2026-01", "Lễ Tân Thử")
        assert filed.sourceAttachment.url == f"urn:sha256:{one.scan}"
        scan = await desk.get(f"{here}/{one.decision_id}/scan")
        assert (scan.content, scan.headers["content-type"]) == (SCAN, "application/pdf")
        other = here.replace(visit.patient_id, new_id())
        assert (await desk.get(f"{other}/{one.decision_id}/scan")).status_code == 404
        back = await desk.post(f"{here}/{one.decision_id}/take-back", data={"evidence": ""})
        assert back.status_code == 303
    page = (await citizen.get("/me/consents")).text
    assert "Bằng giấy" in page
    assert "Lễ Tân Thử" in page
    async with database.transaction() as tx:
        assert not await consent.has_consent(tx, **about, at=utc_now())
