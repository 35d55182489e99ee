"""Papers that wait for signatures: in whose hands, in what order, for whom.

Each paper goes through the steps that the facility's regulation lists for
its kind (author, reviewer, head, organisation seal). Only the first waiting
step can be signed: nobody signs before those who sign before him. A step is
signed by its holder or by somebody to whom the holder delegated it for that
time and kind; the delegation stands in the signature. A refusal carries a
reason and stops the paper.

This module knows no paper: contexts open requests and sign their documents.
Law: Circular 13/2025/TT-BYT (the facility's own regulation), Decree 30/2020
(order of signing, "ký thay").
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from yba.foundation.audit import service as audit
from yba.foundation.signing import store
from yba.foundation.signing.errors import (
    DelegationImpossible,
    NotYourTurn,
    OrderBroken,
    RefusalNeedsReason,
    RequestClosed,
    RequestNotFound,
)
from yba.foundation.signing.model import SignerRole
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import new_snowflake
from yba.kernel.refusal import AccessRefused
from yba.plumbing.database import Tx

_MOST = 200


class StepState(StrEnum):
    """Where one signature of a paper stands."""

    WAITING = "waiting"
    SIGNED = "signed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Seat:
    """Who is to sign in what capacity; `holder_id` is a practitioner or a facility."""

    role: SignerRole
    holder_id: str
    holder_name: str


@dataclass(frozen=True, slots=True)
class _Officer:
    holder_id: str
    holder_name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One signature of a paper."""

    request_id: int
    position: int
    role: str
    holder_id: str
    holder_name: str
    state: str
    signed_by: str
    reason: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """One paper that waits, as the person who is next sees it.

    `on_behalf_of` names the holder when the asker signs by delegation.
    """

    request_id: int
    kind: str
    about: str
    encounter_id: str
    patient_id: str
    summary: str
    document: str
    state: str
    opened_at: datetime
    position: int
    role: str
    holder_id: str
    holder_name: str
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class Delegation:
    """Who may sign for whom, from when to when; no kinds means all kinds."""

    delegation_id: int
    giver_id: str
    giver_name: str
    taker_id: str
    taker_name: str
    kinds: list[str]
    reason: str
    valid_from: datetime
    valid_to: datetime
    ended_at: datetime | None

    @property
    def last_day(self) -> date:
        """The last day on which it counts; midnight ends the day before."""
        return local_date(self.valid_to - timedelta(microseconds=1))

    def covers(self, kind: str, at: datetime) -> bool:
        """Return whether a paper of `kind` may be signed under it at `at`."""
        return (
            self.valid_from <= at < self.valid_to
            and (self.ended_at is None or at < self.ended_at)
            and (not self.kinds or kind in self.kinds)
        )


async def roles_of(tx: Tx, *, kind: str, at: datetime) -> list[SignerRole]:
    """Return who signs a kind of paper, in order, under the regulation of that day."""
    roles: list[str] | None = await tx.value(store.ROLES_OF, kind, local_date(at))
    return [SignerRole(role) for role in roles or [SignerRole.AUTHOR.value]]


async def officer_of(tx: Tx, *, role: SignerRole, at: datetime) -> Seat | None:
    """Return who holds an office of the regulation on that day; None if nobody does."""
    found = await tx.row(_Officer, store.OFFICER_OF, role.value, local_date(at))
    return None if found is None else Seat(role, found.holder_id, found.holder_name)


async def open_request(
    tx: Tx,
    *,
    kind: str,
    about: str,
    encounter_id: str,
    patient_id: str,
    summary: str,
    seats: Sequence[Seat],
    at: datetime,
) -> int:
    """Put a paper before its signers; the same open paper is not put there twice.

    `seats` are in the order of signing. Return the id of the open request.
    """
    if not seats:
        raise ValueError("a paper that nobody signs is no request")
    known: int | None = await tx.value(store.OPEN_REQUEST, kind, about)
    if known is not None:
        return known
    request_id = new_snowflake()
    written = await tx.execute(
        store.INSERT_REQUEST,
        request_id,
        kind,
        about,
        encounter_id,
        patient_id,
        summary,
        at,
    )
    if not written:
        # Somebody else was faster; his request serves as well.
        return await tx.value(store.OPEN_REQUEST, kind, about)
    await tx.execute_many(
        store.INSERT_STEP,
        [
            (request_id, position, seat.role.value, seat.holder_id, seat.holder_name)
            for position, seat in enumerate(seats, start=1)
        ],
    )
    return request_id


