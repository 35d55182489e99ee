"""The demonstration hospital: fictitious staff, patients, a morning's queue, one finished visit.

Everything is made by the same verbs that the pages call, so what the demo
shows is what the program does. Seeding happens once per data folder.
"""

import asyncio
import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import Progress

from yba.app import staff, wiring
from yba.app.demo_people import (
    CITIZEN_LOGIN,
    MOTHER,
    MOTHER_LOGIN,
    PASSWORD,
    PATIENTS,
    STAFF,
    WAITING,
    clinics,
)
from yba.app.fiction import service as fiction
from yba.app.fiction.claims import write_files
from yba.care.documents import service as documents
from yba.care.encounters import service as encounters
from yba.care.encounters.model import (
    Closing,
    DiagnosisEntry,
    Examination,
    NewVisit,
    VitalSigns,
)
from yba.care.orders import service as orders
from yba.care.orders.model import DrugLine
from yba.care.scheduling import service as scheduling
from yba.foundation.accounts import service as accounts
from yba.foundation.audit import service as audit
from yba.foundation.parties import service as parties
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.money.charging import service as charging
from yba.money.insurance import service as insurance
from yba.money.insurance.importing import Place
from yba.money.payments import service as payments
from yba.plumbing import outbox
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database, Tx
from yba.plumbing.settings import Settings

_MARK = "demo.json"
_FICTION_SEED, _IMPORTED_VISITS = 1, 60
_EXAM_SERVICE = "02.0000.1896"
_EXAM_OF_CLINIC = {"NHI": "03.0000.1896", "SAN": "13.0000.1896"}


async def seed(config: Settings, console: Console) -> None:
    """Fill an empty data folder; a folder that was filled before stays as it is."""
    mark = config.data_dir / _MARK
    assert config.database_url is not None
    database = Database(config.database_url, connections=3)
    audit.set_facility(config.facility_name)
    wiring.subscribe(config)
    try:
        if not mark.exists():
            await _seed_once(config, database, console, mark)
        async with database.transaction() as tx:
            await _fill_queue(tx, utc_now())
        await outbox.drain(database)
    finally:
        await database.close()


async def _seed_once(config: Settings, database: Database, console: Console, mark: Path) -> None:
    at = utc_now()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("people", total=4)
        async with database.transaction() as tx:
            await _staff_and_clinics(tx, config, at)
            progress.advance(task)
            patient_ids = [
                await parties.register_person(
                    tx, actor=Actor.system("demo"), person=person, at=at - timedelta(days=40)
                )
                for person in PATIENTS
            ]
            for login, number in ((CITIZEN_LOGIN, 0), (MOTHER_LOGIN, MOTHER)):
                await accounts.create(
                    tx,
                    actor=Actor.system("demo"),
                    login=login,
                    password=PASSWORD,
                    name=PATIENTS[number].name,
                    roles=["citizen"],
                    at=at,
                    patient_id=patient_ids[number],
                )
            progress.advance(task)
        nine = (at - timedelta(days=21)).replace(hour=2, minute=5)  # 09:05 in Vietnam
        await _earlier_visit(config, database, patient_ids[0], nine)
        progress.advance(task)
        await _history(config, database, at)
        progress.advance(task)
    await asyncio.to_thread(mark.write_text, json.dumps({"patients": patient_ids}))


async def _history(config: Settings, database: Database, at: datetime) -> None:
    """Import last month's claim files, as a hospital does that comes from another system."""
    made = fiction.visits(_FICTION_SEED, _IMPORTED_VISITS, facility=config.facility_code)
    place = Place(
        database=database, blobs=BlobStore(config.blob_dir), facility=config.facility_code,
        folder=config.data_dir / "imports",
    )  # fmt: skip
    with TemporaryDirectory(prefix="yba-demo-") as folder:
        await asyncio.to_thread(write_files, Path(folder), made)
        await insurance.import_claims(
            place, actor=Actor.system("demo", "HPAYMT"), paths=[Path(folder)], at=at
        )


async def _staff_and_clinics(tx: Tx, config: Settings, at: datetime) -> None:
    system = Actor.system("demo")
    rooms = clinics(config.facility_code, _EXAM_SERVICE, _EXAM_OF_CLINIC)
    # In the demonstration everybody who treats is on duty everywhere.
    everywhere = sorted({room.department_code for room in rooms})
    for member in STAFF:
        await staff.add(
            tx,
            actor=system,
            login=member.login,
            password=PASSWORD,
            name=member.name,
            roles=[member.role],
            licence=member.licence,
            departments=everywhere if member.department else (),
            at=at,
        )
    for clinic in rooms:
        await scheduling.add_clinic(tx, actor=system, clinic=clinic, at=at)


