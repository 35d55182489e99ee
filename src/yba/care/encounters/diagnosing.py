"""Diagnoses of a visit: checked against the list in force, main disease first."""

from collections.abc import Sequence
from datetime import datetime

from yba.care.encounters import fhir
from yba.care.encounters.access import writable_visit
from yba.care.encounters.errors import (
    DiagnosisNeedsConfirmation,
    DiagnosisRefused,
    DiagnosisRepeated,
    TooManyDiagnoses,
)
from yba.care.encounters.events import DiagnosesRecorded
from yba.care.encounters.fhir import About
from yba.care.encounters.model import DiagnosisEntry
from yba.care.encounters.rules import DIAGNOSIS_PROBLEMS, age_days
from yba.fhir import r4
from yba.foundation.record import service as record
from yba.foundation.rules import service as rules
from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.model import normal_code
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish


async def record_diagnoses(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    diagnoses: Sequence[DiagnosisEntry],
    at: datetime,
    confirmed: bool = False,
) -> None:
    """Set the diagnoses of a visit; the first is the main disease.

    Those no longer given stay in the history as entered in error. Raises
    DiagnosisRefused for codes that may not be used, DiagnosisNeedsConfirmation
    for unusual ones unless `confirmed`, DiagnosisRepeated, TooManyDiagnoses.
    """
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="chart.write", at=at
    )
    entries = [
        DiagnosisEntry(code=normal_code("icd10", entry.code), text=entry.text.strip())
        for entry in diagnoses
    ]
    _refuse_repetition(entries, int(rules.limit("diagnosis.max_secondary", local_date(at))))
    patient = await record.read(tx, actor=actor, type_=r4.Patient, id_=row.patient_id, at=at)
    await _check(tx, entries, patient, at, confirmed)
    names = await terminology.concepts_of(
        tx, system="icd10", codes=[entry.code for entry in entries], on=local_date(at)
    )
    encounter = await record.read(tx, actor=actor, type_=r4.Encounter, id_=encounter_id, at=at)
    about = About(patient_id=row.patient_id, encounter_id=encounter_id, actor=actor, at=at)
    kept = await _known(tx, actor, encounter, at)
    conditions: list[r4.Condition] = []
    for entry in entries:
        condition_id = kept.pop(entry.code).id if entry.code in kept else None
        conditions.append(
            fhir.condition_resource(
                condition_id or record.new_id(), entry, names[entry.code].name_vi, about
            )
        )
    encounter.diagnosis = fhir.ranked_diagnoses([c.id or "" for c in conditions]) or None
    gone = [fhir.withdrawn(condition) for condition in kept.values()]
    await record.save(
        tx,
        actor=actor,
        resources=[*conditions, *gone, encounter],
        at=at,
        note="encounters.record_diagnoses",
    )
    codes = tuple(entry.code for entry in entries)
    await publish(
        tx,
        DiagnosesRecorded(encounter_id=encounter_id, patient_id=row.patient_id, codes=codes, at=at),
    )


def _refuse_repetition(entries: list[DiagnosisEntry], limit: int) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.code in seen:
            raise DiagnosisRepeated(code=entry.code)
        seen.add(entry.code)
    if len(entries) > limit + 1:
        raise TooManyDiagnoses(limit=limit)


async def _check(
    tx: Tx, entries: list[DiagnosisEntry], patient: r4.Patient, at: datetime, confirmed: bool
) -> None:
    on = local_date(at)
    errors: dict[str, str] = {}
    doubts: dict[str, str] = {}
    for position, entry in enumerate(entries):
        for problem in await terminology.check_diagnosis(
            tx,
            code=entry.code,
            on=on,
            sex=patient.gender,
            age_days=age_days(patient.birthDate or "", on),
            as_main=position == 0,
        ):
            found = errors if problem.severity == "error" else doubts
            found.setdefault(entry.code, DIAGNOSIS_PROBLEMS[problem.kind])
    if errors:
        raise DiagnosisRefused(fields=errors)
    if doubts and not confirmed:
        raise DiagnosisNeedsConfirmation(fields=doubts)


async def _known(
    tx: Tx, actor: Actor, encounter: r4.Encounter, at: datetime
) -> dict[str, r4.Condition]:
    """Return the conditions of a visit so far, by their code."""
    found: dict[str, r4.Condition] = {}
    for item in encounter.diagnosis or []:
        reference = (item.condition.reference or "") if item.condition else ""
        condition = await record.read(
            tx, actor=actor, type_=r4.Condition, id_=reference.rpartition("/")[2], at=at
        )
        coding = condition.code.coding if condition.code else None
        found[(coding[0].code or "") if coding else ""] = condition
    return found
