"""Papers wait in somebody's basket, in order; one confirmation signs all of them."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import structlog
from tests.authority import running_authority
from tests.builders import care

from yba.care.documents import basket, jobs, listeners
from yba.care.documents.basket import Chosen
from yba.care.documents.service import Archive
from yba.care.encounters import service as encounters
from yba.care.encounters.events import VisitClosed
from yba.care.encounters.model import Closing, DiagnosisEntry, Examination, VitalSigns
from yba.foundation.signing import service as signing
from yba.foundation.signing.errors import (
    NotYourTurn,
    OrderBroken,
    RefusalNeedsReason,
    RequestClosed,
)
from yba.foundation.signing.model import SignerRole
from yba.foundation.signing.service import Seat, open_signing
from yba.foundation.signing.verification import verify_pdf
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import NotFound

DOCTOR = care.DOCTOR
COLLEAGUE = replace(
    DOCTOR, account_id="account-2", name="Bác Sĩ Thay", practitioner_id="practitioner-2"
)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return open_signing(
        tmp_path_factory.mktemp("pki"), organisation="Thử", facility_code="01001", at=utc_now()
    )


class _Inside:
    """The test's own transaction, as the database that the basket asks for one."""

    def __init__(self, tx) -> None:
        self._tx = tx

    @asynccontextmanager
    async def transaction(self):
        async with self._tx.connection.transaction():
            yield self._tx

    reading = transaction


@pytest.fixture
def inside(tx):
    return _Inside(tx)


@pytest.fixture
def archive(pki, blobs, facility, fonts) -> Archive:
    return Archive(
        signing=pki, blobs=blobs, fonts=fonts, facility=facility, address="https://yba.example"
    )


async def _closed(tx, at, facility, *, code="A1", person=care.LAN):
    visit = await care.open_visit(tx, at, code=code, person=person)
    about = {"actor": DOCTOR, "encounter_id": visit.encounter_id, "at": at}
    await encounters.start_visit(tx, **about)
    await encounters.record_examination(
        tx,
        examination=Examination(reason="Sốt, ho", history="Ba ngày", findings="Họng đỏ"),
        **about,
    )
    signs = VitalSigns(pulse=Decimal(88), weight=Decimal(54))
    await encounters.record_vitals(tx, signs=signs, **about)
    await encounters.record_diagnoses(tx, diagnoses=[DiagnosisEntry(code="J20.9")], **about)
    await encounters.close_visit(tx, closing=Closing(outcome="1"), **about)
    event = VisitClosed(
        encounter_id=visit.encounter_id,
        claim_key=visit.claim_key,
        patient_id=visit.patient_id,
        facility_code=facility.code,
        outcome="1",
        discharge_type="1",
        at=at,
    )
    await listeners.Basket(facility).visit_closed(tx, event)
    return visit


@pytest.fixture
async def waiting(tx, at, facility):
    """Return the one paper that waits for the doctor after closing a visit."""
    await _closed(tx, at, facility)
    [request] = await signing.waiting_for(tx, actor=DOCTOR, at=at)
    return request


def _first(request) -> Chosen:
    return Chosen(request.request_id, request.position)


async def _sign(inside, archive, actor, chosen, at):
    consent = signing.confirmed(actor, summary="Ký", at=at)
    return await basket.sign_basket(
        inside, archive=archive, actor=actor, chosen=chosen, consent=consent, at=at
    )


async def test_closing_a_visit_asks_its_doctor_and_nobody_else(tx, at, waiting):
    assert waiting.kind == "outpatient-record"
    assert "Nguyễn Thị Lan" in waiting.summary
    assert "J20.9" in waiting.summary
    assert await signing.waiting_for(tx, actor=COLLEAGUE, at=at) == []