async def _actor(tx: Tx, login: str) -> Actor:
    from yba.foundation.accounts.model import actor_for

    account = await accounts.account_by_login(tx, login=login)
    assert account is not None
    return actor_for(account)


async def _earlier_visit(
    config: Settings, database: Database, patient_id: str, at: datetime
) -> None:
    """Let the citizen's earlier visit happen, three weeks ago, from desk to signature."""
    async with database.transaction() as tx:
        desk, doctor = await _actor(tx, "letan"), await _actor(tx, "bacsi")
        clinic = (await scheduling.clinics(tx))[0]
        opened = await encounters.open_visit(
            tx,
            actor=desk,
            visit=NewVisit(
                patient_id=patient_id,
                clinic_id=clinic.clinic_id,
                reason="Ho, đau họng, sốt hai ngày",
                patient_category="1.13",
            ),
            at=at,
        )
    encounter_id = opened.encounter_id
    archive = documents.archive_from(config, BlobStore(config.blob_dir), at=at)
    await outbox.drain(database)
    async with database.transaction() as tx:
        await _examine(tx, doctor, encounter_id, at + timedelta(minutes=20))
    await outbox.drain(database)
    async with database.transaction() as tx:
        later = at + timedelta(minutes=45)
        await encounters.close_visit(
            tx,
            actor=doctor,
            encounter_id=encounter_id,
            closing=Closing(treatment="Điều trị ngoại trú", advice="Uống nhiều nước, nghỉ ngơi."),
            at=later,
        )
        await documents.sign_outpatient_record(
            tx,
            archive=archive,
            actor=doctor,
            encounter_id=encounter_id,
            at=later,
        )
    await outbox.drain(database)
    async with database.transaction() as tx:
        cashier, paid_at = await _actor(tx, "thungan"), at + timedelta(minutes=55)
        await payments.open_shift(tx, actor=cashier, opening_cash=500_000, at=at)
        bill = await charging.invoice_what_is_due(
            tx, actor=cashier, encounter_id=encounter_id, at=paid_at
        )
        await payments.take_cash(
            tx, actor=cashier, bill_id=bill.bill_id, tendered=bill.remaining, at=paid_at
        )
    await outbox.drain(database)


async def _examine(tx: Tx, doctor: Actor, encounter_id: str, at: datetime) -> None:
    await encounters.record_vitals(
        tx,
        actor=doctor,
        encounter_id=encounter_id,
        signs=VitalSigns(
            pulse=Decimal(88),
            temperature=Decimal("38.2"),
            systolic=Decimal(118),
            diastolic=Decimal(74),
            breaths=Decimal(18),
            saturation=Decimal(98),
            weight=Decimal("54.5"),
            height=Decimal(158),
        ),
        at=at,
    )
    await encounters.record_examination(
        tx,
        actor=doctor,
        encounter_id=encounter_id,
        examination=Examination(
            reason="Ho, đau họng, sốt hai ngày",
            history="Sốt 38–38,5 độ, ho khan, không khó thở.",
            findings="Họng đỏ, phổi thông khí rõ, không ran.",
            preliminary_diagnosis="Nhiễm khuẩn hô hấp trên cấp",
        ),
        at=at,
    )
    await encounters.record_diagnoses(
        tx,
        actor=doctor,
        encounter_id=encounter_id,
        diagnoses=[DiagnosisEntry(code="J06.9")],
        at=at,
    )
    await orders.prescribe(
        tx,
        actor=doctor,
        encounter_id=encounter_id,
        lines=[
            DrugLine(
                drug_code="40.1.01",
                quantity=Decimal(15),
                dose=Decimal(1),
                times_per_day=3,
                days=5,
                directions="khi sốt trên 38,5 độ hoặc đau",
            )
        ],
        at=at,
    )


async def _fill_queue(tx: Tx, at: datetime) -> None:
    """Let some patients wait, unless somebody already does today."""
    loads = await scheduling.clinics_with_load(tx, at=at)
    if any(load.waiting or load.in_room for load in loads):
        return
    desk = await _actor(tx, "letan")
    by_code = {load.code: load.clinic_id for load in loads}
    for number, clinic_code, reason, category in WAITING:
        person = PATIENTS[number]
        matches = await parties.find_persons(tx, actor=desk, text=person.name, limit=1)
        if not matches or await encounters.open_visits_of(
            tx, actor=desk, patient_id=matches[0].patient_id
        ):
            continue
        await encounters.open_visit(
            tx,
            actor=desk,
            visit=NewVisit(
                patient_id=matches[0].patient_id,
                clinic_id=by_code[clinic_code],
                reason=reason,
                patient_category=category,
            ),
            at=at,
        )
