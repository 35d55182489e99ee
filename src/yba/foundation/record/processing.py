"""Carrying out bundles and single writes on the database, many at a time.

Main rule: a transaction is all or nothing; the entries of a batch, and single writes that happen
to arrive together, share a commit but not their failures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import ParamSpec, Protocol, TypeVar

from yba.fhir import r4
from yba.fhir.index import extract
from yba.foundation.record import bundle, store, terms
from yba.foundation.record.body import unpack
from yba.foundation.record.bundle import Plan, Planned
from yba.foundation.record.errors import (
    BundleRefused,
    ResourceNotFound,
    SeveralMatches,
    UnreadableBody,
    UnsearchableQuery,
)
from yba.foundation.record.grouping import carry_out_together, prepare, waves
from yba.foundation.record.keys import bare_key, id_of, row_id, value_key
from yba.foundation.record.operations import Operation, Operations, matching
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query.guard import Guard, put_into
from yba.foundation.record.query.parse import parse, split, unescape
from yba.foundation.record.query.permitting import guard_for
from yba.foundation.record.query.tree import Leaf
from yba.foundation.record.rows import Moment
from yba.foundation.record.terms import Transactions
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Database, Tx

_LONGEST_TURN_SECONDS = 0.003
# A read takes several turns of the loop, so it is let through several before going on.
_TURNS_FOR_OTHERS = 4
_REMEMBERED = 50_000
# Reading, rewriting and answering a bundle of this many bytes takes about ten milliseconds each.
_ASIDE_FROM = 1_500_000

P = ParamSpec("P")
T = TypeVar("T")


class Around(Protocol):
    """What a caller does in the transaction of a bundle, before and after its writes."""

    async def before(self, tx: Tx) -> None: ...

    async def after(self, tx: Tx) -> None: ...


class Processor:
    """Carries out bundles against one database."""

    def __init__(
        self, database: Database, *, base: str = "", ahead: Transactions | None = None
    ) -> None:
        self.database = database
        self.base = base
        # Where terms are written ahead. A transaction may do so while it holds locks that others wait
        # for, each with a connection: taken from the same ones, there might be none left for it.
        self._ahead = database if ahead is None else ahead
        # (type, key, row) of conditional references whose true value was compared before.
        self._proven: set[tuple[int, int, int]] = set()

    async def process(
        self, plan: Plan, *, actor: Actor, at: datetime, what: str, around: Around | None = None
    ) -> Plan:
        """Carry out a transaction or batch; outcomes are in the plan's entries.

        A transaction raises the first refusal and stores nothing. Reads are left to the caller.
        """
        work = _Work(plan, actor, at, what)
        contested = self._contested(plan)
        if plan.type == "batch":
            resolved = await self._resolve_outside(plan, actor, at)
            await self._prepare(work, resolved)
            await self._independently(_operations(plan), at)
        elif not contested and not any(e.condition is not None for e in plan.entries):
            resolved = await self._resolve_outside(plan, actor, at)
            await self._prepare(work, resolved)
            async with self.database.transaction() as tx:
                if around is not None:
                    await around.before(tx)
                await self._atomically(tx, plan.entries, at)
                if around is not None:
                    await around.after(tx)
        else:
            async with self.database.transaction() as tx:
                if around is not None:
                    await around.before(tx)
                await self._in_steps(tx, work, contested)
                if around is not None:
                    await around.after(tx)
        return plan

    def _contested(self, plan: Plan) -> list[bytes]:
        """Return the conditional references whose answer the bundle's own writes may change."""
        if plan.type == "batch" or not plan.conditional_references:
            return []
        written = {entry.type for entry in plan.entries if not entry.inner}
        return [t for t, (type_, _) in plan.conditional_references.items() if type_ in written]

    async def _in_steps(self, tx: Tx, work: _Work, contested: list[bytes]) -> None:
        """Carry out a transaction in the order of FHIR, where a step may depend on those before."""
        plan, at = work.plan, work.at
        deletions = [entry for entry in plan.entries if entry.method == "DELETE"]
        for entry in deletions:
            entry.operation = bundle.operation_of(entry, work.actor, work.what)
        await Operations(tx, at=at).lock_ahead(
            [(e.type, e.condition) for e in plan.entries if e.condition is not None],
            [
                (TYPE_NUMBERS[e.type], row_id(e.type, e.id))
                for e in plan.entries
                if e.id and not e.inner
            ],
        )
        await self._atomically(tx, deletions, at)
        await self._resolve_entries(tx, plan, work.actor, at)
        _refuse_overlap(plan)
        resolved = await self._resolve(tx, plan, work.actor, at, without=contested)
        await self._prepare(work, resolved, later=contested)
        done = [e for e in plan.entries if e.operation is not None and e.method != "DELETE"]
        await self._atomically(tx, done, at)
        if contested:
            resolved = await self._resolve(tx, plan, work.actor, at)
            await self._prepare(work, resolved)
            numbers = {entry.number for entry in done}
            left = [e for e in plan.entries if e.number not in numbers and e.method != "DELETE"]
            await self._atomically(tx, left, at)

    async def _prepare(
        self, work: _Work, resolved: dict[bytes, str], *, later: Sequence[bytes] = ()
    ) -> None:
        """Decode, validate and file everything that does not depend on what is stored.

        Entries that contain one of the texts `later` are left for another time.
        """
        plan, moment = work.plan, Moment(work.at)
        raws = await aside(len(plan.body), _rewritten, plan, resolved)
        turn = _Turn()
        for entry, raw in zip(plan.entries, raws, strict=True):
            if entry.operation is not None or any(text in raw for text in later):
                continue
            bundle.decode(plan, entry, raw, actor=work.actor, what=work.what)
            operation = entry.operation
            if operation and operation.method == "POST" and operation.condition is None:
                try:
                    prepare(operation, moment)
                except Refusal as refused:
                    if plan.type == "transaction":
                        refused.values.setdefault("entry", entry.number)
                        raise
                    operation.error = refused
            await turn.over()
        await terms.write_ahead(
            self._ahead, (t for o in _operations(plan) if o.row for t in o.row.terms)
        )

    async def _atomically(self, tx: Tx, entries: Sequence[Planned], at: datetime) -> None:
        wanted = [entry for entry in entries if entry.operation is not None]
        await Operations(tx, at=at).carry_out(
            [e.operation for e in wanted if e.operation is not None and e.operation.open]
        )
        for entry in wanted:
            refused = entry.operation.error if entry.operation else None
            if refused is not None:
                refused.values.setdefault("entry", entry.number)
                raise refused

    async def _independently(self, operations: Sequence[Operation], at: datetime) -> None:
        for wave in waves(operations):
            await carry_out_together(self.database, wave, at)

    # -- conditions ---------------------------------------------------------------------------

    async def _resolve_entries(self, tx: Tx, plan: Plan, actor: Actor, at: datetime) -> None:
        """Find which entries of a transaction exist already, so that references can name them."""
        probes: list[tuple[Planned, Operation]] = []
        for entry in plan.entries:
            if entry.condition is not None and entry.method in ("POST", "PUT", "PATCH"):
                probe = Operation(
                    "POST", entry.type, actor, id=entry.id or new_id(), condition=entry.condition
                )
                probes.append((entry, probe))
        await Operations(tx, at=at).resolve([probe for _, probe in probes])
        for entry, probe in probes:
            try:
                self._address(entry, probe)
            except Refusal as refused:
                refused.values.setdefault("entry", entry.number)
                raise

    def _address(self, entry: Planned, probe: Operation) -> None:
        if probe.error is not None:
            raise probe.error
        entry.condition = None
        match entry.method:
            case "POST":
                entry.id = probe.id
                if probe.outcome is not None:
                    # The first entry with this condition creates; this one only points to it.
                    probe.twin = None
                    entry.operation = probe
            case "PATCH":
                if probe.outcome is None:
                    raise ResourceNotFound
                entry.id = probe.id
            case _:
                own = entry.own_id
                if probe.outcome is not None and own not in (None, probe.id):
                    raise UnreadableBody(reason="the id in the body is not that of the match")
                entry.id = own or probe.id
                entry.must_be_new = probe.outcome is None and own is not None

    async def _resolve_outside(self, plan: Plan, actor: Actor, at: datetime) -> dict[bytes, str]:
        if not plan.conditional_references:
            return {}
        async with self.database.borrow() as connection:
            return await self._resolve(Tx(connection), plan, actor, at)

    async def _resolve(
        self, tx: Tx, plan: Plan, actor: Actor, at: datetime, *, without: Sequence[bytes] = ()
    ) -> dict[bytes, str]:
        """Return the literal reference of every conditional reference in the bundle.

        Those that match nothing or several stay as they are and fail their entry when it is decoded.
        What the actor may not see does not match.
        """
        guard = guard_for(actor, at=at, letter="s", base=self.base)
        found: dict[bytes, str] = {}
        ids: dict[bytes, tuple[str, list[str]]] = {}
        wanted: list[tuple[bytes, int, int, str, str]] = []
        for text, (type_, condition) in plan.conditional_references.items():
            if text in without:
                continue
            try:
                simple = _identifier(type_, condition)
                if simple is not None:
                    wanted.append((text, *simple))
                    continue
                matches = await matching(tx, type_, condition, at, guard=guard)
            except (UnsearchableQuery, UnreadableBody) as refused:
                plan.refused_references[text] = refused
                continue
            ids[text] = type_, [match.id for match in matches]
        if wanted:
            ids.update(await self._by_identifier(tx, wanted, guard))
        for text, (type_, some) in ids.items():
            if len(some) > 1:
                plan.refused_references[text] = SeveralMatches(type=type_)
            elif some:
                found[text] = f"{type_}/{some[0]}"
        return found

    async def _by_identifier(
        self,
        tx: Tx,
        wanted: Sequence[tuple[bytes, int, int, str, str]],
        guard: Guard | None,
    ) -> dict[bytes, tuple[str, list[str]]]:
        """Return type and ids (two at most) of what has an identifier, for each reference to it."""
        places = (list(range(len(wanted))), [w[1] for w in wanted], [w[2] for w in wanted])
        sql, given = put_into(store.BY_KEYS, guard, places)
        records = await tx.connection.fetch(sql, *given)
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
            text: (type_, found) for (text, _, _, type_, _), found in zip(wanted, ids, strict=True)
        }


