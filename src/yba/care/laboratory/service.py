"""The verbs of the bench: collect, enter, verify, release, correct.

Who enters may not verify, unless the site has a single verifier. Only
`release_result` writes to the patient's record.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from yba.care.encounters.service import About
from yba.care.laboratory import fhir, store
from yba.care.laboratory.errors import (
    CorrectionReasonMissing,
    RequestNotFound,
    ResultIncomplete,
    ResultNotVerified,
    SecondPersonNeeded,
    StepNotPossible,
)
from yba.care.laboratory.events import ResultReleased
from yba.care.laboratory.model import (
    EnteredValue,
    LabIndex,
    LabRequest,
    LabRequestView,
    LabResult,
    RequestState,
    flag_of,
    index_of,
    number_of,
)
from yba.care.laboratory.store import RequestRow
from yba.care.orders import service as orders
from yba.fhir import r4
from yba.foundation.audit import service as audit
from yba.foundation.audit.model import Action
from yba.foundation.record import service as record
from yba.foundation.terminology import service as terminology
from yba.foundation.work import service as work
from yba.foundation.work.model import OPEN_STATES
from yba.kernel.actor import Actor
from yba.kernel.clock import local, local_date
from yba.kernel.refusal import AccessRefused
from yba.kernel.text import tidy
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_
from yba.plumbing.outbox import publish

OPEN = (
    RequestState.ORDERED,
    RequestState.COLLECTED,
    RequestState.ENTERED,
    RequestState.VERIFIED,
)
_UNKNOWN = N_("This service does not measure that.")
_EMPTY = N_("Enter a value, or leave the whole line out.")
_NOT_A_NUMBER = N_("This value must be a number.")
_NOT_AN_ANSWER = N_("Choose one of the listed answers.")
_LONGEST = 255


async def pending(
    tx: Tx,
    *,
    actor: Actor,
    at: datetime,
    states: Sequence[RequestState] = OPEN,
    limit: int = 100,
) -> list[LabRequest]:
    """Return the worklist, urgent first, oldest first."""
    _require(actor, "laboratory.read", "laboratory.collect")
    found = await store.pending(tx, states=[state.value for state in states], limit=limit)
    await audit.record(
        tx,
        actor=actor,
        action="R",
        what="laboratory.pending",
        at=at,
        references=[f"ServiceRequest/{line.request_id}" for line in found],
    )
    return found


async def request(tx: Tx, *, actor: Actor, request_id: str, at: datetime) -> LabRequestView:
    """Return the bench screen of one request. Raises RequestNotFound, AccessRefused."""
    _require(actor, "laboratory.read", "laboratory.collect")
    line = await store.request(tx, request_id)
    if line is None:
        raise RequestNotFound
    indices = await _indices(tx, line.service_code, line.sex, at)
    results = await store.results(tx, request_id)
    await _audit(tx, actor, "R", "laboratory.request", line.patient_id, request_id, at)
    return LabRequestView(request=line, indices=tuple(indices), results=tuple(results))


async def collect(tx: Tx, *, actor: Actor, request_id: str, at: datetime) -> str:
    """Note that the specimen was taken, and return its number for the label.

    Raises RequestNotFound, StepNotPossible, AccessRefused.
    """
    _require(actor, "laboratory.collect")
    row = await _locked(tx, request_id, RequestState.ORDERED)
    number = await store.collect(
        tx, request_id=request_id, prefix=local(at).strftime("%y%m%d"), at=at
    )
    await work.claim(tx, actor=actor, item_id=row.item_id, at=at)
    await _audit(tx, actor, "U", "laboratory.collect", row.patient_id, request_id, at)
    return number


async def enter_result(
    tx: Tx,
    *,
    actor: Actor,
    request_id: str,
    values: Sequence[EnteredValue],
    at: datetime,
) -> None:
    """Enter or change values that are not released; they then wait for a second person.

    Raises ResultIncomplete with a reason an index, StepNotPossible, RequestNotFound.
    """
    _require(actor, "laboratory.enter")
    row = await _locked(
        tx, request_id, RequestState.COLLECTED, RequestState.ENTERED, RequestState.VERIFIED
    )
    await _enter(tx, actor, row, values, at)
    if row.state == RequestState.COLLECTED:
        await work.start(tx, actor=actor, item_id=row.item_id, at=at)
    await _audit(tx, actor, "U", "laboratory.enter_result", row.patient_id, request_id, at)


async def correct_result(
    tx: Tx,
    *,
    actor: Actor,
    request_id: str,
    values: Sequence[EnteredValue],
    reason: str,
    at: datetime,
) -> None:
    """Enter other values for a released result; the record changes at the next release.

    Raises CorrectionReasonMissing, ResultIncomplete, StepNotPossible.
    Source: FHIR R4 ObservationStatus, "corrected".
    """
    _require(actor, "laboratory.enter")
    if not reason.strip():
        raise CorrectionReasonMissing
    row = await _locked(tx, request_id, RequestState.RELEASED)
    await _enter(tx, actor, row, values, at, reason.strip())
    await _audit(tx, actor, "U", "laboratory.correct_result", row.patient_id, request_id, at)


async def verify_result(tx: Tx, *, actor: Actor, request_id: str, at: datetime) -> None:
    """Confirm what somebody else entered.

    Raises SecondPersonNeeded (unless the site has a single verifier), StepNotPossible.
    """
    _require(actor, "laboratory.verify")
    row = await _locked(tx, request_id, RequestState.ENTERED)
    if row.entered_by == actor.account_id and not await store.is_single_verifier(tx):
        raise SecondPersonNeeded
    await store.verified(tx, request_id=request_id, account_id=actor.account_id, at=at)
    await _audit(tx, actor, "U", "laboratory.verify_result", row.patient_id, request_id, at)


async def release_result(tx: Tx, *, actor: Actor, request_id: str, at: datetime) -> str:
    """Release a verified result to the patient's record, and return the report's id.

    `at` is aware UTC. Writes Observations and a DiagnosticReport, marks the
    order as done and publishes ResultReleased, all inside `tx`. Raises
    ResultNotVerified if no second person has verified it, AccessRefused.
    Source: FHIR R4 ObservationStatus, "final" and "corrected".
    """
    _require(actor, "laboratory.release")
    row = await _found(tx, request_id)
    if row.state == RequestState.ENTERED:
        raise ResultNotVerified
    if row.state != RequestState.VERIFIED:
        raise StepNotPossible
    corrected = bool(row.report_id)
    release = fhir.Release(
        request=row,
        report_id=row.report_id or record.new_id(),
        about=About(patient_id=row.patient_id, encounter_id=row.encounter_id, actor=actor, at=at),
        corrected=corrected,
    )
    results = [
        result if result.observation_id else replace(result, observation_id=record.new_id())
        for result in await store.results(tx, request_id)
    ]
    await _write(tx, actor, row, release, results, at)
    item = await work.item(tx, item_id=row.item_id)
    if item.state in OPEN_STATES:
        await work.finish(tx, actor=actor, item_id=row.item_id, at=at)
    await publish(
        tx,
        ResultReleased(
            request_id=request_id,
            encounter_id=row.encounter_id,
            patient_id=row.patient_id,
            service_code=row.service_code,
            report_id=release.report_id,
            observation_ids=tuple(result.observation_id for result in results),
            corrected=corrected,
            at=at,
        ),
    )
    return release.report_id


async def verifier_of(tx: Tx, *, request_id: str) -> str:
    """Return the account that verified a request's result, empty if nobody has."""
    row = await store.locked(tx, request_id)
    return "" if row is None else row.verified_by


