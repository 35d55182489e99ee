"""A visit is signed once, kept unchanged, corrected by a new version, and can be checked."""

import asyncio
import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import asyncpg
import orjson
import pikepdf
import pytest
from tests.builders import care

from yba.care.documents import service
from yba.care.documents.errors import (
    DocumentNotFound,
    NothingReleased,
    NotTheTreatingDoctor,
    PrescriptionNotInForce,
    ReasonMissing,
    VisitStillOpen,
)
from yba.care.documents.model import Standing
from yba.care.documents.service import Archive
from yba.care.encounters import service as encounters
from yba.care.encounters.model import Closing, DiagnosisEntry, Examination, VitalSigns
from yba.care.laboratory import listeners
from yba.care.laboratory import service as laboratory
from yba.care.laboratory.model import EnteredValue
from yba.care.orders import service as orders
from yba.care.orders.events import OrderPlaced
from yba.care.orders.model import DrugLine, ServiceLine
from yba.fhir import r4
from yba.foundation.record import service as record
from yba.foundation.signing import service as signing_service
from yba.foundation.signing.checking import words
from yba.foundation.signing.model import Verdict
from yba.foundation.signing.service import open_signing
from yba.foundation.signing.verification import Asked, verify
from yba.kernel.refusal import AccessRefused

DOCTOR = care.DOCTOR
NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def signing(tmp_path_factory):
    """Return a signing folder of this test process."""
    return open_signing(
        tmp_path_factory.mktemp("pki"), organisation="Thử", facility_code="01001", at=NOON
    )


@pytest.fixture
def archive(signing, blobs, settings, facility, fonts) -> Archive:
    """Return an archive in the test's own folder."""
    return Archive(
        signing=signing,
        blobs=blobs,
        fonts=fonts,
        facility=facility,
        address="https://yba.example",
    )


@pytest.fixture
async def visit(tx, at):
    """Return an examined, prescribed, not yet closed visit."""
    visit = await care.open_visit(tx, at)
    encounter = {"actor": DOCTOR, "encounter_id": visit.encounter_id, "at": at}
    await encounters.start_visit(tx, **encounter)
    signs = VitalSigns(
        pulse=Decimal(88), temperature=Decimal("38.5"), systolic=Decimal(120),
        diastolic=Decimal(80), weight=Decimal(54),
    )  # fmt: skip
    await encounters.record_vitals(tx, signs=signs, **encounter)
    note = Examination(reason="Sốt, ho", history="Ba ngày nay", findings="Họng đỏ")
    await encounters.record_examination(tx, examination=note, **encounter)
    await encounters.record_diagnoses(
        tx, diagnoses=[DiagnosisEntry(code="J20.9"), DiagnosisEntry(code="I10")], **encounter
    )
    return visit


@pytest.fixture
async def closed(tx, at, visit):
    """Return a closed visit."""
    await close(tx, visit, at)
    return visit


async def close(tx, visit, at):
    """Close a visit as its doctor."""
    await encounters.close_visit(
        tx,
        actor=DOCTOR,
        encounter_id=visit.encounter_id,
        closing=Closing(outcome="2", treatment="Kháng sinh", advice="Uống nhiều nước"),
        at=at,
    )


async def sign(tx, archive, visit, at, actor=DOCTOR, **more):
    """Sign the record of a visit."""
    return await service.sign_outpatient_record(
        tx, archive=archive, actor=actor, encounter_id=visit.encounter_id, at=at, **more
    )


async def correct(tx, visit, at):
    """Reopen a visit, change the note, close it again."""
    about = {"actor": DOCTOR, "encounter_id": visit.encounter_id, "at": at}
    await encounters.reopen_visit(tx, reason="Bổ sung", **about)
    note = Examination(reason="Sốt, ho", history="Bốn ngày nay", findings="Họng đỏ")
    await encounters.record_examination(tx, examination=note, **about)
    await close(tx, visit, at)


