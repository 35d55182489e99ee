"""What one save of the chart does: the verbs of several contexts, in one transaction."""

from collections.abc import Sequence
from datetime import datetime

from yba.care.documents import service as documents
from yba.care.documents.service import Archive
from yba.care.encounters import service as encounters
from yba.care.encounters.model import Closing, VisitState
from yba.care.orders import service as orders
from yba.care.orders.model import DrugLine, PrescriptionState, PrescriptionWarning
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx
from yba.surfaces.chart.forms import Note, note_of

_IN_FORCE = (PrescriptionState.ISSUED, PrescriptionState.SENT)


async def save_note(tx: Tx, *, actor: Actor, encounter_id: str, note: Note, at: datetime) -> None:
    """Save what differs from the record; saving twice changes nothing.

    A patient who was only called is taken to be in the room. Raises what the
    verbs of encounters raise, and Unusable for unreadable numbers or dates.
    """
    visit = await encounters.visit(tx, actor=actor, encounter_id=encounter_id, at=at)
    if visit.state == VisitState.ARRIVED:
        await encounters.start_visit(tx, actor=actor, encounter_id=encounter_id, at=at)
    vitals = note.vital_signs()
    if vitals is not None:
        await encounters.record_vitals(
            tx, actor=actor, encounter_id=encounter_id, signs=vitals, at=at
        )
    if note.examination != visit.examination:
        await encounters.record_examination(
            tx, actor=actor, encounter_id=encounter_id, examination=note.examination, at=at
        )
    entries = note.diagnosis_entries()
    if entries != note_of(visit).diagnosis_entries():
        await encounters.record_diagnoses(
            tx,
            actor=actor,
            encounter_id=encounter_id,
            diagnoses=entries,
            at=at,
            confirmed=note.confirmed,
        )
    if note.allergy is not None:
        await encounters.record_allergy(
            tx, actor=actor, encounter_id=encounter_id, allergy=note.allergy, at=at
        )
    follow_up, known = note.follow_up(), visit.follow_up
    if (follow_up and (follow_up.on, follow_up.reason)) != (known and (known.on, known.reason)):
        await encounters.plan_follow_up(
            tx, actor=actor, encounter_id=encounter_id, follow_up=follow_up, at=at
        )


async def try_prescription(
    tx: Tx, *, actor: Actor, encounter_id: str, note: Note, lines: Sequence[DrugLine], at: datetime
) -> tuple[PrescriptionWarning, ...]:
    """Save the note and check the lines against it; the caller undoes `tx`.

    Raises what the law forbids, as `orders.prescribe` would.
    """
    if not lines:
        return ()
    await save_note(tx, actor=actor, encounter_id=encounter_id, note=note, at=at)
    return await orders.check_prescription(
        tx, actor=actor, encounter_id=encounter_id, lines=lines, at=at
    )


async def close_and_sign(
    tx: Tx,
    *,
    actor: Actor,
    archive: Archive,
    encounter_id: str,
    closing: Closing,
    reason: str,
    at: datetime,
) -> None:
    """Close the visit and sign its papers, or none of it.

    Whose key asks for a PIN each time finds the papers among her signatures
    (the basket) instead. `reason` says why an earlier signed version is corrected; empty the first time.
    """
    await encounters.close_visit(tx, actor=actor, encounter_id=encounter_id, closing=closing, at=at)
    if not await documents.signs_at_once(tx, archive=archive, actor=actor):
        return
    await documents.sign_outpatient_record(
        tx, archive=archive, actor=actor, encounter_id=encounter_id, at=at, reason=reason
    )
    issued = await orders.prescriptions_of(tx, actor=actor, encounter_id=encounter_id, at=at)
    for prescription in issued:
        if prescription.state in _IN_FORCE:
            await documents.sign_prescription(
                tx, archive=archive, actor=actor, code=prescription.code, at=at
            )