async def allow_single_verifier(tx: Tx, *, actor: Actor, allowed: bool, at: datetime) -> None:
    """Let one person enter and verify, at a site that has only one."""
    _require(actor, "admin.laboratory")
    await store.set_single_verifier(tx, allowed)
    await audit.record(tx, actor=actor, action="U", what="laboratory.allow_single_verifier", at=at)


async def _write(
    tx: Tx,
    actor: Actor,
    row: RequestRow,
    release: fhir.Release,
    results: list[LabResult],
    at: datetime,
) -> None:
    patient = await record.read(tx, actor=actor, type_=r4.Patient, id_=row.patient_id, at=at)
    indices = {
        index.code: index
        for index in await _indices(tx, row.service_code, patient.gender or "", at)
    }
    observations = [
        fhir.observation(result, indices.get(result.index_code), release) for result in results
    ]
    await record.save(
        tx,
        actor=actor,
        resources=[*observations, fhir.report(results, release)],
        at=at,
        note="laboratory.release_result",
    )
    await orders.complete_order(tx, actor=actor, request_id=row.request_id, at=at)
    await store.set_observations(tx, request_id=row.request_id, results=results)
    await store.released(tx, request_id=row.request_id, report_id=release.report_id, at=at)


async def _enter(
    tx: Tx,
    actor: Actor,
    row: RequestRow,
    values: Sequence[EnteredValue],
    at: datetime,
    reason: str = "",
) -> None:
    line = await store.request(tx, row.request_id)
    indices = await _indices(tx, row.service_code, line.sex if line else "", at)
    known = {result.index_code: result for result in await store.results(tx, row.request_id)}
    _check(indices, values)
    order = {index.code: position for position, index in enumerate(indices)}
    by_code = {index.code: index for index in indices}
    results = [
        _result(row.request_id, by_code[value.index_code], value, known.get(value.index_code))
        for value in values
    ]
    await store.put_results(
        tx,
        request_id=row.request_id,
        results=results,
        positions=[order[value.index_code] for value in values],
        account_id=actor.account_id,
        at=at,
    )
    await store.entered(
        tx, request_id=row.request_id, account_id=actor.account_id, at=at, reason=reason
    )


