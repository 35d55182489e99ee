"""The verbs of a visit after the desk: measure, examine, diagnose, close.

Every verb locks the visit, writes the record, the audit trail and the outbox
in the caller's transaction. `open_visit` is in `opening`.
"""

from dataclasses import replace
from datetime import datetime

from yba.care.encounters import fhir, store, vitals
from yba.care.encounters import view as views
from yba.care.encounters.access import require_see, visible_visit, writable_visit
from yba.care.encounters.diagnosing import record_diagnoses
from yba.care.encounters.ending import cancel_visit, close_visit, reopen_visit
from yba.care.encounters.errors import (
    FollowUpInPast,
    MeasuredInFuture,
    MeasurementNotFound,
    NothingMeasured,
    VisitAlreadyOpen,
    VisitDetailsWrong,
    VisitNotFound,
)
from yba.care.encounters.events import VisitStarted, VisitTransferred
from yba.care.encounters.fhir import About, author_of, encounter_reference, moment
from yba.care.encounters.model import (
    Allergy,
    Examination,
    FollowUp,
    VisitLine,
    VisitState,
    VisitView,
    VitalSigns,
)
from yba.care.encounters.opening import check_category, open_visit, relate_clinic
from yba.care.encounters.store import VisitRow
from yba.care.encounters.vitals import kinds as vital_kinds
from yba.care.scheduling import service as scheduling
from yba.care.scheduling.model import QueueEntry, Ticket
from yba.fhir import r4
from yba.foundation.access import service as access
from yba.foundation.parties.model import HealthInsurance, age_months
from yba.foundation.parties.service import coverage_resource
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.refusal import NotFound
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish

__all__ = [
    "About",
    "author_of",
    "cancel_visit",
    "close_visit",
    "encounter_reference",
    "moment",
    "my_queue",
    "open_visit",
    "open_visits_of",
    "patient_of_visit",
    "plan_follow_up",
    "record_allergy",
    "record_diagnoses",
    "record_examination",
    "record_vitals",
    "reopen_visit",
    "set_patient_category",
    "start_visit",
    "transfer_visit",
    "vital_kinds",
    "visit",
    "visit_with_claim_key",
    "visits_of_patient",
    "withdraw_allergy",
    "withdraw_vitals",
    "writable_visit",
]


async def start_visit(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> None:
    """The doctor begins to see the patient; a second start changes nothing.

    Raises VisitNotFound, VisitClosedAlready, AccessRefused.
    """
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="chart.write", at=at
    )
    await _begin(tx, actor, row, at)


async def record_vitals(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    signs: VitalSigns,
    at: datetime,
    measured_at: datetime | None = None,
) -> None:
    """Store one set of measurements, flagged by the patient's age.

    Raises VitalsImplausible with the fields, NothingMeasured, MeasuredInFuture.
    """
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="chart.vitals", at=at
    )
    values = vitals.measured(signs)
    if not values:
        raise NothingMeasured
    if measured_at is not None and measured_at > at:
        raise MeasuredInFuture
    vitals.check(signs)
    patient = await record.read(tx, actor=actor, type_=r4.Patient, id_=row.patient_id, at=at)
    observations = fhir.vital_observations(
        [record.new_id() for _ in values],
        signs,
        _about(row, actor, at),
        measured_at or at,
        age_months(patient.birthDate or "", local_date(at)),
    )
    await record.save(
        tx, actor=actor, resources=observations, at=at, note="encounters.record_vitals"
    )


async def withdraw_vitals(
    tx: Tx, *, actor: Actor, encounter_id: str, observation_id: str, at: datetime
) -> None:
    """Take back a measurement that was entered in error; the history keeps it.

    Raises MeasurementNotFound, VisitNotFound, VisitClosedAlready, AccessRefused.
    """
    await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="chart.vitals", at=at
    )
    try:
        known = await record.read(tx, actor=actor, type_=r4.Observation, id_=observation_id, at=at)
    except NotFound:
        raise MeasurementNotFound from None
    about = known.encounter.reference if known.encounter else None
    if about != f"Encounter/{encounter_id}" or not fhir.is_vital_sign(known):
        raise MeasurementNotFound
    known.status = "entered-in-error"
    await record.save(tx, actor=actor, resources=[known], at=at, note="encounters.withdraw_vitals")