class TestSigning:
    """The doctor signs the record of a closed visit."""

    async def test_the_stored_bytes_are_valid_and_registered(self, tx, archive, closed, at):
        signed = await sign(tx, archive, closed, at)

        content = archive.blobs.get(signed.sha256)
        assert hashlib.sha256(content).hexdigest() == signed.sha256
        checked = await service.check_upload(tx, archive=archive, content=content, at=at)
        assert checked.verification.verdict is Verdict.VALID
        assert checked.verification.last.who == DOCTOR.name
        assert checked.document == signed

    async def test_the_record_knows_the_document(self, tx, archive, closed, at):
        signed = await sign(tx, archive, closed, at)

        reference = await record.read(
            tx, actor=DOCTOR, type_=r4.DocumentReference, id_=signed.document_id, at=at
        )
        attachment = reference.content[0].attachment
        content = archive.blobs.get(signed.sha256)
        assert reference.status == "current"
        assert reference.subject.reference == f"Patient/{closed.patient_id}"
        assert attachment.hash == base64.b64encode(hashlib.sha1(content).digest()).decode()
        [provenance] = await record.search(
            tx,
            actor=DOCTOR.for_facility(),
            type_=r4.Provenance,
            query=f"target=DocumentReference/{signed.document_id}",
        )
        assert provenance.agent[0].who.identifier.value == DOCTOR.licence

    async def test_signing_twice_gives_the_same_document(self, tx, archive, closed, at):
        first = await sign(tx, archive, closed, at)
        second = await sign(tx, archive, closed, at + timedelta(minutes=5))

        assert first == second

    async def test_an_open_visit_is_not_signed(self, tx, archive, visit, at):
        with pytest.raises(VisitStillOpen):
            await sign(tx, archive, visit, at)

    async def test_nobody_signs_for_another_doctor(self, tx, archive, closed, at):
        other = replace(DOCTOR, practitioner_id="practitioner-other")

        with pytest.raises(NotTheTreatingDoctor):
            await sign(tx, archive, closed, at, actor=other)

    async def test_a_nurse_does_not_sign(self, tx, archive, closed, at):
        with pytest.raises(AccessRefused):
            await sign(tx, archive, closed, at, actor=care.NURSE)

    async def test_signing_is_audited_on_the_patient(self, tx, archive, closed, at):
        signed = await sign(tx, archive, closed, at)

        found = await tx.values(
            "SELECT resources FROM audit.event WHERE what = 'documents.sign' AND patient_id = $1",
            closed.patient_id,
        )
        assert any(f"DocumentReference/{signed.document_id}" in resources for resources in found)

    async def test_a_draft_is_not_kept(self, tx, archive, visit, at):
        pdf = await service.draft_pdf(
            tx, archive=archive, actor=DOCTOR, encounter_id=visit.encounter_id, at=at
        )

        assert pdf.startswith(b"%PDF-")
        assert (
            await service.documents_of(tx, actor=DOCTOR, encounter_id=visit.encounter_id, at=at)
            == []
        )


class TestCorrection:
    """A signed document never changes; a correction is a new version with a reason."""

    async def test_a_changed_record_needs_a_reason(self, tx, archive, closed, at):
        await sign(tx, archive, closed, at)
        later = at + timedelta(hours=1)
        await correct(tx, closed, later)

        with pytest.raises(ReasonMissing):
            await sign(tx, archive, closed, later)

    async def test_both_versions_stay_and_point_at_each_other(self, tx, archive, closed, at):
        first = await sign(tx, archive, closed, at)
        later = at + timedelta(hours=1)
        await correct(tx, closed, later)
        second = await sign(tx, archive, closed, later, reason="Bổ sung bệnh sử")

        documents = await service.documents_of(
            tx, actor=DOCTOR, encounter_id=closed.encounter_id, at=later
        )
        assert [one.document_id for one in documents] == [second.document_id, first.document_id]
        assert [one.standing for one in documents] == [Standing.SIGNED, Standing.SUPERSEDED]
        assert (second.version, second.replaces) == (2, first.document_id)
        assert archive.blobs.get(first.sha256) != archive.blobs.get(second.sha256)
        old = await record.read(
            tx, actor=DOCTOR, type_=r4.DocumentReference, id_=first.document_id, at=at
        )
        assert old.status == "superseded"

    async def test_the_register_refuses_changes(self, tx, archive, closed, at):
        await sign(tx, archive, closed, at)

        with pytest.raises(asyncpg.RaiseError):
            await tx.execute("UPDATE documents.document SET sha256 = sha256")