async def test_one_confirmation_is_one_act_of_the_key(tx, at, inside, archive, facility, pki):
    calls = []

    class Counting:
        name = "software"

        async def sign(self, key, digests, consent):
            calls.append((len(digests), len(consent.lines)))
            return await pki.keys.sign(key, digests, consent)

    counted = replace(archive, signing=_with_place(pki, Counting()))
    for number in range(3):
        person = care.person_named("Nguyễn Văn Thử", 70 + number)
        await _closed(tx, at, facility, code=f"B{number}", person=person)
    requests = await signing.waiting_for(tx, actor=DOCTOR, at=at)

    outcomes = await _sign(inside, counted, DOCTOR, [_first(one) for one in requests], at)

    assert [bool(one.document) for one in outcomes] == [True] * 3, outcomes
    assert calls[0] == (3, 3)
    assert await signing.waiting_for(tx, actor=DOCTOR, at=at) == []


def _with_place(pki, place):
    class Watched(type(pki)):
        def place(self, name):
            return place

    return Watched(
        authority=pki.authority,
        keys=pki.keys,
        organisation=pki.organisation,
        facility_code=pki.facility_code,
    )


async def test_the_seal_does_not_go_before_the_author(tx, at, inside, archive, waiting):
    early = [Chosen(waiting.request_id, 2)]

    [outcome] = await basket.seal(
        inside, archive=archive, actor=Actor.system("seal"), chosen=early, at=at
    )

    assert isinstance(outcome.refusal, OrderBroken)


async def test_a_doctor_does_not_put_the_seal(tx, at, inside, archive, waiting):
    await _sign(inside, archive, DOCTOR, [_first(waiting)], at)

    [outcome] = await _sign(inside, archive, DOCTOR, [Chosen(waiting.request_id, 2)], at)

    assert isinstance(outcome.refusal, NotYourTurn)


async def test_a_colleague_signs_only_under_a_delegation(tx, at, inside, archive, waiting, text_of):
    [refused] = await _sign(inside, archive, COLLEAGUE, [_first(waiting)], at)
    assert isinstance(refused.refusal, NotYourTurn)

    await signing.delegate(
        tx,
        actor=DOCTOR,
        taker_id="practitioner-2",
        taker_name="Bác Sĩ Thay",
        kinds=(),
        reason="Nghỉ phép",
        valid_from=at,
        valid_to=at + timedelta(days=1),
        at=at,
    )
    [mine] = await signing.waiting_for(tx, actor=COLLEAGUE, at=at)
    [outcome] = await _sign(inside, archive, COLLEAGUE, [_first(mine)], at)

    assert outcome.document is not None, outcome
    content = archive.blobs.get(outcome.document.sha256)
    assert "ký thay" in text_of(content)
    [kept, *_] = await signing.signatures_of(
        tx, document=f"DocumentReference/{outcome.document.document_id}"
    )
    assert "Bác Sĩ Thử" in kept.on_behalf_of
    assert "uỷ quyền" in kept.on_behalf_of


async def test_a_delegation_ends(tx, at, waiting):
    number = await signing.delegate(
        tx,
        actor=DOCTOR,
        taker_id="practitioner-2",
        taker_name="Bác Sĩ Thay",
        kinds=("prescription",),
        reason="Trực thay",
        valid_from=at,
        valid_to=at + timedelta(hours=2),
        at=at,
    )
    assert await signing.waiting_for(tx, actor=COLLEAGUE, at=at) == [], "another kind of paper"
    await signing.end_delegation(tx, actor=DOCTOR, delegation_id=number, at=at)


async def test_a_refusal_says_why_and_stops_the_paper(tx, at, inside, archive, waiting):
    about = {"request_id": waiting.request_id, "position": 1, "at": at}
    with pytest.raises(RefusalNeedsReason):
        await signing.refuse(tx, actor=DOCTOR, reason=" ", **about)

    await signing.refuse(tx, actor=DOCTOR, reason="Sai chẩn đoán", **about)

    [outcome] = await _sign(inside, archive, DOCTOR, [_first(waiting)], at)
    assert isinstance(outcome.refusal, RequestClosed)
    [step, _] = await signing.steps_of(tx, request_id=waiting.request_id)
    assert (step.state, step.reason) == ("refused", "Sai chẩn đoán")


