"""Carrying out bundles and single writes on the database, many at a time.

Main rule: a transaction is all or nothing; the entries of a batch, and single writes that happen
to arrive together, share a commit but not their failures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import asyncpg

from yba.fhir import r4
from yba.fhir.index import extract
from yba.foundation.record import bundle, settings, store, terms
from yba.foundation.record.body import unpack
from yba.foundation.record.bundle import Plan, Planned
from yba.foundation.record.duplicates import refuse_duplicates_in
from yba.foundation.record.errors import SeveralMatches, UnreadableBody
from yba.foundation.record.keys import bare_key, id_of, value_key
from yba.foundation.record.operations import Operation, Operations, matching
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query.parse import parse, split, unescape
from yba.foundation.record.query.tree import Leaf
from yba.foundation.record.rows import Moment, row_of
from yba.foundation.record.terms import Transactions
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Database, Tx

_DECODED_AT_ONCE = 200
_GROUP = 64
_REMEMBERED = 50_000


class Processor:
    """Carries out bundles against one database."""

    def __init__(self, database: Database, *, base: str = "") -> None:
        self.database = database
        self.base = base
        # (type, key, row) of conditional references whose true value was compared before.
        self._proven: set[tuple[int, int, int]] = set()

    async def process(self, body: bytes, *, actor: Actor, at: datetime, what: str) -> Plan:
        """Carry out a transaction or batch; outcomes are in the plan's entries.

        A transaction raises the first refusal and stores nothing. Reads are left to the caller.
        """
        plan = bundle.read(body, base=self.base)
        resolved: dict[bytes, str] = {}
        if plan.conditional_references:
            resolved = await self._resolve(plan, at)
        conditional = any(
            e.condition is not None and e.method in ("POST", "PUT") for e in plan.entries
        )
        if plan.type == "transaction" and conditional:
            async with self.database.transaction() as tx:
                await self._resolve_entries(tx, plan, actor, at)
                await self._prepare(plan, resolved, actor, at, what)
                await self._atomically(tx, plan, at)
            return plan
        await self._prepare(plan, resolved, actor, at, what)
        if plan.type == "transaction":
            async with self.database.transaction() as tx:
                await self._atomically(tx, plan, at)
        else:
            await self._independently(_operations(plan), at)
        return plan

    async def _prepare(
        self, plan: Plan, resolved: dict[bytes, str], actor: Actor, at: datetime, what: str
    ) -> None:
        """Decode, validate and file everything that does not depend on what is stored."""
        body = bundle.rewrite(plan, resolved)
        bundle.decode(plan, body, actor=actor, what=what)
        moment = Moment(at)
        for number, operation in enumerate(_operations(plan)):
            if operation.method == "POST" and operation.condition is None and operation.open:
                try:
                    prepare(operation, moment)
                except Refusal as refused:
                    if plan.type == "transaction":
                        raise
                    operation.error = refused
            if number % _DECODED_AT_ONCE == _DECODED_AT_ONCE - 1:
                # Let others be served in the middle of a large bundle.
                await asyncio.sleep(0)
        await terms.write_ahead(
            self.database, (t for o in _operations(plan) if o.row for t in o.row.terms)
        )

    async def _atomically(self, tx: Tx, plan: Plan, at: datetime) -> None:
        operations = _operations(plan)
        await Operations(tx, at=at).carry_out(operations)
        for operation in operations:
            if operation.error is not None:
                raise operation.error

    async def _independently(self, operations: Sequence[Operation], at: datetime) -> None:
        for wave in waves(operations):
            await carry_out_together(self.database, wave, at)

    # -- conditions ---------------------------------------------------------------------------

    async def _resolve_entries(self, tx: Tx, plan: Plan, actor: Actor, at: datetime) -> None:
        """Find which entries of a transaction exist already, so that references can name them."""
        probes: list[tuple[Planned, Operation]] = []
        for entry in plan.entries:
            if entry.condition is not None and entry.method in ("POST", "PUT"):
                probe = Operation(
                    "POST", entry.type, actor, id=entry.id or new_id(), condition=entry.condition
                )
                probes.append((entry, probe))
        await Operations(tx, at=at).resolve([probe for _, probe in probes])
        for entry, probe in probes:
            if probe.error is not None:
                raise probe.error
            if entry.method == "PUT":
                self._address(entry, probe)
            else:
                entry.id = probe.id
                if probe.outcome is not None:
                    # The first entry with this condition creates; this one only points to it.
                    probe.twin = None
                    entry.operation = probe
            entry.condition = None

    def _address(self, entry: Planned, probe: Operation) -> None:
        own = entry.own_id
        if probe.outcome is not None and own not in (None, probe.id):
            raise UnreadableBody(reason="the id in the body is not that of the match")
        entry.id = own or probe.id

    async def _resolve(self, plan: Plan, at: datetime) -> dict[bytes, str]:
        """Return the literal reference of every conditional reference in the bundle.

        Those that match nothing stay as they are and fail their entry when it is decoded.
        """
        found: dict[bytes, str] = {}
        wanted: list[tuple[bytes, int, int, str, str]] = []
        async with self.database.borrow() as connection:
            tx = Tx(connection)
            for text, (type_, condition) in plan.conditional_references.items():
                simple = _identifier(type_, condition)
                if simple is not None:
                    wanted.append((text, *simple))
                    continue
                matches = await matching(tx, type_, condition, at)
                if matches:
                    found[text] = _only(type_, [match.id for match in matches])
            if wanted:
                found.update(await self._by_identifier(tx, wanted))
        return found

    async def _by_identifier(
        self, tx: Tx, wanted: Sequence[tuple[bytes, int, int, str, str]]
    ) -> dict[bytes, str]:
        records = await tx.connection.fetch(
            store.BY_KEYS, list(range(len(wanted))), [w[1] for w in wanted], [w[2] for w in wanted]
        )
        ids: list[list[str]] = [[] for _ in wanted]
        for record in records:
            _, number, key, _, value = wanted[record["n"]]
            proof = (number, key, record["rid"])
            if proof not in self._proven:
                if not _has_value(unpack(record["body"]), value):
                    continue
                if len(self._proven) > _REMEMBERED:
                    self._proven.clear()
                self._proven.add(proof)
            ids[record["n"]].append(id_of(record["rid"], record["fid"]))
        return {
            text: _only(type_, found)
            for (text, _, _, type_, _), found in zip(wanted, ids, strict=True)
            if found
        }


def _only(type_: str, ids: Sequence[str]) -> str:
    if len(ids) > 1:
        raise SeveralMatches(type=type_)
    return f"{type_}/{ids[0]}"


def _identifier(type_: str, condition: str) -> tuple[int, int, str, str] | None:
    """Return (type number, key, type, value) of a condition that is one identifier."""
    conditions = parse(type_, condition).conditions
    if len(conditions) != 1 or not isinstance(conditions[0], Leaf):
        return None
    leaf, plan = conditions[0], plan_of(type_)
    if len(leaf.values) != 1 or leaf.modifier or len(leaf.parameter.elements) != 1:
        return None
    element = leaf.parameter.elements[0]
    if element not in plan.identifier_elements:
        return None
    parts = [unescape(part) for part in split(leaf.values[0], "|")]
    scope = plan.scopes[element]
    if len(parts) == 1:
        return TYPE_NUMBERS[type_], bare_key(scope, parts[0]), type_, parts[0]
    if len(parts) == 2 and parts[1]:
        return TYPE_NUMBERS[type_], value_key(scope, parts[0], parts[1]), type_, parts[1]
    return None


def _has_value(body: bytes, value: str) -> bool:
    return any(token[2] == value for token in extract(r4.decode(body)).tokens)


def _operations(plan: Plan) -> list[Operation]:
    return [entry.operation for entry in plan.entries if entry.operation is not None]


def prepare(operation: Operation, moment: Moment) -> None:
    """File a new resource ahead of its transaction."""
    operation.row = row_of(
        operation.resource,
        version=1,
        moment=moment,
        zone=settings.zone(),
        known_terms=terms.known,
    )
    if operation.raw:
        refuse_duplicates_in(operation.raw, operation.row.json, operation.added)


def waves(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Share operations out so that no resource appears twice in one wave; deletions go first."""
    order = {"DELETE": 0, "POST": 1, "PUT": 2}
    result: list[list[Operation]] = []
    count: dict[object, int] = {}
    for operation in sorted(operations, key=lambda o: order[o.method]):
        key: object = operation.place if operation.id else (operation.type, operation.condition)
        wave = count.get(key, 0)
        count[key] = wave + 1
        while len(result) <= wave:
            result.append([])
        result[wave].append(operation)
    return result