class TestAccess:
    """Treating staff and the patient herself see a document; nobody else learns of it."""

    @pytest.mark.parametrize("reader", ["doctor", "nurse", "patient"])
    async def test_who_may_see_it(self, tx, archive, closed, at, reader):
        signed = await sign(tx, archive, closed, at)
        actor = care.citizen(closed.patient_id) if reader == "patient" else care.staff(reader)

        found, content = await service.document_bytes(
            tx, archive=archive, actor=actor, document_id=signed.document_id, at=at
        )

        assert (found, hashlib.sha256(content).hexdigest()) == (signed, signed.sha256)

    @pytest.mark.parametrize("reader", ["receptionist", "cashier", "stranger"])
    async def test_who_may_not_see_it(self, tx, archive, closed, at, reader):
        signed = await sign(tx, archive, closed, at)
        actor = care.citizen("somebody-else") if reader == "stranger" else care.staff(reader)

        with pytest.raises(DocumentNotFound):
            await service.document_bytes(
                tx, archive=archive, actor=actor, document_id=signed.document_id, at=at
            )
        with pytest.raises(DocumentNotFound):
            await service.documents_of(tx, actor=actor, patient_id=closed.patient_id, at=at)

    async def test_each_look_is_audited(self, tx, archive, closed, at):
        signed = await sign(tx, archive, closed, at)
        citizen = care.citizen(closed.patient_id)

        await service.document_bytes(
            tx, archive=archive, actor=citizen, document_id=signed.document_id, at=at
        )

        assert (
            await tx.value(
                "SELECT purpose FROM audit.event WHERE what = 'documents.read' AND patient_id = $1",
                closed.patient_id,
            )
            == "PATRQT"
        )


class TestPaper:
    """A paper copy carries the marks of the law and says how often it was printed."""

    async def test_a_reprint_says_so(self, tx, archive, closed, at, text_of):
        signed = await sign(tx, archive, closed, at)
        about = {"archive": archive, "actor": DOCTOR, "document_id": signed.document_id}

        _, first = await service.paper_copy(tx, at=at, **about)
        _, second = await service.paper_copy(tx, at=at, **about)

        assert "BẢN GIẤY CHUYỂN TỪ VĂN BẢN ĐIỆN TỬ" in text_of(first)
        assert "IN LẠI" not in text_of(first)
        assert "IN LẠI LẦN 2" in text_of(second)
        assert signed.sha256 in text_of(second)
        assert "NGUYỄN THỊ LAN" in text_of(second)

    async def test_a_paper_copy_does_not_pretend_to_be_signed(self, tx, archive, closed, at):
        signed = await sign(tx, archive, closed, at)
        _, content = await service.paper_copy(
            tx, archive=archive, actor=DOCTOR, document_id=signed.document_id, at=at
        )

        with pikepdf.open(BytesIO(content)) as pdf:
            assert "/AcroForm" not in pdf.Root


class TestRegister:
    """Anybody may ask the register about a code."""

    async def test_a_code_is_found_however_it_is_typed(self, tx, archive, closed, at):
        signed = await sign(tx, archive, closed, at)
        code = signed.short_id.upper()

        typed = f" {code[:4]}-{code[4:8]} {code[8:]}"

        assert await service.registered(tx, short_id=typed) == signed

    @pytest.mark.parametrize("code", ["", "k7m2", "'; DROP TABLE x; --", "đđđđđđđđđđđđ"])
    async def test_an_unknown_code_is_not_found(self, tx, code):
        assert await service.registered(tx, short_id=code) is None


class TestPrescription:
    """A prescription is signed once by its prescriber."""

    @pytest.fixture
    async def code(self, tx, visit, at) -> str:
        """Return the code of an issued prescription."""
        drug = await tx.value(
            """SELECT code FROM terminology.concept
                WHERE system = 'drug' AND name_vi ILIKE '%paracetamol%' ORDER BY code LIMIT 1"""
        )
        line = DrugLine(
            drug_code=drug, quantity=Decimal(9), dose=Decimal(1), times_per_day=3, days=3
        )
        [issued] = await orders.prescribe(
            tx,
            actor=DOCTOR,
            encounter_id=visit.encounter_id,
            lines=[line],
            at=at,
            confirmed=True,
        )
        return issued.code

    async def test_the_slip_carries_code_and_leading_zero(self, tx, archive, code, at, text_of):
        signed = await service.sign_prescription(
            tx, archive=archive, actor=DOCTOR, code=code, at=at
        )

        text = text_of(archive.blobs.get(signed.sha256))
        assert code in text
        assert "09 " in text
        assert "Viêm phế quản" in text

    async def test_it_is_signed_once(self, tx, archive, code, at):
        about = {"archive": archive, "actor": DOCTOR, "code": code, "at": at}

        first = await service.sign_prescription(tx, **about)

        assert await service.sign_prescription(tx, **about) == first

    async def test_a_cancelled_one_is_not_signed(self, tx, archive, code, at):
        await orders.cancel_prescription(tx, actor=DOCTOR, code=code, reason="Nhầm", at=at)

        with pytest.raises(PrescriptionNotInForce):
            await service.sign_prescription(tx, archive=archive, actor=DOCTOR, code=code, at=at)