async def test_nothing_is_signed_twice(tx, at, inside, archive, waiting):
    await _sign(inside, archive, DOCTOR, [_first(waiting)], at)

    [again] = await _sign(inside, archive, DOCTOR, [_first(waiting)], at)

    assert isinstance(again.refusal, RequestClosed)


async def test_the_seal_follows_and_both_signatures_hold(tx, at, inside, archive, waiting, pki):
    [outcome] = await _sign(inside, archive, DOCTOR, [_first(waiting)], at)

    assert await jobs.seal_waiting(inside, archive=archive, at=at) == 1

    found = await basket.store.document(tx, outcome.document.document_id)
    assert found.sha256 != outcome.document.sha256
    checked = verify_pdf(archive.blobs.get(found.sha256), pki.trust(), at=at)
    assert checked.is_valid, checked
    assert len(checked.findings) == 2
    assert await basket.store.with_hash(tx, outcome.document.sha256) == found


async def _two_signed(tx, at, inside, archive, facility):
    """Return two documents that their doctor has signed, oldest first."""
    made = []
    for number in range(2):
        person = care.person_named("Nguyễn Văn Thử", 80 + number)
        await _closed(tx, at, facility, code=f"D{number}", person=person)
        [request] = await signing.waiting_for(tx, actor=DOCTOR, at=at)
        [outcome] = await _sign(inside, archive, DOCTOR, [_first(request)], at)
        made.append(outcome.document)
    return made


@pytest.mark.parametrize("fault", ["gone", "damaged"])
async def test_a_lost_file_keeps_no_other_paper_from_its_seal(
    tx, at, inside, archive, facility, fault
):
    lost, whole = await _two_signed(tx, at, inside, archive, facility)
    _spoil(archive, lost.sha256, fault)

    assert await jobs.seal_waiting(inside, archive=archive, at=at) == 1

    assert (await basket.store.document(tx, whole.document_id)).sha256 != whole.sha256
    assert await signing.waiting_seals(tx, at=at, limit=9) == [], "it rests"
    [again] = await signing.waiting_seals(tx, at=at + timedelta(minutes=1), limit=9)
    assert again.document == f"DocumentReference/{lost.document_id}"


def _spoil(archive, digest, fault):
    content = archive.blobs.get(digest)
    archive.blobs.remove(digest)
    if fault == "damaged":
        place = archive.blobs.put(content)
        path = next(archive.blobs._folder.rglob(place))
        path.write_bytes(content[:-1] + b"?")


async def test_a_paper_that_cannot_be_prepared_is_sealed_by_nobody_and_stops_nobody(
    tx, at, inside, archive, facility, monkeypatch
):
    odd, whole = await _two_signed(tx, at, inside, archive, facility)
    really = basket.keeping.revise

    async def revise(tx, *, document, **rest):
        if document.document_id == odd.document_id:
            raise RuntimeError("Nguyễn Văn Thử")
        await really(tx, document=document, **rest)

    monkeypatch.setattr(basket.keeping, "revise", revise)
    with structlog.testing.capture_logs() as logged:
        assert await jobs.seal_waiting(inside, archive=archive, at=at) == 1

    assert (await basket.store.document(tx, whole.document_id)).sha256 != whole.sha256
    assert "Nguyễn" not in str(logged)
    marked = [one["code"] for one in logged if one["event"] == "documents.not_sealed"]
    assert "failed: RuntimeError" in marked


