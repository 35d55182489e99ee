"""Writes as the FHIR API asks for them: create, update, delete, also by condition.

Main rule: whatever is carried out together is one transaction; locks are taken in one order
(conditions by number, then rows by place), so writers wait for each other but never in a circle.
Standard: FHIR R4 RESTful API, conditional create, update and delete.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from dataclasses import replace as replace_operation
from datetime import datetime
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl

from xxhash import xxh3_64_intdigest

from yba.fhir import r4
from yba.foundation.audit import service as audit
from yba.foundation.audit.model import Act, Action
from yba.foundation.record import effects, parameters, permission, reading, sealed, store
from yba.foundation.record.body import unpack
from yba.foundation.record.errors import (
    ResourceDeleted,
    ResourceNotFound,
    SeveralMatches,
    UnreadableBody,
    VersionConflict,
)
from yba.foundation.record.keys import id_of, row_id, signed
from yba.foundation.record.model import Version
from yba.foundation.record.patching import Patch
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.query.guard import Guard
from yba.foundation.record.query.parse import parse
from yba.foundation.record.query.permitting import guard_for
from yba.foundation.record.readable import patched
from yba.foundation.record.rows import DELETED, Row
from yba.foundation.record.states import deleted_row
from yba.foundation.record.writing import (
    Place,
    Writer,
    insert,
    insert_new,
    lock,
    refuse_other_version,
    replace,
)
from yba.kernel.actor import Actor
from yba.kernel.ids import encode_id, new_id
from yba.kernel.refusal import Conflict, Refusal
from yba.plumbing.database import Tx

ANY_VERSION = -1
MOST_DELETED = 1000


@dataclass(slots=True)
class Outcome:
    """What became of one operation."""

    status: Literal[200, 201, 204]
    type: str
    id: str
    version: int
    changed: bool = True
    body: bytes | None = None
    # Microseconds since 1970, 0 where nothing is stored.
    updated: int = 0

    @property
    def reference(self) -> str:
        """Return the literal reference."""
        return f"{self.type}/{self.id}"


@dataclass(slots=True, eq=False)
class Operation:
    """One write that is asked for, and what became of it."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    type: str
    actor: Actor
    id: str = ""
    resource: Any = None
    patch: Patch | None = None
    condition: str | None = None
    # The version that must be the current one; ANY_VERSION: there must be one.
    if_match: int | None = None
    if_none_match: bool = False
    # Its condition matched nothing: then its own id must be free.
    must_be_new: bool = False
    what: str = "fhir_api"
    raw: bytes = b""
    added: int = 0
    twin: Operation | None = None
    row: Row | None = None
    outcome: Outcome | None = None
    error: Refusal | None = None
    # Further deletions, where a condition may match several.
    others: list[Operation] = field(default_factory=list["Operation"])
    patient_id: str | None = None

    @property
    def place(self) -> Place:
        """Return (type number, row id)."""
        return TYPE_NUMBERS[self.type], row_id(self.type, self.id)

    @property
    def open(self) -> bool:
        """Return whether nothing has become of it yet."""
        return self.outcome is None and self.error is None


