"""A record is closed when it is complete, archived for good, kept, held, read by few."""

from dataclasses import replace
from datetime import date, timedelta

import asyncpg
import pytest
from tests.builders import care
from tests.care.archive.conftest import CLOSER, DOCTOR, HEAD, KEEPER, NOON, person_with

from yba.care.archive import listeners, service
from yba.care.archive.errors import (
    ArchiveReasonMissing,
    CopyNotAllowed,
    NoSuchWay,
    NotComplete,
    RecordIsArchived,
    RecordNotFound,
    UnknownCircumstance,
)
from yba.care.documents.events import DocumentSigned
from yba.care.encounters.model import Closing
from yba.foundation.audit import service as audit
from yba.kernel.refusal import AccessRefused

LATER = NOON + timedelta(hours=2)


async def test_a_visit_without_a_signed_record_is_not_complete(tx, signed_visit):
    one = await signed_visit(tx, sign=False)

    with pytest.raises(NotComplete) as refused:
        await service.close_record(tx, actor=CLOSER, encounter_id=one.encounter_id, at=LATER)

    assert list(refused.value.fields) == ["0.record-unsigned"]


async def test_a_complete_record_is_closed_archived_and_kept_for_ten_years(tx, archived_visit):
    one = await archived_visit(tx)

    found = await service.record(tx, actor=KEEPER, encounter_id=one.encounter_id, at=LATER)

    assert (found.state, found.retention) == ("archived", "ordinary")
    assert found.keep_until == date(2036, 12, 31)
    happened = await service.steps(tx, actor=KEEPER, encounter_id=one.encounter_id, at=LATER)
    assert [step.what for step in happened] == ["begin", "activate", "close", "archive"]


async def test_an_archived_record_is_not_reopened_but_a_closed_one_is(
    tx, signed_visit, archived_visit
):
    one = await signed_visit(tx)
    about = {"encounter_id": one.encounter_id, "at": LATER}
    await service.close_record(tx, actor=CLOSER, **about)
    await service.reopen_record(tx, actor=CLOSER, reason="Thiếu kết quả", **about)
    assert (await service.record(tx, actor=KEEPER, **about)).state == "active"
    await service.close_record(tx, actor=CLOSER, **about)
    await service.archive_record(tx, actor=KEEPER, **about)

    seeing = replace(CLOSER, permissions=CLOSER.permissions | {"archive.read"})
    with pytest.raises(RecordIsArchived):
        await service.reopen_record(tx, actor=seeing, reason="Sửa", **about)
    with pytest.raises(NoSuchWay):
        await service.archive_record(tx, actor=KEEPER, **about)


async def test_a_visit_of_an_archived_record_is_not_reopened(tx, archived_visit):
    one = await archived_visit(tx)

    with pytest.raises(asyncpg.RaiseError, match="archived"):
        await tx.execute(
            "UPDATE encounters.visit SET state = 'in-progress' WHERE encounter_id = $1",
            one.encounter_id,
        )


async def test_what_is_signed_after_archiving_is_an_annex(tx, archived_visit):
    one = await archived_visit(tx)
    [paper] = await service.documents.documents_of(
        tx, actor=KEEPER, encounter_id=one.encounter_id, at=LATER
    )
    event = DocumentSigned(
        document_id=paper.document_id, kind=paper.kind, encounter_id=one.encounter_id,
        patient_id=one.patient_id, version=1, sha256=paper.sha256, at=LATER,
    )  # fmt: skip

    await listeners.receive_paper(tx, event)
    await listeners.receive_paper(tx, event)

    happened = await service.steps(tx, actor=KEEPER, encounter_id=one.encounter_id, at=LATER)
    assert [step.what for step in happened].count("annex") == 1


async def test_cancelling_is_a_visible_mark_and_restoring_is_a_right_of_its_own(tx, signed_visit):
    one = await signed_visit(tx)
    about = {"encounter_id": one.encounter_id, "at": LATER}
    no_restore = replace(KEEPER, permissions=KEEPER.permissions - {"archive.restore"})

    with pytest.raises(ArchiveReasonMissing):
        await service.cancel_mark(tx, actor=KEEPER, reason=" ", **about)
    await service.cancel_mark(tx, actor=KEEPER, reason="Nhầm người bệnh", **about)
    assert (await service.record(tx, actor=KEEPER, **about)).cancelled
    with pytest.raises(AccessRefused):
        await service.restore_record(tx, actor=no_restore, reason="Đúng", **about)
    await service.restore_record(tx, actor=KEEPER, reason="Đúng người bệnh", **about)

    assert not (await service.record(tx, actor=KEEPER, **about)).cancelled
    traces = await audit.who_looked(tx, patient_id=one.patient_id)
    assert {"archive.cancel", "archive.restore"} <= {trace.what for trace in traces}


