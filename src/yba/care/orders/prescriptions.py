"""Prescriptions: issued under national codes, sent, replaced, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from yba.care.encounters import service as encounters
from yba.care.encounters.access import (
    VisitRow,
    require,
    require_see,
    visible_visit,
    writable_visit,
)
from yba.care.encounters.model import VisitView
from yba.care.encounters.service import About
from yba.care.orders import fhir, prescribing, store
from yba.care.orders.errors import (
    CancellationReasonMissing,
    DiagnosisNeeded,
    NoCodeFree,
    NothingOrdered,
    PrescriptionNeedsConfirmation,
    PrescriptionNotChangeable,
    PrescriptionNotFound,
    PrescriptionRefused,
)
from yba.care.orders.events import PrescriptionCancelled, PrescriptionIssued
from yba.care.orders.model import (
    DrugLine,
    PrescribedDrug,
    Prescription,
    PrescriptionKind,
    PrescriptionState,
    PrescriptionWarning,
    WarningKind,
)
from yba.care.orders.prescribing import DayLimits, Item
from yba.care.orders.store import PrescriptionRow
from yba.fhir import r4
from yba.foundation.parties.model import age_months
from yba.foundation.parties.service import person_details
from yba.foundation.record import service as record
from yba.foundation.rules import service as rules
from yba.foundation.terminology import service as terminology
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish

_ATTEMPTS = 8
_CHANGEABLE = (PrescriptionState.ISSUED, PrescriptionState.SENT)
_SMALL_CHILD_MONTHS = 72


async def check_prescription(
    tx: Tx, *, actor: Actor, encounter_id: str, lines: Sequence[DrugLine], at: datetime
) -> tuple[PrescriptionWarning, ...]:
    """Return what the doctor should look at before prescribing these lines.

    Raises what `prescribe` would raise for lines that may not stand.
    """
    require(actor, "orders.prescribe")
    return (await _basket(tx, actor, encounter_id, lines, at, "")).warnings


async def prescribe(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    lines: Sequence[DrugLine],
    at: datetime,
    advice: str = "",
    confirmed: bool = False,
    replaces: str = "",
) -> list[Prescription]:
    """Issue prescriptions for these lines: one a kind, for kinds never share one.

    `replaces` is the code of an earlier prescription that these take the place
    of; it may then no longer be dispensed. Raises NothingOrdered,
    DiagnosisNeeded, PrescriptionRefused, PrescriptionTooLong,
    PrescriptionNeedsConfirmation (unless `confirmed`), PrescriptionNotChangeable.
    Source: Circular 26/2025/TT-BYT.
    """
    row = await writable_visit(
        tx, actor=actor, encounter_id=encounter_id, permission="orders.prescribe", at=at
    )
    if replaces:
        await _withdraw(tx, actor, replaces, PrescriptionState.REPLACED, encounter_id, at)
    basket = await _basket(tx, actor, encounter_id, lines, at, replaces)
    if basket.warnings and not confirmed:
        fields = {warning.drug_code: warning.message for warning in basket.warnings}
        raise PrescriptionNeedsConfirmation(fields=fields)
    groups = prescribing.split_by_kind(basket.items)
    successor = _successor(groups, replaces)
    issued: list[Prescription] = []
    for kind, items in groups.items():
        link = replaces if kind == successor else ""
        issued.append(await _issue(tx, actor, row, kind, items, advice, link, at, basket))
    return issued


async def cancel_prescription(
    tx: Tx, *, actor: Actor, code: str, reason: str, at: datetime
) -> None:
    """Cancel a prescription; it may no longer be dispensed.

    Raises CancellationReasonMissing, PrescriptionNotFound, PrescriptionNotChangeable.
    """
    require(actor, "orders.prescribe")
    if not reason.strip():
        raise CancellationReasonMissing
    await _withdraw(tx, actor, code, PrescriptionState.CANCELLED, "", at, reason.strip())


async def mark_sent(tx: Tx, *, code: str, at: datetime) -> None:
    """Note that the national system has a prescription; again changes nothing.

    Raises PrescriptionNotFound, PrescriptionNotChangeable.
    """
    row = await store.prescription(tx, code, lock=True)
    if row is None:
        raise PrescriptionNotFound
    if row.state == PrescriptionState.SENT:
        return
    if row.state != PrescriptionState.ISSUED:
        raise PrescriptionNotChangeable
    await store.set_state(tx, code=code, state=PrescriptionState.SENT.value, sent_at=at)


async def prescription(tx: Tx, *, actor: Actor, code: str, at: datetime) -> Prescription:
    """Return a prescription complete for print. Raises PrescriptionNotFound."""
    row = await store.prescription(tx, code)
    if row is None:
        raise PrescriptionNotFound
    require_see(actor, row.patient_id)
    lines = await _lines(tx, actor, row.encounter_id, at)
    return _prescription(row, lines.get(code, []))


async def prescription_state(tx: Tx, *, code: str) -> PrescriptionState | None:
    """Return where a prescription stands and nothing else of it; None if there is none."""
    row = await store.prescription(tx, code)
    return None if row is None else PrescriptionState(row.state)


async def prescriptions_of(
    tx: Tx, *, actor: Actor, encounter_id: str, at: datetime
) -> list[Prescription]:
    """Return all prescriptions of a visit, also replaced and cancelled ones."""
    await visible_visit(tx, actor=actor, encounter_id=encounter_id, at=at)
    rows = await store.prescriptions_of(tx, encounter_id)
    lines = await _lines(tx, actor, encounter_id, at) if rows else {}
    return [_prescription(row, lines.get(row.code, [])) for row in rows]


@dataclass(frozen=True)
class _Basket:
    items: list[Item]
    warnings: tuple[PrescriptionWarning, ...]
    routes: dict[str, str]


async def _basket(
    tx: Tx,
    actor: Actor,
    encounter_id: str,
    lines: Sequence[DrugLine],
    at: datetime,
    replaces: str,
) -> _Basket:
    """Look the lines up, refuse what may not stand, collect warnings."""
    if not lines:
        raise NothingOrdered
    on = local_date(at)
    drugs = await terminology.concepts_of(
        tx, system="drug", codes=[line.drug_code for line in lines], on=on
    )
    unknown = {
        line.drug_code: prescribing.UNKNOWN_DRUG for line in lines if line.drug_code not in drugs
    }
    if unknown:
        raise PrescriptionRefused(fields=unknown)
    items = [Item(line, drugs[line.drug_code]) for line in lines]
    view = await encounters.visit(tx, actor=actor, encounter_id=encounter_id, at=at)
    if not view.diagnoses:
        raise DiagnosisNeeded
    prescribing.check_lines(items, await _limits(tx, view, on))
    running = [
        line
        for line in (*view.medications, *view.other_medications)
        if line.prescription_code != replaces
    ]
    warnings = prescribing.warnings_for(items, allergies=view.allergies, running=running, on=on)
    warnings += await _child_warnings(tx, actor, view, items, at)
    routes = await terminology.concepts_of(
        tx,
        system="route",
        codes=[str(item.drug.properties.get("route") or "") for item in items],
        on=on,
    )
    return _Basket(items, tuple(warnings), {code: c.name_vi for code, c in routes.items()})


async def _limits(tx: Tx, view: VisitView, on: date) -> DayLimits:
    codes = [diagnosis.code for diagnosis in view.diagnoses]
    concepts = await terminology.concepts_of(tx, system="icd10", codes=codes, on=on)
    is_listed = any(c.properties.get("long_prescription") for c in concepts.values())

    def days(name: str) -> int:
        return int(rules.limit(f"prescription.max_days.{name}", on))

    return DayLimits(
        ordinary=days("ordinary_listed" if is_listed else "ordinary"),
        narcotic=days("narcotic_cancer" if prescribing.is_cancer(codes) else "narcotic"),
        psychotropic=days(
            "psychotropic_long" if prescribing.is_long_psychiatric(codes) else "psychotropic"
        ),
    )


async def _child_warnings(
    tx: Tx, actor: Actor, view: VisitView, items: list[Item], at: datetime
) -> list[PrescriptionWarning]:
    months = age_months(view.birth_date, local_date(at))
    if months is None or months >= _SMALL_CHILD_MONTHS:
        return []
    found: list[str] = []
    if not any(vital.field == "weight" for vital in view.vitals):
        found.append(prescribing.CHILD_WEIGHT)
    patient = await record.read(tx, actor=actor, type_=r4.Patient, id_=view.patient_id, at=at)
    if person_details(patient, None).guardian is None:
        found.append(prescribing.CHILD_GUARDIAN)
    return [
        PrescriptionWarning(kind=WarningKind.CHILD, drug_code=items[0].drug.code, message=message)
        for message in found
    ]


def _successor(
    groups: dict[PrescriptionKind, list[Item]], replaces: str
) -> PrescriptionKind | None:
    """Return which of the new prescriptions carries the link to the replaced one."""
    if not replaces:
        return None
    same = [kind for kind in groups if replaces[-1].lower() == kind.value]
    return (same or list(groups))[0]


async def _issue(
    tx: Tx,
    actor: Actor,
    visit: VisitRow,
    kind: PrescriptionKind,
    items: list[Item],
    advice: str,
    replaces: str,
    at: datetime,
    basket: _Basket,
) -> Prescription:
    row = await _register(tx, actor, visit, kind, items, advice, replaces, at)
    about = About(patient_id=visit.patient_id, encounter_id=visit.encounter_id, actor=actor, at=at)
    requests = [
        fhir.medication_request(
            record.new_id(),
            row.code,
            item,
            basket.routes.get(str(item.drug.properties.get("route") or ""), ""),
            about,
            row.collect_until,
        )
        for item in items
    ]
    await record.save(tx, actor=actor, resources=requests, at=at, note="orders.prescribe")
    await publish(
        tx,
        PrescriptionIssued(
            code=row.code,
            kind=kind.value,
            encounter_id=visit.encounter_id,
            patient_id=visit.patient_id,
            request_ids=tuple(request.id or "" for request in requests),
            drug_codes=tuple(item.drug.code for item in items),
            quantities=tuple(str(item.line.quantity) for item in items),
            replaces=replaces,
            at=at,
        ),
    )
    lines = [fhir.prescribed_drug(request) for request in requests]
    return _prescription(row, lines, basket.warnings)


async def _register(
    tx: Tx,
    actor: Actor,
    visit: VisitRow,
    kind: PrescriptionKind,
    items: list[Item],
    advice: str,
    replaces: str,
    at: datetime,
) -> PrescriptionRow:
    """Find an unused code and file the prescription under it."""
    on = local_date(at)
    until = on + timedelta(days=int(rules.limit("prescription.collect_days", on)))
    for _ in range(_ATTEMPTS):
        row = PrescriptionRow(
            code=prescribing.new_code(visit.facility_code, kind, on),
            encounter_id=visit.encounter_id,
            patient_id=visit.patient_id,
            kind=kind.value,
            state=PrescriptionState.ISSUED.value,
            days=max(item.line.days for item in items),
            collect_until=until,
            advice=advice.strip(),
            issued_at=at,
            prescriber_id=actor.practitioner_id or "",
            prescriber=actor.name,
            prescriber_licence=actor.licence,
            sent_at=None,
            replaces=replaces,
            replaced_by="",
        )
        if await store.add(tx, row):
            return row
    raise NoCodeFree


async def _withdraw(
    tx: Tx,
    actor: Actor,
    code: str,
    state: PrescriptionState,
    encounter_id: str,
    at: datetime,
    reason: str = "",
) -> None:
    row = await store.prescription(tx, code, lock=True)
    if row is None or (encounter_id and row.encounter_id != encounter_id):
        raise PrescriptionNotFound
    if PrescriptionState(row.state) not in _CHANGEABLE:
        raise PrescriptionNotChangeable
    await store.set_state(tx, code=code, state=state.value)
    requests = [
        request
        for request in await _requests(tx, actor, row.encounter_id, at)
        if request.groupIdentifier and request.groupIdentifier.value == code
    ]
    for request in requests:
        request.status = "stopped" if state == PrescriptionState.REPLACED else "cancelled"
        if reason:
            request.statusReason = r4.CodeableConcept(text=reason)
    note = f"orders.{'replace' if state == PrescriptionState.REPLACED else 'cancel'}_prescription"
    await record.save(tx, actor=actor, resources=requests, at=at, note=note)
    await publish(
        tx,
        PrescriptionCancelled(
            code=code,
            encounter_id=row.encounter_id,
            patient_id=row.patient_id,
            request_ids=tuple(request.id or "" for request in requests),
            at=at,
        ),
    )


async def _requests(
    tx: Tx, actor: Actor, encounter_id: str, at: datetime
) -> list[r4.MedicationRequest]:
    found = await record.search(
        tx,
        actor=actor,
        type_=r4.MedicationRequest,
        query=f"encounter=Encounter/{encounter_id}",
        count=500,
        at=at,
    )
    return sorted(found, key=lambda request: request.id or "")


async def _lines(
    tx: Tx, actor: Actor, encounter_id: str, at: datetime
) -> dict[str, list[PrescribedDrug]]:
    """Return the lines of a visit's prescriptions by code."""
    found: dict[str, list[PrescribedDrug]] = {}
    for request in await _requests(tx, actor, encounter_id, at):
        group = request.groupIdentifier
        if group and group.value:
            found.setdefault(group.value, []).append(fhir.prescribed_drug(request))
    return found


def _prescription(
    row: PrescriptionRow,
    lines: Sequence[PrescribedDrug],
    warnings: tuple[PrescriptionWarning, ...] = (),
) -> Prescription:
    return Prescription(
        code=row.code,
        kind=PrescriptionKind(row.kind),
        state=PrescriptionState(row.state),
        encounter_id=row.encounter_id,
        patient_id=row.patient_id,
        days=row.days,
        advice=row.advice,
        issued_at=row.issued_at,
        collect_until=row.collect_until,
        prescriber=row.prescriber,
        prescriber_licence=row.prescriber_licence,
        prescriber_id=row.prescriber_id,
        lines=tuple(lines),
        rounds=prescribing.rounds_of(
            PrescriptionKind(row.kind), row.days, local_date(row.issued_at)
        ),
        warnings=warnings,
        replaces=row.replaces,
        replaced_by=row.replaced_by,
    )