class Operations:
    """Carries out operations inside one transaction; a refused one leaves the others alone.

    Whoever wants all or nothing looks for an `error` afterwards and rolls back.
    """

    def __init__(self, tx: Tx, *, at: datetime) -> None:
        self.tx = tx
        self.at = at
        self.writer = Writer(tx, at=at)

    async def carry_out(self, operations: Sequence[Operation]) -> None:
        """Carry out all; each gets its outcome or its error.

        What turns out to concern the same resource is done one after the other.
        """
        await self.resolve([o for o in operations if o.condition is not None and o.open])
        further = [other for o in operations for other in o.others]
        everything = [*operations, *further] if further else operations
        effects.refuse_unusable([o for o in everything if o.open], at=self.at)
        groups = apart([o for o in everything if o.open])
        if len(groups) > 1:
            await lock(self.tx, sorted({o.place for o in everything if o.open and o.id}))
        for group in groups:
            await self._write(group)
        for operation in operations:
            if operation.twin is not None and operation.outcome is not None:
                self._answer_as(operation, operation.twin)
        await permission.remember_authors(self.tx, everything, at=self.at)
        await effects.take_effect(self.tx, everything, at=self.at)
        await self._audit(everything)

    async def lock_ahead(
        self, conditions: Iterable[tuple[str, str]], places: Iterable[Place]
    ) -> None:
        """Take the locks of a transaction in steps before its first: conditions, then rows.

        Otherwise a step would ask for a condition while the one before holds rows.
        """
        wanted, rows = sorted(set(conditions)), set(places)
        if wanted:
            await self.tx.execute(store.LOCK_CONDITIONS, sorted(_number(*one) for one in wanted))
        for type_, condition in wanted:
            # What is wrong with a condition is said where it is carried out.
            with suppress(Refusal):
                found = await matching(
                    self.tx, type_, condition, self.at, most_deleted(condition) + 1
                )
                rows |= {(TYPE_NUMBERS[type_], row_id(type_, one.id)) for one in found}
        if rows:
            await lock(self.tx, sorted(rows))

    async def resolve(self, conditional: Sequence[Operation]) -> None:
        """Find what conditions match, under a lock that every writer with the same one takes."""
        if not conditional:
            return
        numbers = sorted({_number(o.type, o.condition or "") for o in conditional})
        await self.tx.execute(store.LOCK_CONDITIONS, numbers)
        first: dict[tuple[str, str], Operation] = {}
        for operation in conditional:
            twin = first.setdefault((operation.type, operation.condition or ""), operation)
            try:
                if twin is not operation and twin.method == operation.method == "POST":
                    # The same condition twice in one bundle makes one resource.
                    self._same_as(operation, twin)
                else:
                    await self._resolve_one(operation)
            except Refusal as refused:
                operation.error = refused

    @staticmethod
    def _same_as(operation: Operation, twin: Operation) -> None:
        if twin.error is not None:
            raise twin.error
        version = twin.outcome.version if twin.outcome else 1
        operation.id, operation.twin = twin.id, twin
        operation.outcome = Outcome(200, twin.type, twin.id, version, changed=False)

    @staticmethod
    def _answer_as(operation: Operation, twin: Operation) -> None:
        if twin.outcome is None:
            operation.outcome, operation.error = None, twin.error or Conflict()
        elif operation.outcome is not None:
            operation.outcome.body = twin.outcome.body
            operation.outcome.updated = twin.outcome.updated

    async def _resolve_one(self, operation: Operation) -> None:
        most = 1
        if operation.method == "DELETE":
            most = most_deleted(operation.condition or "")
        found = await matching(
            self.tx, operation.type, operation.condition or "", self.at, most + 1,
            guard_for(operation.actor, at=self.at, letter="s"),
        )  # fmt: skip
        if len(found) > most:
            raise SeveralMatches(type=operation.type)
        if operation.method == "DELETE":
            self._delete_each(operation, [one.id for one in found])
        elif found:
            self._address(operation, found[0])
        elif operation.method == "PATCH":
            raise ResourceNotFound
        elif operation.method == "PUT":
            operation.must_be_new = operation.resource.id is not None
            operation.id = operation.resource.id = operation.resource.id or new_id()

    @staticmethod
    def _address(operation: Operation, one: Version) -> None:
        """Name the resource that the condition found."""
        operation.id = one.id
        if operation.method == "POST":
            operation.outcome = Outcome(
                200, one.type, one.id, one.version, changed=False, body=one.body,
                updated=one.updated,
            )  # fmt: skip
        elif operation.method == "PUT":
            if operation.resource.id not in (None, one.id):
                raise UnreadableBody(reason="the id in the body is not that of the match")
            operation.resource.id = one.id

    @staticmethod
    def _delete_each(operation: Operation, ids: Sequence[str]) -> None:
        if not ids:
            operation.outcome = Outcome(204, operation.type, "", 0, changed=False)
            return
        operation.id = ids[0]
        operation.others = [
            replace_operation(operation, id=id_, condition=None, others=[]) for id_ in ids[1:]
        ]

    async def _write(self, operations: Sequence[Operation]) -> None:
        existing = [o for o in operations if o.method != "POST"]
        current = await lock(self.tx, sorted({o.place for o in existing})) if existing else {}
        hidden = await permission.hidden(self.tx, existing, current, at=self.at)
        replaced: list[tuple[Operation, Row]] = []
        for operation in existing:
            # What its actor may not see is to her as if it were not there.
            found = None if operation in hidden else current.get(operation.place)
            try:
                row = self._next(operation, found)
            except Refusal as refused:
                operation.error = refused
            else:
                if row is not None and found is not None:
                    replaced.append((operation, row))
        created = [o for o in operations if o.method == "POST"]
        for operation in created:
            self._create(operation)
        named = [(o, o.row) for o in (*created, *existing) if o.row is not None]
        await permission.refuse_forbidden(self.tx, [*replaced, *named], at=self.at)
        await sealed.refuse_closed(
            self.tx, [pair for pair in (*replaced, *named) if pair[0].error is None], current
        )
        created = [o for o in created if o.error is None]
        replacing = [row for operation, row in replaced if operation.error is None]
        if replacing:
            await replace(self.tx, replacing)
        if created:
            await insert_new(self.tx, [o.row for o in created if o.row is not None])
        await self._insert_named([o for o in existing if o.open and o.row is not None])

    def _create(self, operation: Operation) -> None:
        row = operation.row
        if row is None:
            operation.row = row = self.writer.row(operation.resource, 1)
        operation.patient_id = row.patient_id
        operation.outcome = Outcome(201, row.type, row.id, 1, body=row.json, updated=row.updated)

    def _next(self, operation: Operation, record: Any) -> Row | None:
        """Return the row that follows the current state, or None where nothing is to be replaced."""
        if record is not None and id_of(record["rid"], record["fid"]) != operation.id:
            raise Conflict
        if operation.method == "DELETE":
            return self._delete(operation, record)
        if operation.if_match == ANY_VERSION:
            self._refuse_missing(operation, record)
        if operation.method == "PATCH":
            self._patch(operation, record)
        if record is None:
            if operation.if_match is not None:
                raise VersionConflict(reference=f"{operation.type}/{operation.id}", version=0)
            operation.row = self.writer.row(operation.resource, 1)
            return None
        if not record["flags"] & DELETED:
            if operation.if_none_match:
                version = record["version"]
                raise VersionConflict(reference=f"{operation.type}/{operation.id}", version=version)
            if operation.must_be_new:
                raise Conflict
        wanted = self._wanted(operation)
        row, saved = self.writer.next_state(operation.resource, record, wanted)
        operation.patient_id = row.patient_id if row else None
        operation.outcome = Outcome(
            201 if saved.created else 200, saved.type, saved.id, saved.version, saved.changed,
            row.json if row else r4.encode(operation.resource),
            row.updated if row else record["updated"],
        )  # fmt: skip
        return row

    @staticmethod
    def _refuse_missing(operation: Operation, record: Any) -> None:
        if record is None or record["flags"] & DELETED:
            raise VersionConflict(reference=f"{operation.type}/{operation.id}", version=0)
        operation.if_match = None

    def _patch(self, operation: Operation, record: Any) -> None:
        """Make the resource that the patch makes of the current state."""
        if record is None:
            raise ResourceNotFound
        reference = f"{operation.type}/{operation.id}"
        if record["flags"] & DELETED:
            raise ResourceDeleted(reference=reference)
        refuse_other_version(reference, record["version"], self._wanted(operation))
        assert operation.patch is not None
        operation.resource = patched(
            operation.patch, unpack(record["body"]), operation.type, operation.id
        )
        effects.refuse_unusable([operation], at=self.at)
        if operation.error is not None:
            raise operation.error

    def _delete(self, operation: Operation, record: Any) -> Row | None:
        version: int = record["version"] if record else 0
        if operation.if_match == ANY_VERSION:
            self._refuse_missing(operation, record)
        if operation.if_match is not None and operation.if_match != version:
            raise VersionConflict(reference=f"{operation.type}/{operation.id}", version=version)
        if record is None or record["flags"] & DELETED:
            operation.outcome = Outcome(204, operation.type, operation.id, version, changed=False)
            return None
        row = deleted_row(
            operation.type, operation.id, version=version + 1, moment=self.writer.moment,
            patient=record["patient"], flags=record["flags"],
        )  # fmt: skip
        patient: int | None = record["patient"]
        operation.patient_id = encode_id(patient) if patient is not None and patient >= 0 else None
        operation.outcome = Outcome(204, operation.type, operation.id, version + 1)
        return row

    @staticmethod
    def _wanted(operation: Operation) -> dict[str, int]:
        if operation.if_match is None:
            return {}
        return {f"{operation.type}/{operation.id}": operation.if_match}

    async def _insert_named(self, operations: Sequence[Operation]) -> None:
        """Insert resources whose ids their clients chose."""
        if not operations:
            return
        rows = [o.row for o in operations if o.row is not None]
        # In one order for everybody: who inserts the same waits for the other.
        fresh = await insert(self.tx, sorted(rows, key=lambda row: (row.number, row.rid)))
        for operation in operations:
            assert operation.row is not None
            if operation.place in fresh:
                self._create(operation)
            else:
                # Somebody created it between our look and our insert.
                operation.error = Conflict()

    async def _audit(self, operations: Iterable[Operation]) -> None:
        """Write down who did what; what arrived together may be of several persons and programs."""
        acts: dict[_Trace, tuple[Actor, list[str]]] = {}
        for operation in operations:
            outcome, actor = operation.outcome, operation.actor
            if outcome is None or not outcome.changed:
                continue
            key = (
                actor.account_id, actor.client_id, actor.purpose, operation.what,
                _ACTIONS[outcome.status], operation.patient_id,
            )  # fmt: skip
            acts.setdefault(key, (actor, []))[1].append(outcome.reference)
        written = [
            Act(actor, action, what, self.at, patient, references)
            for (_, _, _, what, action, patient), (actor, references) in acts.items()
        ]
        await audit.record_many(self.tx, written)


