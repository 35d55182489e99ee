"""Requests of persons about their data, under their statutory clocks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from yba.foundation.audit import service as audit
from yba.foundation.audit.model import Action
from yba.foundation.consent import store
from yba.foundation.consent.access import (
    OFFICER,
    require_officer,
    require_see,
    require_self_or_officer,
)
from yba.foundation.consent.errors import (
    ExtendedAlready,
    NothingNamed,
    ReasonNeeded,
    RequestClosed,
    RetentionOrdered,
)
from yba.foundation.consent.model import (
    Channel,
    RequestKind,
    RequestStep,
    SubjectRequest,
    clock_of,
    extended,
)
from yba.foundation.notices import service as notices
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import new_snowflake
from yba.kernel.refusal import AccessRefused, NotFound
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_

_MOST = 200
ANSWERS_CORRECTIONS = "chart.write"
RETENTION_LAW = "Luật 15/2023/QH15, Điều 69; Thông tư 33/2025/TT-BYT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """What a person asks. `target` names what is wrong (a reference), `proposed` what is right."""

    kind: RequestKind
    details: str
    target: str = ""
    proposed: str = ""
    channel: Channel = "web"
    relation: str = ""
    with_processors: bool = False


async def ask(tx: Tx, *, actor: Actor, patient_id: str, asking: Asking, at: datetime) -> int:
    """Take in a request; both clocks start now. Raises NothingNamed."""
    require_self_or_officer(actor, patient_id)
    if not asking.details.strip():
        raise NothingNamed(fields={"details": NothingNamed.message})
    clock = clock_of(asking.kind, at, with_processors=asking.with_processors)
    request_id = new_snowflake()
    await tx.execute(
        store.ADD_REQUEST, request_id, patient_id, asking.kind.value, asking.details.strip(),
        asking.target, asking.proposed.strip(), asking.channel, actor.account_id, actor.name,
        asking.relation, asking.with_processors, at, clock.answer_due_on, clock.due_on,
    )  # fmt: skip
    await _step(tx, actor, request_id, "received", "", at)
    await _audit(tx, actor, "C", "consent.ask", patient_id, at)
    return request_id


async def request(tx: Tx, *, actor: Actor, request_id: int) -> SubjectRequest:
    """Return one request. Raises NotFound for whoever may not see it.

    A clinician sees requests to correct, because she answers them.
    """
    found = await tx.row(SubjectRequest, store.REQUEST, request_id)
    if found is None:
        raise NotFound
    if not (found.kind == RequestKind.CORRECT and actor.may(ANSWERS_CORRECTIONS)):
        require_see(actor, found.patient_id)
    return found


async def steps_of(tx: Tx, *, request_id: int) -> list[RequestStep]:
    """Return what happened to a request, oldest first."""
    return await tx.rows(RequestStep, store.STEPS, request_id)


async def requests_of(tx: Tx, *, actor: Actor, patient_id: str) -> list[SubjectRequest]:
    """Return a person's requests, newest first."""
    require_see(actor, patient_id)
    return await tx.rows(SubjectRequest, store.REQUESTS_OF, patient_id, _MOST)


async def open_requests(
    tx: Tx, *, actor: Actor, kinds: Collection[RequestKind] | None = None, limit: int = _MOST
) -> list[SubjectRequest]:
    """Return what waits for an answer, the most pressing first.

    The officer sees all kinds; a clinician those to correct. Raises AccessRefused.
    """
    if not actor.may(OFFICER):
        if not actor.may(ANSWERS_CORRECTIONS):
            raise AccessRefused
        kinds = [RequestKind.CORRECT]
    wanted = None if kinds is None else [kind.value for kind in kinds]
    return await tx.rows(SubjectRequest, store.OPEN_REQUESTS, wanted, limit)


async def closed_requests(tx: Tx, *, actor: Actor, limit: int = 100) -> list[SubjectRequest]:
    """Return what was answered last. Raises AccessRefused."""
    require_officer(actor)
    return await tx.rows(SubjectRequest, store.CLOSED_REQUESTS, limit)


async def corrections_on(tx: Tx, *, targets: Sequence[str]) -> list[SubjectRequest]:
    """Return the requests to correct these entries, newest first, for whoever may see the entries."""
    return await tx.rows(SubjectRequest, store.CORRECTIONS_ON, list(targets))


async def acknowledge(tx: Tx, *, actor: Actor, request_id: int, at: datetime) -> None:
    """Answer that the request is here and is being worked on (within two working days)."""
    found = await _locked(tx, actor, request_id)
    if found.answered_at is not None:
        return
    await tx.execute(store.ANSWER, request_id, at)
    await _step(tx, actor, request_id, "answered", "", at)
    await _tell(tx, found, N_("Your request is being worked on."), at)
    await _audit(tx, actor, "U", "consent.acknowledge", found.patient_id, at)


