"""The SQL of work.item and work.step."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from yba.foundation.work.model import WorkItem
from yba.plumbing.database import Tx

_ADD: LiteralString = """
    WITH added AS (
        INSERT INTO work.item (item_id, kind, state, place, patient_id, focus, number, priority,
                               due_at, assigned_to, reason, created_at, changed_at)
        VALUES ($1, $2, 'waiting', $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
        RETURNING item_id, state, place
    )
    INSERT INTO work.step (item_id, at, verb, state, place, account_id, reason)
    SELECT item_id, $11, 'add', state, place, $12, $10 FROM added
"""

# An open transaction may still hide the item's row from `step`'s foreign key
# only if the item does not exist, so both are written in one statement.
_MOVE: LiteralString = """
    WITH moved AS (
        UPDATE work.item
           SET state = $3, changed_at = $4,
               place = coalesce($5, place),
               assigned_to = coalesce($6, assigned_to),
               reason = coalesce($7, reason),
               number = coalesce($10, number),
               priority = coalesce($11, priority)
         WHERE item_id = $1 AND state = ANY($2::text[])
        RETURNING item_id, kind, state, place, patient_id, focus, number, priority, due_at,
                  assigned_to, reason, created_at, changed_at
    ), noted AS (
        INSERT INTO work.step (item_id, at, verb, state, place, account_id, reason)
        SELECT item_id, $4, $8, state, place, $9, coalesce($7, '') FROM moved
    )
    SELECT * FROM moved
"""

_NEXT: LiteralString = """
    SELECT item_id
      FROM work.item
     WHERE kind = $1 AND place = $2 AND state = 'waiting'
     ORDER BY priority, item_id
     LIMIT 1
       FOR UPDATE SKIP LOCKED
"""

_ITEM: LiteralString = """
    SELECT item_id, kind, state, place, patient_id, focus, number, priority, due_at,
           assigned_to, reason, created_at, changed_at
      FROM work.item
     WHERE item_id = $1
"""

_ITEM_OF: LiteralString = """
    SELECT item_id, kind, state, place, patient_id, focus, number, priority, due_at,
           assigned_to, reason, created_at, changed_at
      FROM work.item
     WHERE focus = $2 AND kind = $1
     ORDER BY item_id DESC
     LIMIT 1
"""

_ITEMS: LiteralString = """
    SELECT item_id, kind, state, place, patient_id, focus, number, priority, due_at,
           assigned_to, reason, created_at, changed_at
      FROM work.item
     WHERE kind = $1 AND state = ANY($2::text[]) AND ($3::text IS NULL OR place = $3)
     ORDER BY priority, item_id
     LIMIT $4
"""

_INBOX: LiteralString = """
    SELECT item_id, kind, state, place, patient_id, focus, number, priority, due_at,
           assigned_to, reason, created_at, changed_at
      FROM work.item
     WHERE assigned_to = $1 AND state IN ('waiting', 'claimed', 'started', 'absent')
     ORDER BY due_at NULLS LAST, priority, item_id
     LIMIT $2
"""


async def add(tx: Tx, item: WorkItem, *, account_id: str) -> None:
    """Insert a waiting thing and its first step."""
    await tx.execute(
        _ADD,
        item.item_id,
        item.kind,
        item.place,
        item.patient_id,
        item.focus,
        item.number,
        item.priority,
        item.due_at,
        item.assigned_to,
        item.reason,
        item.created_at,
        account_id,
    )


async def move(
    tx: Tx,
    *,
    item_id: int,
    from_states: Sequence[str],
    to_state: str,
    verb: str,
    account_id: str,
    at: datetime,
    place: str | None = None,
    assigned_to: str | None = None,
    reason: str | None = None,
    number: str | None = None,
    priority: int | None = None,
) -> WorkItem | None:
    """Move an item that is in one of `from_states`; None if it is not. None values stay."""
    return await tx.row(
        WorkItem,
        _MOVE,
        item_id,
        list(from_states),
        to_state,
        at,
        place,
        assigned_to,
        reason,
        verb,
        account_id,
        number,
        priority,
    )


async def lock_next(tx: Tx, *, kind: str, place: str) -> int | None:
    """Lock and return the first waiting item that nobody else is taking."""
    return await tx.value(_NEXT, kind, place)


async def item(tx: Tx, item_id: int) -> WorkItem | None:
    """Return one item."""
    return await tx.row(WorkItem, _ITEM, item_id)


async def item_of(tx: Tx, *, kind: str, focus: str) -> WorkItem | None:
    """Return the newest item of that kind about `focus`."""
    return await tx.row(WorkItem, _ITEM_OF, kind, focus)


async def items(
    tx: Tx, *, kind: str, states: Sequence[str], place: str | None, limit: int
) -> list[WorkItem]:
    """Return items in working order."""
    return await tx.rows(WorkItem, _ITEMS, kind, list(states), place, limit)


async def inbox(tx: Tx, *, account_id: str, limit: int) -> list[WorkItem]:
    """Return what is assigned to one account, what is due first."""
    return await tx.rows(WorkItem, _INBOX, account_id, limit)
