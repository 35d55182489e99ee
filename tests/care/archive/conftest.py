"""A finished, signed visit whose record can be completed and archived."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.builders import care

from yba.care.archive import listeners, service
from yba.care.documents import service as documents
from yba.care.documents.model import Facility
from yba.care.documents.service import Archive
from yba.care.encounters import service as encounters
from yba.care.encounters.events import VisitOpened, VisitStarted
from yba.care.encounters.model import Closing, DiagnosisEntry, Examination, VitalSigns
from yba.foundation.signing.service import open_signing
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
# The archive's rules are shown here; who may see whose record is shown by the tests of access.
DOCTOR = care.DOCTOR
TREATING = replace(DOCTOR, permissions=frozenset({"*"}), roles=frozenset({"system", "doctor"}))


def person_with(name: str, *permissions: str) -> Actor:
    """Return somebody with exactly these permissions."""
    return Actor(account_id=f"account-{name}", name=name, permissions=frozenset(permissions))


CLOSER = Actor(
    account_id=DOCTOR.account_id,
    name=DOCTOR.name,
    roles=DOCTOR.roles,
    permissions=DOCTOR.permissions | {"archive.complete"},
    practitioner_id=DOCTOR.practitioner_id,
    licence=DOCTOR.licence,
    departments=DOCTOR.departments,
)
KEEPER = person_with(
    "Lưu Trữ Thử", "archive.read", "archive.manage", "archive.export", "archive.restore",
    "archive.destroy", "documents.read",
)  # fmt: skip
HEAD = person_with("Giám Đốc Thử", "archive.read", "archive.approve")


@dataclass
class Signed:
    """One visit and its people."""

    encounter_id: str
    patient_id: str
    claim_key: str


@pytest.fixture(scope="session")
def signing(tmp_path_factory: pytest.TempPathFactory):
    """Return a signing folder of this test process."""
    return open_signing(
        tmp_path_factory.mktemp("pki"), organisation="Thử", facility_code="01001", at=NOON
    )


@pytest.fixture
def archive(signing, blobs, settings) -> Archive:
    """Return an installation's archive in the test's own folder."""
    return Archive(
        signing=signing,
        blobs=blobs,
        fonts=Path("nowhere"),
        facility=Facility(code="01001", name="Bệnh viện Thử Nghiệm", address="Số 1 đường Thử"),
        address="http://yba.test",
    )


Make = Callable[..., Awaitable[Signed]]


@pytest.fixture
def signed_visit(archive: Archive) -> Make:
    """Return a maker of visits that are closed and signed, as events leave them."""

    async def make(
        tx: Tx,
        *,
        at: datetime = NOON,
        codes: tuple[str, ...] = ("J20.9",),
        closing: Closing | None = None,
        sign: bool = True,
        **who: object,
    ) -> Signed:
        visit = await care.open_visit(tx, at, **who)  # type: ignore[arg-type]
        about = {"actor": TREATING, "encounter_id": visit.encounter_id, "at": at}
        opened = VisitOpened(
            encounter_id=visit.encounter_id, claim_key=visit.claim_key, patient_id=visit.patient_id,
            facility_code="01001", clinic_id="", department_code="K01", patient_category="1.1",
            care_type="01", exam_service_code="", at=at,
        )  # fmt: skip
        await listeners.begin(tx, opened)
        await encounters.start_visit(tx, **about)
        await listeners.start(
            tx,
            VisitStarted(
                encounter_id=visit.encounter_id,
                patient_id=visit.patient_id,
                practitioner_id="",
                at=at,
            ),
        )
        await encounters.record_vitals(tx, signs=VitalSigns(weight=Decimal(54)), **about)
        note = Examination(reason="Sốt", history="Ba ngày", findings="Họng đỏ & <đau>")
        await encounters.record_examination(tx, examination=note, **about)
        diagnoses = [DiagnosisEntry(code=code) for code in codes]
        await encounters.record_diagnoses(tx, diagnoses=diagnoses, **about)
        await encounters.close_visit(tx, closing=closing or Closing(), **about)
        if sign:
            await documents.sign_outpatient_record(tx, archive=archive, **about)
        return Signed(visit.encounter_id, visit.patient_id, visit.claim_key)

    return make


@pytest.fixture
def archived_visit(signed_visit: Make) -> Make:
    """Return a maker of visits whose record is in the archive."""

    async def make(tx: Tx, *, at: datetime = NOON, **details: object) -> Signed:
        one = await signed_visit(tx, at=at, **details)
        later = at + timedelta(hours=1)
        await service.close_record(tx, actor=CLOSER, encounter_id=one.encounter_id, at=later)
        await service.archive_record(tx, actor=KEEPER, encounter_id=one.encounter_id, at=later)
        return one

    return make
