"""Let a doctor of a running node close visits: `python -m tests.journeys.fill_basket LOGIN NUMBER`.

Everything happens by the verbs that the pages call, in one process beside the node.
"""

import asyncio
import os
import sys
from decimal import Decimal

from tests.builders import care

from yba.app import wiring
from yba.care.encounters import service as encounters
from yba.care.encounters.model import (
    Closing,
    DiagnosisEntry,
    Examination,
    NewVisit,
    VitalSigns,
)
from yba.care.scheduling import service as scheduling
from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.model import actor_for
from yba.foundation.parties import service as parties
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.plumbing import settings
from yba.plumbing.database import Database, Tx


async def _actor(tx: Tx, login: str) -> Actor:
    account = await accounts.account_by_login(tx, login=login)
    assert account is not None
    return actor_for(account)


async def _visit(tx: Tx, doctor: Actor, desk: Actor, number: int) -> None:
    at = utc_now()
    person = care.person_named(f"Người Bệnh Số {number}", 3000 + number)
    patient_id = await parties.register_person(tx, actor=desk, person=person, at=at)
    clinic = (await scheduling.clinics(tx))[0]
    new = NewVisit(
        patient_id=patient_id,
        clinic_id=clinic.clinic_id,
        reason="Sốt, ho",
        patient_category="9",
    )
    visit = await encounters.open_visit(tx, actor=desk, visit=new, at=at)
    about = {"actor": doctor, "encounter_id": visit.encounter_id, "at": at}
    await encounters.start_visit(tx, **about)
    note = Examination(reason="Sốt, ho", history="Ba ngày", findings="Họng đỏ")
    await encounters.record_examination(tx, examination=note, **about)
    signs = VitalSigns(pulse=Decimal(88), weight=Decimal(54))
    await encounters.record_vitals(tx, signs=signs, **about)
    await encounters.record_diagnoses(tx, diagnoses=[DiagnosisEntry(code="J20.9")], **about)
    await encounters.close_visit(tx, closing=Closing(outcome="1"), **about)


async def main() -> None:
    """Close as many visits as asked for."""
    # Events are written for those who listen in the process that publishes them.
    wiring.subscribe(settings.load())
    login, first, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    database = Database(os.environ["YBA_DATABASE_URL"], connections=2)
    for one in range(first, first + number):
        async with database.transaction() as tx:
            doctor, desk = await _actor(tx, login), await _actor(tx, "letan")
            await _visit(tx, doctor, desk, one)
    await database.close()


asyncio.run(main())
