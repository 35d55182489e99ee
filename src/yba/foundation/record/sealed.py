"""Visits whose record is closed for good: no program changes what belongs to them.

Main rule: a later context says which visits these are (`asks`); here it is found out what a write
has to do with a visit: the visit itself, and clinical resources that name it as their encounter,
before or after the write. A document that says it appends to another is the way that stays open.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from yba.foundation.access.model import CLINICAL
from yba.foundation.record.body import unpack
from yba.foundation.record.rows import DELETED, Row
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx

if TYPE_CHECKING:
    from yba.foundation.record.operations import Operation

Closed = Callable[[Tx, Sequence[str]], Awaitable[Mapping[str, Refusal]]]
Place = tuple[int, int]

_ENCOUNTER = re.compile(rb'Encounter/([A-Za-z0-9.\-]{1,64})["/]')
# Where the resources of R4 name the visit they belong to.
_ELEMENTS = ("encounter", "context")


class _Process:
    closed: Closed | None = None


def asks(closed: Closed | None) -> None:
    """Say who knows which visits are closed: ids in, a refusal for each that is; once, at start."""
    _Process.closed = closed


async def refuse_closed(
    tx: Tx, rows: Iterable[tuple[Operation, Row]], current: Mapping[Place, Any]
) -> None:
    """Give those operations an error that would change something of a closed visit."""
    if _Process.closed is None:
        return
    touched: dict[str, list[tuple[Operation, list[bytes]]]] = {}
    for operation, row in rows:
        if operation.type not in CLINICAL or _is_annex(operation, row):
            continue
        states = _states(operation, row, current.get(operation.place))
        for id_ in {id_.decode() for state in states for id_ in _ENCOUNTER.findall(state)}:
            touched.setdefault(id_, []).append((operation, states))
        if operation.type == "Encounter":
            touched.setdefault(operation.id, []).append((operation, []))
    if not touched:
        return
    for id_, refusal in (await _Process.closed(tx, list(touched))).items():
        for operation, states in touched[id_]:
            if not states or any(_belongs(state, id_) for state in states):
                operation.outcome, operation.row, operation.error = None, None, refusal


def _states(operation: Operation, row: Row, record: Any) -> list[bytes]:
    """Return the new state and the one that it replaces, as far as there are any."""
    states = [] if row.flags & DELETED else [row.json]
    if operation.method != "POST" and record is not None and not record["flags"] & DELETED:
        states.append(unpack(record["body"]))
    return states


def _is_annex(operation: Operation, row: Row) -> bool:
    return (
        operation.type == "DocumentReference"
        and operation.method == "POST"
        and b'"code":"appends"' in row.json
    )


def _belongs(state: bytes, id_: str) -> bool:
    """Return whether a resource names that visit as its own."""
    resource: dict[str, Any] = msgspec.json.decode(state)
    named = msgspec.json.encode([resource.get(name) for name in _ELEMENTS])
    return id_.encode() in _ENCOUNTER.findall(named)
