"""Opening a visit at the desk: once per form, with the card as it is today."""

from dataclasses import replace
from datetime import datetime

from yba.care.encounters import fhir, store
from yba.care.encounters.access import require
from yba.care.encounters.errors import VisitAlreadyOpen, VisitIncompletelyOpened
from yba.care.encounters.events import VisitOpened
from yba.care.encounters.model import NewVisit, Visit
from yba.care.encounters.store import VisitRow
from yba.care.scheduling import service as scheduling
from yba.care.scheduling.model import Clinic
from yba.foundation.access import service as access
from yba.foundation.parties import service as parties
from yba.foundation.record import service as record
from yba.foundation.terminology import service as terminology
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.text import tidy
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_
from yba.plumbing.outbox import publish

NOT_INSURED = "9"
_REASON = N_("Write why the patient comes.")
_CATEGORY = N_("This patient category is not in the list in force.")
_CARE_TYPE = N_("This type of care is not in the list in force.")
_CARD = N_("An insured visit needs an insurance card.")
_FACILITY = N_("The referring facility has a code of 5 characters.")


async def open_visit(tx: Tx, *, actor: Actor, visit: NewVisit, at: datetime) -> Visit:
    """Open a visit and issue its ticket; the same form twice gives the same visit.

    An insured visit without a card in `visit` takes the card on file.
    Raises PersonNotFound, ClinicNotFound, ClinicClosed, VisitIncompletelyOpened
    with the fields to correct, VisitAlreadyOpen, AccessRefused.
    """
    require(actor, "desk.register")
    if visit.idempotency_key:
        known = await store.by_idempotency_key(tx, visit.idempotency_key)
        if known is not None:
            return await _again(tx, known)
    summary = await parties.person(tx, actor=actor, patient_id=visit.patient_id, at=at)
    clinic = await scheduling.clinic(tx, clinic_id=visit.clinic_id)
    insured = visit.patient_category != NOT_INSURED
    visit = replace(
        visit,
        reason=tidy(visit.reason),
        insurance=(visit.insurance or summary.details.insurance) if insured else None,
    )
    await _check(tx, visit, at)
    encounter_id = record.new_id()
    claim_key = clinic.facility_code + encounter_id.upper()
    opened = await store.open_visit(
        tx,
        encounter_id=encounter_id,
        patient_id=visit.patient_id,
        claim_key=claim_key,
        idempotency_key=visit.idempotency_key or None,
        facility_code=clinic.facility_code,
        clinic_id=clinic.clinic_id,
        at=at,
    )
    if not opened:
        return await _lost_race(tx, visit)
    await relate_clinic(tx, visit.patient_id, encounter_id, clinic, at)
    await _save(tx, actor, encounter_id, claim_key, visit, clinic, at)
    # Last: the counter row stays locked until the transaction ends.
    ticket = await scheduling.issue_ticket(
        tx,
        actor=actor,
        clinic_id=clinic.clinic_id,
        patient_id=visit.patient_id,
        encounter_id=encounter_id,
        birth_date=summary.details.birth_date,
        priority=visit.priority,
        at=at,
    )
    await store.set_item(
        tx, encounter_id=encounter_id, item_id=ticket.item_id, clinic_id=clinic.clinic_id
    )
    return Visit(
        encounter_id=encounter_id,
        claim_key=claim_key,
        patient_id=visit.patient_id,
        ticket=ticket,
    )


async def relate_clinic(
    tx: Tx, patient_id: str, encounter_id: str, clinic: Clinic, at: datetime
) -> None:
    """Let the clinic and its department see the patient from now on."""
    for department in filter(None, (clinic.clinic_id, clinic.department_code)):
        await access.relate(
            tx, patient_id=patient_id, kind="visit", why=f"Encounter/{encounter_id}",
            department=department, at=at,
        )  # fmt: skip


async def check_category(
    tx: Tx, *, patient_category: str, has_card: bool, at: datetime
) -> dict[str, str]:
    """Return what is wrong with a patient category, by form field."""
    problems: dict[str, str] = {}
    today = local_date(at)
    known = await terminology.concept(tx, system="ma_doituong_kcb", code=patient_category, on=today)
    if known is None:
        problems["patient_category"] = _CATEGORY
    elif patient_category != NOT_INSURED and not has_card:
        problems["insurance_number"] = _CARD
    return problems


async def _check(tx: Tx, visit: NewVisit, at: datetime) -> None:
    problems = await check_category(
        tx,
        patient_category=visit.patient_category,
        has_card=visit.insurance is not None,
        at=at,
    )
    if not visit.reason:
        problems["reason"] = _REASON
    if visit.referring_facility and len(visit.referring_facility) != 5:
        problems["referring_facility"] = _FACILITY
    care_type = await terminology.concept(
        tx, system="ma_loai_kcb", code=visit.care_type, on=local_date(at)
    )
    if care_type is None:
        problems["care_type"] = _CARE_TYPE
    if problems:
        raise VisitIncompletelyOpened(fields=problems)


async def _save(
    tx: Tx,
    actor: Actor,
    encounter_id: str,
    claim_key: str,
    visit: NewVisit,
    clinic: Clinic,
    at: datetime,
) -> None:
    encounter = fhir.encounter_resource(
        fhir.Opening(
            encounter_id=encounter_id, claim_key=claim_key, visit=visit, clinic=clinic, at=at
        )
    )
    await record.save(tx, actor=actor, resources=[encounter], at=at, note="encounters.open_visit")
    await parties.note_seen(tx, patient_id=visit.patient_id, at=at)
    await publish(
        tx,
        VisitOpened(
            encounter_id=encounter_id,
            claim_key=claim_key,
            patient_id=visit.patient_id,
            facility_code=clinic.facility_code,
            clinic_id=clinic.clinic_id,
            department_code=clinic.department_code,
            patient_category=visit.patient_category,
            care_type=visit.care_type,
            exam_service_code=clinic.exam_service_code,
            at=at,
        ),
    )


async def _again(tx: Tx, row: VisitRow) -> Visit:
    ticket = await scheduling.ticket_of_visit(tx, encounter_id=row.encounter_id)
    if ticket is None:
        raise VisitAlreadyOpen
    return Visit(
        encounter_id=row.encounter_id,
        claim_key=row.claim_key,
        patient_id=row.patient_id,
        ticket=ticket,
        already_open=True,
    )


async def _lost_race(tx: Tx, visit: NewVisit) -> Visit:
    """The insert met an equal one: the same form, or the same queue."""
    if visit.idempotency_key:
        known = await store.by_idempotency_key(tx, visit.idempotency_key)
        if known is not None:
            return await _again(tx, known)
    raise VisitAlreadyOpen