def _check(indices: Sequence[LabIndex], values: Sequence[EnteredValue]) -> None:
    by_code = {index.code: index for index in indices}
    problems: dict[str, str] = {}
    for value in values:
        index = by_code.get(value.index_code)
        text = value.value.strip()
        if index is None:
            problems[value.index_code] = _UNKNOWN
        elif not text or len(text) > _LONGEST:
            problems[value.index_code] = _EMPTY
        elif index.answers and text not in index.answers:
            problems[value.index_code] = _NOT_AN_ANSWER
        elif index.unit and not index.answers and number_of(text) is None:
            problems[value.index_code] = _NOT_A_NUMBER
    if problems or not values:
        raise ResultIncomplete(fields=problems)


def _result(
    request_id: str, index: LabIndex, value: EnteredValue, known: LabResult | None
) -> LabResult:
    text = tidy(value.value)
    return LabResult(
        result_id="",
        request_id=request_id,
        index_code=index.code,
        name=index.name,
        value=text,
        unit=index.unit,
        reference=index.reference,
        flag=flag_of(index, text),
        observation_id=known.observation_id if known else "",
    )


async def _indices(tx: Tx, service_code: str, sex: str, at: datetime) -> list[LabIndex]:
    """Return what a service measures; a service without indices measures itself."""
    on = local_date(at)
    service = await terminology.concept(tx, system="service", code=service_code, on=on)
    codes: list[str] = list(service.properties.get("indexes") or []) if service else []
    concepts = await terminology.concepts_of(tx, system="lab_index", codes=codes, on=on)
    found = [index_of(concepts[code], sex) for code in codes if code in concepts]
    if found:
        return found
    return [LabIndex(code=service_code, name=service.name_vi if service else service_code)]


async def _locked(tx: Tx, request_id: str, *states: RequestState) -> RequestRow:
    row = await _found(tx, request_id)
    if RequestState(row.state) not in states:
        raise StepNotPossible
    return row


async def _found(tx: Tx, request_id: str) -> RequestRow:
    row = await store.locked(tx, request_id)
    if row is None:
        raise RequestNotFound
    return row


def _require(actor: Actor, *permissions: str) -> None:
    if not any(map(actor.may, permissions)):
        raise AccessRefused


async def _audit(
    tx: Tx,
    actor: Actor,
    action: Action,
    what: str,
    patient_id: str,
    request_id: str,
    at: datetime,
) -> None:
    await audit.record(
        tx,
        actor=actor,
        action=action,
        what=what,
        at=at,
        patient_id=patient_id,
        references=[f"ServiceRequest/{request_id}"],
    )