def apart(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Share operations out, in their order, so that no resource appears twice in one group."""
    groups: list[list[Operation]] = []
    count: dict[Place, int] = {}
    for operation in operations:
        number = 0
        if operation.method != "POST":
            place = operation.place
            number = count.get(place, 0)
            count[place] = number + 1
        while len(groups) <= number:
            groups.append([])
        groups[number].append(operation)
    return groups


_Trace: TypeAlias = tuple[str, str | None, str, str, Action, str | None]
_ACTIONS: dict[int, Action] = {201: "C", 200: "U", 204: "D"}


def _number(type_: str, condition: str) -> int:
    """Return the number of the lock that stands for a condition."""
    return signed(xxh3_64_intdigest(f"{type_}?{condition}".encode()))


async def matching(
    tx: Tx, type_: str, condition: str, at: datetime, most: int = 2, guard: Guard | None = None
) -> list[Version]:
    """Return at most `most` current resources that meet a condition, as far as `guard` shows them.

    Raises UnsearchableQuery for a condition that cannot be decided, UnreadableBody for an empty one.
    """
    if parameters.stale():
        await parameters.refresh(tx)
    search = parse(type_, condition)
    if not search.conditions:
        raise UnreadableBody(reason="the condition is empty")
    for name, _ in search.self_query:
        if name in _OF_RESULTS:
            raise UnreadableBody(reason=f"{name} has no meaning in a condition")
    page = await reading.find(tx, reading.limited(search, most), now=at, guard=guard)
    return page.matches


_OF_RESULTS = frozenset(
    ("_sort", "_total", "_summary", "_elements", "_include", "_revinclude", "_contained",
     "_containedType")
)  # fmt: skip


def most_deleted(condition: str) -> int:
    """Return how many resources a condition may delete: one, or what its `_count` allows."""
    for name, value in parse_qsl(condition):
        if name == "_count" and value.isascii() and value.isdigit():
            return max(1, min(int(value[:9]), MOST_DELETED))
    return 1