async def record_examination(
    tx: Tx, *, actor: Actor, encounter_id: str, examination: Examination, at: datetime
) -> None:
    """Store the doctor's note; a later note is a new version of the same Composition."""
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="chart.write", at=at
    )
    await _begin(tx, actor, row, at)
    note_id = row.note_id or record.new_id()
    composition = fhir.note_composition(note_id, examination, _about(row, actor, at))
    await record.save(
        tx, actor=actor, resources=[composition], at=at, note="encounters.record_examination"
    )
    if not row.note_id:
        await store.set_note(tx, encounter_id=encounter_id, note_id=note_id)


async def plan_follow_up(
    tx: Tx, *, actor: Actor, encounter_id: str, follow_up: FollowUp | None, at: datetime
) -> None:
    """Set, change or (None) cancel the follow-up. Raises FollowUpInPast."""
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="chart.write", at=at
    )
    if follow_up is not None and follow_up.on <= local_date(at):
        raise FollowUpInPast
    if follow_up is None:
        if not row.follow_up_id:
            return
        known = await record.read(
            tx, actor=actor, type_=r4.Appointment, id_=row.follow_up_id, at=at
        )
        known.status = "cancelled"
        appointment = known
    else:
        appointment_id = row.follow_up_id or record.new_id()
        appointment = fhir.appointment_resource(appointment_id, follow_up, _about(row, actor, at))
        if not row.follow_up_id:
            await store.set_follow_up(tx, encounter_id=encounter_id, follow_up_id=appointment_id)
    await record.save(
        tx, actor=actor, resources=[appointment], at=at, note="encounters.plan_follow_up"
    )


async def record_allergy(
    tx: Tx, *, actor: Actor, encounter_id: str, allergy: Allergy, at: datetime
) -> str:
    """Store an allergy of the patient; an empty text states that none is known."""
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="chart.write", at=at
    )
    allergy_id = record.new_id()
    resource = fhir.allergy_resource(allergy_id, allergy, _about(row, actor, at))
    await record.save(
        tx, actor=actor, resources=[resource], at=at, note="encounters.record_allergy"
    )
    return allergy_id


async def withdraw_allergy(
    tx: Tx, *, actor: Actor, encounter_id: str, allergy_id: str, at: datetime
) -> None:
    """Take back an allergy that was entered in error; the history keeps it."""
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="chart.write", at=at
    )
    known = await record.read(tx, actor=actor, type_=r4.AllergyIntolerance, id_=allergy_id, at=at)
    if known.patient is None or known.patient.reference != f"Patient/{row.patient_id}":
        raise VisitNotFound
    known.clinicalStatus = None
    known.verificationStatus = fhir.concept(
        "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
        "entered-in-error",
    )
    await record.save(tx, actor=actor, resources=[known], at=at, note="encounters.withdraw_allergy")


async def set_patient_category(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    patient_category: str,
    insurance: HealthInsurance | None,
    at: datetime,
) -> None:
    """Correct who pays for an open visit: category and the card as it is now.

    Raises VisitDetailsWrong with the fields to correct.
    """
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="desk.register", at=at
    )
    problems = await check_category(
        tx, patient_category=patient_category, has_card=insurance is not None, at=at
    )
    if problems:
        raise VisitDetailsWrong(fields=problems)
    encounter = await record.read(tx, actor=actor, type_=r4.Encounter, id_=encounter_id, at=at)
    fhir.set_extension(encounter, "patient-category", patient_category)
    encounter.contained = (
        [coverage_resource("coverage", row.patient_id, insurance)] if insurance else None
    )
    await record.save(
        tx, actor=actor, resources=[encounter], at=at, note="encounters.set_patient_category"
    )