async def extend(tx: Tx, *, actor: Actor, request_id: int, reason: str, at: datetime) -> None:
    """Extend the clock once, before it has run out, with a reason the person reads.

    Raises ReasonNeeded, ExtendedAlready, RequestClosed.
    """
    found = await _locked(tx, actor, request_id)
    if not reason.strip():
        raise ReasonNeeded(fields={"reason": ReasonNeeded.message})
    if found.extended_at is not None or local_date(at) > found.due_on:
        raise ExtendedAlready
    due = extended(
        RequestKind(found.kind), found.received_at, with_processors=found.with_processors
    )
    await tx.execute(store.EXTEND, request_id, at, reason.strip(), due)
    await _step(tx, actor, request_id, "extended", reason.strip(), at)
    await _tell(tx, found, N_("More time is needed for your request; the reason is there."), at)
    await _audit(tx, actor, "U", "consent.extend", found.patient_id, at)


async def finish(
    tx: Tx,
    *,
    actor: Actor,
    request_id: int,
    answer: str,
    at: datetime,
    result: str = "",
    under_retention: bool = True,
) -> SubjectRequest:
    """Do what was asked and say what was done; `result` names what came of it (a reference).

    Raises RetentionOrdered for a deletion while the record is under retention, RequestClosed.
    """  # fmt: skip
    found = await _locked(tx, actor, request_id)
    if found.kind == RequestKind.DELETE and under_retention:
        raise RetentionOrdered
    await tx.execute(store.CLOSE, request_id, "done", at, answer.strip(), "", result, actor.name)
    await _step(tx, actor, request_id, "done", answer.strip(), at)
    await _tell(tx, found, N_("Your request is done."), at)
    await _audit(tx, actor, "U", "consent.finish", found.patient_id, at)
    return await request(tx, actor=actor, request_id=request_id)


async def refuse(
    tx: Tx, *, actor: Actor, request_id: int, reason: str, at: datetime, legal_basis: str = ""
) -> SubjectRequest:
    """Refuse, with the reason the person reads. Raises ReasonNeeded, RequestClosed."""
    found = await _locked(tx, actor, request_id)
    if not reason.strip():
        raise ReasonNeeded(fields={"reason": ReasonNeeded.message})
    basis = legal_basis.strip() or (RETENTION_LAW if found.kind == RequestKind.DELETE else "")
    await tx.execute(store.CLOSE, request_id, "refused", at, reason.strip(), basis, "", actor.name)
    await _step(tx, actor, request_id, "refused", reason.strip(), at)
    await _tell(tx, found, N_("Your request was refused; the reason is there."), at)
    await _audit(tx, actor, "U", "consent.refuse", found.patient_id, at)
    return await request(tx, actor=actor, request_id=request_id)


async def take_back(tx: Tx, *, actor: Actor, request_id: int, at: datetime) -> None:
    """Let the person take her own request back. Raises NotFound, RequestClosed."""
    found = await tx.row(SubjectRequest, store.LOCKED_REQUEST, request_id)
    if found is None or found.patient_id != actor.patient_id:
        raise NotFound
    if not found.is_open:
        raise RequestClosed
    await tx.execute(store.CLOSE, request_id, "cancelled", at, "", "", "", actor.name)
    await _step(tx, actor, request_id, "cancelled", "", at)
    await _audit(tx, actor, "U", "consent.take_back", found.patient_id, at)


async def _locked(tx: Tx, actor: Actor, request_id: int) -> SubjectRequest:
    found = await tx.row(SubjectRequest, store.LOCKED_REQUEST, request_id)
    if found is None:
        raise NotFound
    if not (found.kind == RequestKind.CORRECT and actor.may(ANSWERS_CORRECTIONS)):
        require_officer(actor)
    if not found.is_open:
        raise RequestClosed
    return found


async def _step(tx: Tx, actor: Actor, request_id: int, step: str, words: str, at: datetime) -> None:
    await tx.execute(store.STEP, request_id, at, step, actor.account_id, actor.name, words)


async def _tell(tx: Tx, found: SubjectRequest, sentence: str, at: datetime) -> None:
    await notices.notify(
        tx, to_patient=found.patient_id, kind="request", sentence=sentence,
        link=f"/me/requests/{found.request_id}", at=at,
    )  # fmt: skip


async def _audit(
    tx: Tx, actor: Actor, action: Action, what: str, patient_id: str, at: datetime
) -> None:
    await audit.record(tx, actor=actor, action=action, what=what, at=at, patient_id=patient_id)