class TestLaboratoryReport:
    """Released results are signed by the laboratory; unreleased ones never appear."""

    TECHNICIAN = replace(care.TECHNICIAN, licence="000204/HNO-GPHN")
    SERVICE = "23.0075.1494"
    INDEX = "1000201"

    @pytest.fixture
    async def request_id(self, tx, visit, at) -> str:
        """Return the id of a glucose test whose result was entered and verified."""
        about = {"actor": DOCTOR, "encounter_id": visit.encounter_id, "at": at}
        [placed] = await orders.order_services(
            tx, lines=[ServiceLine(service_code=self.SERVICE)], **about
        )
        event = OrderPlaced(
            encounter_id=visit.encounter_id,
            patient_id=visit.patient_id,
            request_ids=(placed.request_id,),
            service_codes=(self.SERVICE,),
            quantities=("1",),
            at=at,
        )
        await listeners.receive_orders(tx, event)
        test = {"request_id": placed.request_id, "at": at}
        await laboratory.collect(tx, actor=care.NURSE, **test)
        values = [EnteredValue(index_code=self.INDEX, value="9,8")]
        await laboratory.enter_result(tx, actor=care.TECHNICIAN, values=values, **test)
        await laboratory.verify_result(tx, actor=care.SECOND_TECHNICIAN, **test)
        return placed.request_id

    async def sign(self, tx, archive, visit, at, actor=TECHNICIAN):
        """Sign the report of a visit."""
        return await service.sign_laboratory_report(
            tx, archive=archive, actor=actor, encounter_id=visit.encounter_id, at=at
        )

    async def test_it_shows_the_released_result(self, tx, archive, visit, request_id, at, text_of):
        await laboratory.release_result(tx, actor=care.TECHNICIAN, request_id=request_id, at=at)

        signed = await self.sign(tx, archive, visit, at)

        text = text_of(archive.blobs.get(signed.sha256))
        assert "9,8" in text
        assert self.TECHNICIAN.licence in text

    async def test_an_unreleased_result_is_not_reported(self, tx, archive, visit, request_id, at):
        with pytest.raises(NothingReleased):
            await self.sign(tx, archive, visit, at)

    async def test_the_doctor_does_not_sign_for_the_laboratory(self, tx, archive, visit, at):
        with pytest.raises(AccessRefused):
            await self.sign(tx, archive, visit, at, actor=DOCTOR)


async def test_rendering_does_not_block_the_event_loop(archive, queue_slip, at):
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    await service.queue_slip_pdf(archive=archive, slip=queue_slip, at=at)
    ticking.cancel()

    assert ticks > 10


async def _bundle(tx, signed, at) -> dict:
    """Return the entry and its Provenance as an outsider gets them."""
    entry = await record.read(
        tx, actor=DOCTOR, type_=r4.DocumentReference, id_=signed.document_id, at=at
    )
    [provenance] = await record.search(
        tx,
        actor=DOCTOR.for_facility(),
        type_=r4.Provenance,
        query=f"target=DocumentReference/{signed.document_id}",
        at=at,
    )
    resources = [orjson.loads(r4.encode(one)) for one in (provenance, entry)]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": one} for one in resources],
    }


async def test_the_entry_is_vouched_for_by_the_doctor(tx, archive, closed, at):
    signed = await sign(tx, archive, closed, at)
    bundle = await _bundle(tx, signed, at)

    found = verify(orjson.dumps(bundle), Asked(archive.signing.trust(), at))

    assert found.is_valid, found
    assert found.last is not None
    assert found.last.who == DOCTOR.name
    assert found.last.covered == f"DocumentReference/{signed.document_id}"


async def test_a_changed_entry_is_told(tx, archive, closed, at):
    bundle = await _bundle(tx, await sign(tx, archive, closed, at), at)
    bundle["entry"][1]["resource"]["docStatus"] = "preliminary"

    found = verify(orjson.dumps(bundle), Asked(archive.signing.trust(), at))

    assert found.verdict is Verdict.INVALID
    assert words.CONTENT_CHANGED in found.problems


async def test_what_the_server_writes_may_differ(tx, archive, closed, at):
    bundle = await _bundle(tx, await sign(tx, archive, closed, at), at)
    bundle["entry"][1]["resource"]["meta"]["lastUpdated"] = "2031-01-01T00:00:00Z"

    assert verify(orjson.dumps(bundle), Asked(archive.signing.trust(), at)).is_valid


async def test_the_signature_is_kept_as_evidence(tx, archive, closed, at):
    signed = await sign(tx, archive, closed, at + timedelta(minutes=1))

    kept = await signing_service.signatures_of(
        tx, document=f"DocumentReference/{signed.document_id}"
    )
    assert len(kept) == 2