@dataclass(frozen=True, slots=True)
class _Work:
    """A bundle that is being carried out: for whom, as of when, under which name in the trail."""

    plan: Plan
    actor: Actor
    at: datetime
    what: str


async def aside(size: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a pure function gives; what takes long by its `size` in bytes, from a thread.

    There it gives way every few milliseconds, so that a large bundle does not keep others waiting.
    """
    if size < _ASIDE_FROM:
        return function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)


def _rewritten(plan: Plan, resolved: dict[bytes, str]) -> list[bytes]:
    return bundle.resources_in(bundle.rewrite(plan, resolved))


class _Turn:
    """Lets others be served while something large is worked on."""

    def __init__(self) -> None:
        self._since = perf_counter()

    async def over(self) -> None:
        """Give way if the turn has lasted long enough."""
        if perf_counter() - self._since > _LONGEST_TURN_SECONDS:
            for _ in range(_TURNS_FOR_OTHERS):
                await asyncio.sleep(0)
            self._since = perf_counter()


def _refuse_overlap(plan: Plan) -> None:
    """Raise BundleRefused where conditions of two entries turn out to name one resource."""
    seen: set[tuple[str, str]] = set()
    for entry in plan.entries:
        if entry.method not in ("PUT", "PATCH", "DELETE"):
            continue
        operation = entry.operation
        ids = [entry.id]
        if operation is not None and entry.method == "DELETE":
            ids = [operation.id, *(other.id for other in operation.others)]
        for id_ in filter(None, ids):
            if (entry.type, id_) in seen:
                raise BundleRefused(entry=entry.number, reason="the same resource appears twice")
            seen.add((entry.type, id_))


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