async def carry_out_together(
    database: Transactions, operations: Sequence[Operation], at: datetime
) -> None:
    """Carry out independent operations in one commit; if that fails, each in its own."""
    try:
        async with database.transaction() as tx:
            await Operations(tx, at=at).carry_out(operations)
    except asyncpg.PostgresError:
        if len(operations) == 1:
            raise
        for operation in operations:
            operation.outcome = operation.error = None
            with suppress(asyncpg.PostgresError):
                await carry_out_together(database, [operation], at)


class GroupWriter:
    """Lets single writes that arrive together share one commit."""

    def __init__(
        self, database: Transactions, *, clock: Callable[[], datetime], writers: int = 2
    ) -> None:
        self._database = database
        self._clock = clock
        self._free = writers
        self._waiting: list[tuple[Operation, asyncio.Future[None]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def carry_out(self, operation: Operation) -> None:
        """Carry out one operation; it is committed when this returns. Raises its refusal."""
        if operation.method == "POST" and operation.condition is None:
            prepare(operation, Moment(self._clock()))
            assert operation.row is not None
            if operation.row.terms:
                await terms.write_ahead(self._database, operation.row.terms)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((operation, done))
        if self._free:
            self._start()
        await done
        if operation.error is not None:
            raise operation.error

    def _start(self) -> None:
        self._free -= 1
        task = asyncio.get_running_loop().create_task(self._run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self) -> None:
        try:
            # One turn of the loop, so that what arrived in the same tick comes along.
            await asyncio.sleep(0)
            while self._waiting:
                await self._group(self._take())
        finally:
            self._free += 1

    def _take(self) -> list[tuple[Operation, asyncio.Future[None]]]:
        taken: list[tuple[Operation, asyncio.Future[None]]] = []
        left: list[tuple[Operation, asyncio.Future[None]]] = []
        places: set[object] = set()
        for item in self._waiting:
            operation = item[0]
            key = operation.place if operation.id else (operation.type, operation.condition)
            if len(taken) < _GROUP and key not in places:
                places.add(key)
                taken.append(item)
            else:
                left.append(item)
        self._waiting = left
        return taken

    async def _group(self, items: list[tuple[Operation, asyncio.Future[None]]]) -> None:
        try:
            await carry_out_together(self._database, [item[0] for item in items], self._clock())
        except BaseException as problem:
            for _, done in items:
                if not done.done():
                    done.set_exception(problem)
            if not isinstance(problem, asyncpg.PostgresError | Refusal | OSError):
                raise
            return
        for operation, done in items:
            if done.done():
                continue
            if operation.outcome is None and operation.error is None:
                done.set_exception(RuntimeError("a write was not carried out"))
            else:
                done.set_result(None)
