"""The archive's screens: who sees them, and a record from completion to the copy that leaves."""

from datetime import timedelta

import pytest
from tests.app.conftest import database, shell
from tests.app.people import signed_in
from tests.builders import care

from yba.care.archive import hosobenhan
from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import ReleaseRefused
from yba.foundation.consent.model import Recipient, RecipientKind
from yba.kernel.clock import utc_now

__all__ = ["database", "shell"]


@pytest.fixture
async def kept(database, signed_visit):
    """Return a signed visit that is really in the database."""
    person = care.person_named("Hồ Thị Lưu Trữ", int(utc_now().timestamp() * 10) % 90000)
    async with database.transaction() as tx:
        return await signed_visit(
            tx, at=utc_now(), person=person, code=f"L{utc_now().microsecond % 9999}"
        )


async def _written_request(database, patient_id):
    """Let the person ask in writing that an insurer gets what a copy of the record holds."""
    herself, at = care.citizen(patient_id), utc_now()
    async with database.transaction() as tx:
        await consent.request_release(
            tx, actor=herself, patient_id=patient_id, since=at, until=at + timedelta(days=3), at=at,
            recipient=Recipient(RecipientKind.INSURER, "PRU", "Bảo hiểm Thử"), purpose="Bồi thường",
            kinds=["identity", "visits", "prescriptions", "laboratory"],
        )  # fmt: skip


async def test_a_record_is_archived_held_and_handed_over_on_screen(shell, database, kept):
    here = f"/archive/records/{kept.encounter_id}"
    async with signed_in(shell, database, "doctor", departments=["K01"]) as doctor:
        page = await doctor.get(here)
        assert page.status_code == 200
        assert "đầy đủ" in page.text
        assert (await doctor.post(here + "/close")).status_code == 303
    async with signed_in(shell, database, "archivist") as keeper:
        assert (await keeper.post(here + "/archive")).status_code == 303
        page = await keeper.get(here)
        assert "Đã lưu trữ" in page.text
        listed = await keeper.get("/archive", params={"state": "archived", "key": kept.claim_key})
        assert kept.claim_key in listed.text
        refused = await keeper.post(here + "/export", data={"form": "xml", "request": ""})
        assert refused.status_code == 422
        copy = await keeper.post(here + "/export", data={"form": "xml", "request": "Đơn 3"})
        assert hosobenhan.from_xml(copy.content)["ThongTinVaoVien"][0]["ma_lk"] == kept.claim_key
        to_insurer = {"form": "xml", "request": "Đơn 3", "recipient": "insurer",
                      "recipient_code": "PRU"}  # fmt: skip
        for recipient in ("insurer", "somebody"):
            asked = to_insurer | {"recipient": recipient}
            refused = await keeper.post(here + "/export", data=asked)
            assert (refused.status_code, refused.headers["content-type"]) == (
                ReleaseRefused.status, "text/html; charset=utf-8",
            )  # fmt: skip
        await _written_request(database, kept.patient_id)
        assert (await keeper.post(here + "/export", data=to_insurer)).status_code == 200
        held = {"ordered_by": "Tòa án", "reason": "Vụ án 9"}
        assert (await keeper.post(here + "/hold", data=held)).status_code == 303
        assert "Tòa án" in (await keeper.get("/archive/destruction")).text
        assert (await keeper.post(here + "/nothing")).status_code == 404
    async with database.transaction() as tx:
        [went_out] = await consent.disclosures_of(
            tx, actor=care.citizen(kept.patient_id), patient_id=kept.patient_id
        )
    assert (went_out.recipient_code, went_out.basis) == ("PRU", "request")


async def test_the_desk_sees_neither_the_list_nor_a_record(shell, database, kept):
    async with signed_in(shell, database, "receptionist") as desk:
        assert (await desk.get("/archive")).status_code == 403
        assert (await desk.get(f"/archive/records/{kept.encounter_id}")).status_code == 404
