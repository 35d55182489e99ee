"""Whether an actor may change what she asks to change: the guard, before a write.

Main rule: what she may not see is to her as if it were not there, so no answer tells the one from
the other; and she cannot write what she could not see afterwards. Restricted categories are the
exception: who treats a person may write them, and sees what she wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from yba.foundation.access import service as access
from yba.foundation.access.model import policy_for
from yba.foundation.record import store
from yba.foundation.record.keys import id_of
from yba.foundation.record.model import Version
from yba.foundation.record.query.guard import Guard, put_into
from yba.foundation.record.query.permitting import guard_for, write_guard_for
from yba.foundation.record.rows import CATEGORIES, DELETED, FIRST_CATEGORY, Row
from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused
from yba.plumbing.database import Tx

if TYPE_CHECKING:
    from yba.foundation.record.operations import Operation

_LETTERS = {"POST": "c", "PUT": "u", "PATCH": "u", "DELETE": "d"}
Place = tuple[int, int]


async def hidden(
    tx: Tx, operations: Sequence[Operation], current: Mapping[Place, Any], *, at: datetime
) -> set[Operation]:
    """Return the operations whose resource exists and must not be seen by who asks."""
    found: set[Operation] = set()
    asked: dict[tuple[Actor, str], tuple[Guard, list[Operation]]] = {}
    for operation in operations:
        record = current.get(operation.place)
        if record is None:
            continue
        guard = guard_for(operation.actor, at=at, letter=_LETTERS[operation.method])
        decision = guard is None or (guard.decides(_state(operation, record)))
        if decision is False:
            found.add(operation)
        elif decision is None and guard is not None:
            # By the whole actor: two programs of one person are not granted the same.
            key = (operation.actor, operation.method)
            asked.setdefault(key, (guard, []))[1].append(operation)
    for guard, some in asked.values():
        places = [operation.place for operation in some]
        sql, given = put_into(
            store.SEEN, guard, ([place[0] for place in places], [place[1] for place in places])
        )
        seen = {(one["type"], one["rid"]) for one in await tx.connection.fetch(sql, *given)}
        found |= {operation for operation in some if operation.place not in seen}
    return found


def _state(operation: Operation, record: Any) -> Version:
    return Version(
        operation.type, id_of(record["rid"], record["fid"]), record["version"], record["updated"],
        None, record["patient"], record["flags"],
    )  # fmt: skip


async def refuse_forbidden(tx: Tx, rows: Sequence[tuple[Operation, Row]], *, at: datetime) -> None:
    """Give those operations an error whose new state their actor could not see."""
    asked: dict[tuple[Actor, str], tuple[Guard, list[tuple[Operation, Row]]]] = {}
    for operation, row in rows:
        if row.flags & DELETED:
            continue
        letter = _LETTERS[operation.method]
        guard = write_guard_for(operation.actor, at=at, letter=letter)
        if guard is not None:
            key = (operation.actor, letter)
            asked.setdefault(key, (guard, []))[1].append((operation, row))
    for guard, some in asked.values():
        sql, given = put_into(store.WOULD_BE_SEEN, guard, _columns([row for _, row in some]))
        seen = {one["n"] for one in await tx.connection.fetch(sql, *given)}
        for number, (operation, _) in enumerate(some):
            if number not in seen:
                operation.outcome, operation.row = None, None
                operation.error = AccessRefused()


def _columns(rows: Sequence[Row]) -> tuple[list[Any], ...]:
    """Return what a guard looks at, without restricted categories."""
    return (
        list(range(len(rows))), [row.number for row in rows], [row.rid for row in rows],
        [row.patient for row in rows], [row.flags & ~CATEGORIES for row in rows],
        [row.ts for row in rows], [row.updated for row in rows],
    )  # fmt: skip


async def remember_authors(tx: Tx, operations: Sequence[Operation], *, at: datetime) -> None:
    """Let who wrote something restricted see it."""
    for operation in operations:
        outcome = operation.outcome
        if operation.row is not None and outcome is not None and outcome.changed:
            await remember_author(tx, operation.actor, [operation.row], at=at)


async def remember_author(tx: Tx, actor: Actor, rows: Sequence[Row], *, at: datetime) -> None:
    """Let who wrote rows in restricted categories see those categories of that patient."""
    written: dict[str, int] = {}
    for row in rows:
        if row.flags & CATEGORIES and row.patient_id is not None:
            found = (row.flags & CATEGORIES) >> FIRST_CATEGORY
            written[row.patient_id] = written.get(row.patient_id, 0) | found
    if not written:
        return
    policy = policy_for(actor, at=at)
    if policy.everything or policy.whole:
        return
    for patient_id, categories in written.items():
        await access.remember_author(
            tx, actor=actor, patient_id=patient_id, categories=categories, at=at
        )