async def transfer_visit(
    tx: Tx, *, actor: Actor, encounter_id: str, clinic_id: str, at: datetime, reason: str = ""
) -> Ticket:
    """Let a visit go on in another clinic, under a number of that clinic.

    Raises ClinicNotFound, ClinicClosed, VisitNotFound, VisitClosedAlready,
    VisitAlreadyOpen if the person waits there already, AccessRefused.
    """
    may_write = actor.may("chart.write")
    row = await writable_visit(
        tx,
        actor=actor,
        encounter_id=encounter_id,
        permission="chart.write" if may_write else "desk.register",
        at=at,
    )
    open_elsewhere = await store.open_visits_of(tx, row.patient_id)
    if any(other.clinic_id == clinic_id for other in open_elsewhere):
        raise VisitAlreadyOpen
    clinic = await scheduling.clinic(tx, clinic_id=clinic_id)
    encounter = await record.read(tx, actor=actor, type_=r4.Encounter, id_=encounter_id, at=at)
    await record.save(
        tx,
        actor=actor,
        resources=[fhir.moved(encounter, clinic, at)],
        at=at,
        note="encounters.transfer_visit",
    )
    item_id = row.item_id or 0
    await store.set_item(tx, encounter_id=encounter_id, item_id=item_id, clinic_id=clinic_id)
    await relate_clinic(tx, row.patient_id, encounter_id, clinic, at)
    await publish(
        tx,
        VisitTransferred(
            encounter_id=encounter_id,
            patient_id=row.patient_id,
            clinic_id=clinic_id,
            department_code=clinic.department_code,
            exam_service_code=clinic.exam_service_code,
            at=at,
        ),
    )
    # Last: the counter row stays locked until the transaction ends.
    return await scheduling.transfer(
        tx, actor=actor, item_id=item_id, clinic_id=clinic_id, at=at, reason=reason
    )


async def visit(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> VisitView:
    """Return everything of a visit in one statement of the record; the look is audited.

    Raises NotTreating for staff who may not see it, VisitNotFound for everybody else.
    """
    row = await visible_visit(tx, actor=actor, encounter_id=encounter_id, at=at)
    chart = await record.chart(
        tx, actor=actor, patient_id=row.patient_id, types=list(views.TYPES), at=at
    )
    for encounter in chart.of(r4.Encounter):
        if encounter.id == encounter_id:
            return replace(views.visit_view(chart, encounter), item_id=row.item_id or 0)
    raise access.unknown(actor, VisitNotFound(), at=at)


async def visits_of_patient(
    tx: Tx, *, actor: Actor, patient_id: str, at: datetime
) -> list[VisitLine]:
    """Return a person's visits, newest first, with their main diagnosis."""
    require_see(actor, patient_id)
    chart = await record.chart(
        tx, actor=actor, patient_id=patient_id, types=[r4.Encounter, r4.Condition], at=at
    )
    return list(views.visit_lines(chart))


async def patient_of_visit(tx: Tx, *, encounter_id: str) -> str:
    """Return whose visit it is, for who asks for access to it. Raises VisitNotFound."""
    row = await store.visit(tx, encounter_id)
    if row is None:
        raise VisitNotFound
    return row.patient_id


async def visit_with_claim_key(tx: Tx, *, claim_key: str) -> str | None:
    """Return the encounter id of a claim key (MA_LK), None if it is not ours."""
    row = await store.by_claim_key(tx, claim_key)
    return row.encounter_id if row else None


async def open_visits_of(tx: Tx, *, actor: Actor, patient_id: str) -> list[str]:
    """Return the encounter ids of a person's visits that are not closed."""
    require_see(actor, patient_id)
    return [row.encounter_id for row in await store.open_visits_of(tx, patient_id)]


async def my_queue(
    tx: Tx, *, actor: Actor, at: datetime, clinic_id: str | None = None
) -> list[QueueEntry]:
    """Return who waits for this doctor: in the room, called, waiting, absent."""
    return await scheduling.queue(tx, clinic_id=clinic_id, at=at, mine_of=actor.account_id)


async def _begin(tx: Tx, actor: Actor, row: VisitRow, at: datetime) -> None:
    """Move an arrived visit to "in progress" with this doctor."""
    if VisitState(row.state) != VisitState.ARRIVED:
        return
    encounter = await record.read(tx, actor=actor, type_=r4.Encounter, id_=row.encounter_id, at=at)
    await record.save(
        tx,
        actor=actor,
        resources=[fhir.started(encounter, actor, at)],
        at=at,
        note="encounters.start_visit",
    )
    practitioner_id = actor.practitioner_id or ""
    await store.set_state(
        tx,
        encounter_id=row.encounter_id,
        state=VisitState.IN_PROGRESS.value,
        practitioner_id=practitioner_id,
    )
    if row.item_id is not None:
        await scheduling.start(tx, actor=actor, item_id=row.item_id, at=at)
    await publish(
        tx,
        VisitStarted(
            encounter_id=row.encounter_id,
            patient_id=row.patient_id,
            practitioner_id=practitioner_id,
            at=at,
        ),
    )


def _about(row: VisitRow, actor: Actor, at: datetime) -> About:
    return About(patient_id=row.patient_id, encounter_id=row.encounter_id, actor=actor, at=at)