async def waiting_for(tx: Tx, *, actor: Actor, at: datetime) -> list[SigningRequest]:
    """Return the papers whose next signature is the actor's, oldest first.

    Those that others delegated to her are among them.
    """
    if actor.practitioner_id is None:
        return []
    given = await _taken(tx, actor.practitioner_id, at)
    holders = [actor.practitioner_id, *{one.giver_id for one in given}]
    found = await tx.rows(SigningRequest, store.NEXT_OF, holders, _MOST)
    return [
        mine for one in found if (mine := _for(one, actor.practitioner_id, given, at)) is not None
    ]


def _for(
    request: SigningRequest, practitioner_id: str, given: Sequence[Delegation], at: datetime
) -> SigningRequest | None:
    if request.holder_id == practitioner_id:
        return request
    for delegation in given:
        if delegation.giver_id == request.holder_id and delegation.covers(request.kind, at):
            return replace(request, on_behalf_of=_words(delegation))
    return None


def _words(delegation: Delegation) -> str:
    """Return whom somebody signs for, and until when, as the signature states it."""
    start, end = local_date(delegation.valid_from), delegation.last_day
    return f"{delegation.giver_name} (uỷ quyền {start:%d/%m/%Y}–{end:%d/%m/%Y})"


async def take_turn(
    tx: Tx, *, actor: Actor, request_id: int, position: int, at: datetime
) -> SigningRequest:
    """Return a request whose step `position` the actor may sign now; locks it.

    Raises RequestNotFound, RequestClosed, OrderBroken if an earlier step
    still waits, NotYourTurn if the step is somebody else's.
    """
    state: str | None = await tx.value(store.LOCK_REQUEST, request_id)
    if state is None:
        raise RequestNotFound
    steps = await steps_of(tx, request_id=request_id)
    wanted = next((step for step in steps if step.position == position), None)
    if wanted is None:
        raise RequestNotFound
    if state != "open" or wanted.state != StepState.WAITING:
        raise RequestClosed
    if any(step.state == StepState.WAITING and step.position < position for step in steps):
        raise OrderBroken
    [request] = await tx.rows(SigningRequest, store.REQUEST_AT, request_id, position)
    if wanted.role == SignerRole.ORGANISATION.value:
        if not actor.may("signing.seal"):
            raise NotYourTurn
        return request
    if actor.practitioner_id is None:
        raise NotYourTurn
    mine = _for(request, actor.practitioner_id, await _taken(tx, actor.practitioner_id, at), at)
    if mine is None:
        raise NotYourTurn
    return mine


async def mark_signed(
    tx: Tx,
    *,
    request_id: int,
    position: int,
    signed_by: str,
    signature_id: int,
    document: str,
    at: datetime,
) -> bool:
    """Write down that a step is signed; return whether the paper is complete now."""
    await tx.execute(store.STEP_SIGNED, request_id, position, signed_by, signature_id, at)
    left: int = await tx.value(store.STEPS_LEFT, request_id)
    await tx.execute(store.REQUEST_GOES_ON, request_id, document, at, left == 0)
    return left == 0


async def refuse(
    tx: Tx, *, actor: Actor, request_id: int, position: int, reason: str, at: datetime
) -> None:
    """Refuse to sign, with a reason that the others read; the paper stops there.

    Raises RefusalNeedsReason, and what `take_turn` raises.
    """
    if not reason.strip():
        raise RefusalNeedsReason(fields={"reason": RefusalNeedsReason.message})
    request = await take_turn(tx, actor=actor, request_id=request_id, position=position, at=at)
    await tx.execute(
        store.STEP_REFUSED, request_id, position, actor.practitioner_id or "", reason.strip(), at
    )
    await tx.execute(store.REQUEST_CLOSED, request_id, "refused", at)
    await audit.record(
        tx,
        actor=actor,
        action="U",
        what="signing.refuse",
        at=at,
        patient_id=request.patient_id,
        references=[request.document] if request.document else [],
    )