async def test_facts_that_become_known_keep_a_record_longer_never_shorter(tx, archived_visit):
    one = await archived_visit(tx, codes=("F20.9",))
    about = {"actor": KEEPER, "encounter_id": one.encounter_id, "at": LATER}
    assert (await service.record(tx, **about)).keep_until == date(2046, 12, 31)

    await service.add_circumstance(tx, kind="work-accident", **about)
    assert (await service.record(tx, **about)).keep_until == date(2046, 12, 31)
    await service.add_circumstance(tx, kind="transplant", **about)

    found = await service.record(tx, **about)
    assert (found.retention, found.keep_until) == ("transplant", date(2056, 12, 31))
    with pytest.raises(UnknownCircumstance):
        await service.add_circumstance(tx, kind="register", **about)
    with pytest.raises(asyncpg.RaiseError, match="shorter"):
        await tx.execute(
            "UPDATE archive.record SET keep_until = '2030-12-31' WHERE encounter_id = $1",
            one.encounter_id,
        )


async def test_a_death_is_kept_for_thirty_years(tx, archived_visit):
    one = await archived_visit(tx, closing=Closing(outcome="5"))

    found = await service.record(tx, actor=KEEPER, encounter_id=one.encounter_id, at=LATER)

    assert (found.retention, found.keep_until) == ("death", date(2056, 12, 31))


async def test_after_archiving_the_treating_staff_read_no_more_and_a_named_reader_does(
    tx, signed_visit
):
    one = await signed_visit(tx)
    about = {"encounter_id": one.encounter_id, "at": LATER}
    lawyer = person_with("Luật Sư Thử")
    await service.record(tx, actor=DOCTOR, **about)
    await service.close_record(tx, actor=CLOSER, **about)
    await service.archive_record(tx, actor=KEEPER, **about)

    for stranger in (DOCTOR, lawyer):
        with pytest.raises(RecordNotFound):
            await service.record(tx, actor=stranger, **about)
    await service.allow_reading(
        tx, actor=KEEPER, account_id=lawyer.account_id, ground="lawyer", purpose="Vụ án 12",
        until=LATER + timedelta(days=3), may_copy=False, **about,
    )  # fmt: skip
    await service.record(tx, actor=lawyer, **about)
    with pytest.raises(CopyNotAllowed):
        await service.hand_over(tx, actor=lawyer, request="CV 12", **about)
    with pytest.raises(RecordNotFound):
        await service.record(
            tx, actor=lawyer, encounter_id=one.encounter_id, at=LATER + timedelta(days=4)
        )


async def test_readers_on_the_spot_never_copy(tx, archived_visit):
    one = await archived_visit(tx)
    about = {"encounter_id": one.encounter_id, "at": LATER}
    student = person_with("Sinh Viên Thử")
    await service.allow_reading(
        tx, actor=KEEPER, account_id=student.account_id, ground="student", purpose="Học tập",
        until=LATER + timedelta(days=1), may_copy=True, **about,
    )  # fmt: skip

    with pytest.raises(CopyNotAllowed):
        await service.hand_over(tx, actor=student, request="CV 1", **about)


async def test_a_copy_leaves_on_a_written_request_only_and_is_audited(tx, archived_visit):
    one = await archived_visit(tx)
    about = {"encounter_id": one.encounter_id, "at": LATER}

    with pytest.raises(ArchiveReasonMissing):
        await service.hand_over(tx, actor=KEEPER, request="", **about)
    await service.hand_over(tx, actor=KEEPER, request="Đơn 5/2026 ngày 15/09/2026", **about)
    await service.hand_over(tx, actor=care.citizen(one.patient_id), request="", **about)

    traces = await audit.who_looked(tx, patient_id=one.patient_id)
    assert [trace.what for trace in traces].count("archive.hand_over") == 2


async def test_the_list_is_for_who_keeps_the_archive(tx, archived_visit):
    one = await archived_visit(tx)

    found, more = await service.records(tx, actor=KEEPER, state="archived", key=one.claim_key)
    assert [record.encounter_id for record in found] == [one.encounter_id]
    assert not more
    assert (await service.records(tx, actor=HEAD, key=one.claim_key, held=True))[0] == []
    with pytest.raises(AccessRefused):
        await service.records(tx, actor=DOCTOR)