async def test_a_lost_file_keeps_no_other_document_from_lasting(
    tx, at, inside, archive, facility, monkeypatch
):
    lost, whole = await _two_signed(tx, at, inside, archive, facility)
    _spoil(archive, lost.sha256, "gone")
    stamping = replace(archive, signing=replace(archive.signing, timestamper=object()))
    until = at + timedelta(days=400)

    async def prolong(_signing, content, *, at):
        return signing.Prolonged(content + b"\n", "B-LTA", until)

    monkeypatch.setattr(jobs.signatures, "prolong", prolong)
    with structlog.testing.capture_logs() as logged:
        assert await jobs.prolong_due(inside, archive=stamping, at=at) == 2

    about = [lost.document_id, whole.document_id]
    marks = {one.document_id: one for one in await basket.store.lasting_of(tx, about)}
    assert (marks[whole.document_id].level, marks[whole.document_id].why) == ("B-LTA", "")
    mark = marks[lost.document_id]
    assert (mark.level, mark.attempts, mark.due_at) == ("B-B", 1, at + timedelta(minutes=1))
    assert mark.why == NotFound.code
    assert "Nguyễn" not in str(logged)

    for _ in range(60):
        await jobs.prolong_due(inside, archive=stamping, at=mark.due_at)
        [mark] = await basket.store.lasting_of(tx, [lost.document_id])
    assert mark.attempts == 61, "it is looked at for as long as it is due"


async def test_a_head_signs_between_the_author_and_the_seal(tx, at, inside, archive, facility):
    head = replace(COLLEAGUE, account_id="account-3", practitioner_id="practitioner-3")
    seats = [
        Seat(SignerRole.AUTHOR, DOCTOR.practitioner_id, DOCTOR.name),
        Seat(SignerRole.HEAD, "practitioner-3", "Trưởng Khoa"),
        Seat(SignerRole.ORGANISATION, facility.code, facility.name),
    ]
    await _closed(tx, at, facility)
    [old] = await signing.waiting_for(tx, actor=DOCTOR, at=at)
    await signing.withdraw(tx, encounter_id=old.encounter_id, at=at)
    number = await signing.open_request(
        tx,
        kind=old.kind,
        about=old.about,
        encounter_id=old.encounter_id,
        patient_id=old.patient_id,
        summary=old.summary,
        seats=seats,
        at=at,
    )
    [swapped] = await _sign(inside, archive, head, [Chosen(number, 2)], at)
    assert isinstance(swapped.refusal, OrderBroken)

    [first] = await _sign(inside, archive, DOCTOR, [Chosen(number, 1)], at)
    assert await jobs.seal_waiting(inside, archive=archive, at=at) == 0
    [second] = await _sign(inside, archive, head, [Chosen(number, 2)], at)

    assert first.document is not None
    assert second.document is not None, second
    assert await jobs.seal_waiting(inside, archive=archive, at=at) == 1


async def test_a_silent_time_stamp_authority_is_waited_for(
    tx, inside, blobs, facility, fonts, tmp_path
):
    at = utc_now()
    with running_authority(at, clock="runs") as authority:
        trusted = tmp_path / "pki" / "trusted"
        trusted.mkdir(parents=True)
        (trusted / "tsa.crt").write_bytes(authority.certificate("tsa-root"))
        pki = open_signing(
            tmp_path / "pki",
            organisation="Thử",
            facility_code="01001",
            at=at,
            timestamp_url=authority.tsa_url,
        )
        archive = Archive(
            signing=pki, blobs=blobs, fonts=fonts, facility=facility, address="https://yba.example"
        )
        await _closed(tx, at, facility)
        [waiting] = await signing.waiting_for(tx, actor=DOCTOR, at=at)
        authority.set(tsa="down")

        [outcome] = await _sign(inside, archive, DOCTOR, [_first(waiting)], at)
        assert outcome.level == "B-B"
        await jobs.prolong_due(inside, archive=archive, at=utc_now())
        [mark] = await basket.store.lasting_of(tx, [outcome.document.document_id])
        assert (mark.level, mark.why) == ("B-B", "no-time-stamp")

        authority.mend()
        later = utc_now()
        await jobs.prolong_due(inside, archive=archive, at=mark.due_at)
        [mark] = await basket.store.lasting_of(tx, [outcome.document.document_id])
        found = await basket.store.document(tx, outcome.document.document_id)
        assert mark.why in ("", "no-time-stamp")
        trust = pki.trust()
    content = blobs.get(found.sha256)
    checked = verify_pdf(content, trust, at=later)
    assert mark.level == "B-LTA", mark
    assert checked.is_valid, checked