async def withdraw(tx: Tx, *, encounter_id: str, at: datetime) -> None:
    """Take back what nobody has signed yet, as when a visit is reopened."""
    await tx.execute(store.WITHDRAW_OF_ENCOUNTER, encounter_id, at)


async def forget(tx: Tx, *, encounter_id: str) -> None:
    """Keep only that papers of a visit were signed, as when its record is destroyed."""
    await tx.execute(store.FORGET_OF_ENCOUNTER, encounter_id)


async def withdraw_one(tx: Tx, *, kind: str, about: str, at: datetime) -> None:
    """Take back one paper that has been signed elsewhere or is void."""
    known: int | None = await tx.value(store.OPEN_REQUEST, kind, about)
    if known is not None:
        await tx.execute(store.REQUEST_CLOSED, known, "withdrawn", at)


async def steps_of(tx: Tx, *, request_id: int) -> list[Step]:
    """Return the steps of a paper in order."""
    return await tx.rows(Step, store.STEPS_OF, request_id)


async def open_of(tx: Tx, *, kind: str, about: str) -> tuple[int, int] | None:
    """Return the open request about something and the position of its next step."""
    request_id: int | None = await tx.value(store.OPEN_REQUEST, kind, about)
    if request_id is None:
        return None
    steps = await steps_of(tx, request_id=request_id)
    waiting = [step.position for step in steps if step.state == StepState.WAITING]
    return (request_id, waiting[0]) if waiting else None


async def waiting_seals(tx: Tx, *, at: datetime, limit: int) -> list[SigningRequest]:
    """Return the papers whose next signature is the organisation's seal, and due at `at`."""
    return await tx.rows(SigningRequest, store.SEALS_WAITING, limit, at)


async def postpone(tx: Tx, *, request_id: int, position: int, why: str, at: datetime) -> None:
    """Let a waiting step rest after it failed: a minute, then twice as long, six hours at most.

    `why` is a code of our own; nothing personal belongs into it.
    """
    await tx.execute(store.STEP_POSTPONED, request_id, position, why, at)


async def delegate(
    tx: Tx,
    *,
    actor: Actor,
    taker_id: str,
    taker_name: str,
    kinds: Sequence[str],
    reason: str,
    valid_from: datetime,
    valid_to: datetime,
    at: datetime,
) -> int:
    """Let somebody else sign for the actor from one moment to another.

    Nobody passes on what was delegated to him, and the past is not delegated.
    Raises DelegationImpossible, AccessRefused.
    """
    if actor.practitioner_id is None or not actor.may("documents.sign"):
        raise AccessRefused
    if (
        taker_id == actor.practitioner_id
        or not reason.strip()
        or valid_to <= max(valid_from, at)
        or local_date(valid_from) < local_date(at)
    ):
        raise DelegationImpossible
    delegation_id = new_snowflake()
    await tx.execute(
        store.INSERT_DELEGATION,
        delegation_id,
        actor.practitioner_id,
        actor.name,
        taker_id,
        taker_name,
        list(kinds),
        reason.strip(),
        valid_from,
        valid_to,
        at,
    )
    await audit.record(tx, actor=actor, action="C", what="signing.delegate", at=at)
    return delegation_id


async def end_delegation(tx: Tx, *, actor: Actor, delegation_id: int, at: datetime) -> None:
    """End a delegation that the actor gave. Raises RequestNotFound."""
    ended = await tx.execute(store.END_DELEGATION, delegation_id, actor.practitioner_id, at)
    if not ended:
        raise RequestNotFound
    await audit.record(tx, actor=actor, action="U", what="signing.end_delegation", at=at)


async def delegations_of(tx: Tx, *, practitioner_id: str) -> list[Delegation]:
    """Return what a person gave and took, newest first, ended ones too."""
    return await tx.rows(Delegation, store.DELEGATIONS_OF, practitioner_id, _MOST)


async def _taken(tx: Tx, practitioner_id: str, at: datetime) -> list[Delegation]:
    return await tx.rows(Delegation, store.DELEGATIONS_TAKEN, practitioner_id, at)
