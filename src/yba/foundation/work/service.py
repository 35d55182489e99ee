"""The verbs of waiting things. One engine for tickets, samples and documents.

Each verb notes who did it in work.step and publishes WorkChanged inside `tx`;
the context that owns the subject writes the audit trail of its own verb.
"""

from collections.abc import Sequence
from datetime import datetime

from yba.foundation.work import store
from yba.foundation.work.calendar import after_working_days, is_working_day, next_working_day
from yba.foundation.work.errors import WorkNotFound
from yba.foundation.work.events import WorkChanged
from yba.foundation.work.model import (
    OPEN_STATES,
    TRANSITIONS,
    Priority,
    State,
    Verb,
    WorkItem,
    next_state,
)
from yba.kernel.actor import Actor
from yba.kernel.ids import new_snowflake
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish

__all__ = [
    "add", "after_working_days", "cancel", "claim", "claim_next", "finish", "inbox",
    "is_working_day", "item", "item_of", "items", "miss", "move", "next_working_day", "put_back",
    "start",
]  # fmt: skip


async def add(
    tx: Tx,
    *,
    actor: Actor,
    kind: str,
    place: str,
    at: datetime,
    patient_id: str = "",
    focus: str = "",
    number: str = "",
    priority: int = Priority.ORDINARY,
    due_at: datetime | None = None,
    assigned_to: str = "",
    reason: str = "",
) -> int:
    """Let something wait at a place, and return its id. Boards hear of it at commit."""
    item = WorkItem(
        item_id=new_snowflake(),
        kind=kind,
        state=State.WAITING,
        place=place,
        patient_id=patient_id,
        focus=focus,
        number=number,
        priority=priority,
        due_at=due_at,
        assigned_to=assigned_to,
        reason=reason,
        created_at=at,
        changed_at=at,
    )
    await store.add(tx, item, account_id=actor.account_id)
    await _tell(tx, item, at)
    return item.item_id


async def claim(tx: Tx, *, actor: Actor, item_id: int, at: datetime) -> WorkItem:
    """Take it in hand, or call it once more."""
    return await _do(tx, Verb.CLAIM, actor, item_id, at, assigned_to=actor.account_id)


async def claim_next(
    tx: Tx, *, actor: Actor, kind: str, place: str, at: datetime
) -> WorkItem | None:
    """Take the first waiting thing of a place; two callers never get the same one."""
    item_id = await store.lock_next(tx, kind=kind, place=place)
    if item_id is None:
        return None
    return await claim(tx, actor=actor, item_id=item_id, at=at)


async def start(tx: Tx, *, actor: Actor, item_id: int, at: datetime) -> WorkItem:
    """Begin with it."""
    return await _do(tx, Verb.START, actor, item_id, at, assigned_to=actor.account_id)


async def finish(tx: Tx, *, actor: Actor, item_id: int, at: datetime) -> WorkItem:
    """It is done."""
    return await _do(tx, Verb.FINISH, actor, item_id, at)


async def miss(tx: Tx, *, actor: Actor, item_id: int, at: datetime) -> WorkItem:
    """It was called and nobody came."""
    return await _do(tx, Verb.MISS, actor, item_id, at)


async def put_back(
    tx: Tx, *, actor: Actor, item_id: int, at: datetime, reason: str = ""
) -> WorkItem:
    """Let it wait again, in its old place of the order."""
    return await _do(tx, Verb.PUT_BACK, actor, item_id, at, assigned_to="", reason=reason or None)


async def move(
    tx: Tx,
    *,
    actor: Actor,
    item_id: int,
    place: str,
    at: datetime,
    number: str | None = None,
    reason: str = "",
) -> WorkItem:
    """Let it wait somewhere else, under a new number if one is given."""
    return await _do(
        tx,
        Verb.MOVE,
        actor,
        item_id,
        at,
        place=place,
        number=number,
        assigned_to="",
        reason=reason or None,
    )


async def cancel(tx: Tx, *, actor: Actor, item_id: int, at: datetime, reason: str = "") -> WorkItem:
    """It will not be done."""
    return await _do(tx, Verb.CANCEL, actor, item_id, at, reason=reason or None)


async def item(tx: Tx, *, item_id: int) -> WorkItem:
    """Return one waiting thing. Raises WorkNotFound."""
    found = await store.item(tx, item_id)
    if found is None:
        raise WorkNotFound
    return found


async def item_of(tx: Tx, *, kind: str, focus: str) -> WorkItem | None:
    """Return the newest thing of that kind about a subject."""
    return await store.item_of(tx, kind=kind, focus=focus)


async def items(
    tx: Tx,
    *,
    kind: str,
    place: str | None = None,
    states: Sequence[State] = OPEN_STATES,
    limit: int = 200,
) -> list[WorkItem]:
    """Return what waits, in working order."""
    return await store.items(tx, kind=kind, states=states, place=place, limit=limit)


async def inbox(tx: Tx, *, account_id: str, limit: int = 200) -> list[WorkItem]:
    """Return what one person has in hand, what is due first."""
    return await store.inbox(tx, account_id=account_id, limit=limit)


async def _do(
    tx: Tx,
    verb: Verb,
    actor: Actor,
    item_id: int,
    at: datetime,
    *,
    place: str | None = None,
    assigned_to: str | None = None,
    reason: str | None = None,
    number: str | None = None,
) -> WorkItem:
    table = TRANSITIONS[verb]
    moved = await store.move(
        tx,
        item_id=item_id,
        from_states=list(table),
        to_state=next(iter(table.values())),
        verb=verb.value,
        account_id=actor.account_id,
        at=at,
        place=place,
        assigned_to=assigned_to,
        reason=reason,
        number=number,
    )
    if moved is None:
        # Say why: it does not exist, or the state table has no such step.
        next_state(verb, (await item(tx, item_id=item_id)).state)
        raise WorkNotFound
    await _tell(tx, moved, at)
    return moved


async def _tell(tx: Tx, changed: WorkItem, at: datetime) -> None:
    await publish(
        tx,
        WorkChanged(
            item_id=changed.item_id,
            kind=changed.kind,
            state=changed.state.value,
            place=changed.place,
            patient_id=changed.patient_id,
            focus=changed.focus,
            at=at,
        ),
    )
