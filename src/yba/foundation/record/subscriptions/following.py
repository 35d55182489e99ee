"""Following the change feed: who is to be told of which change.

Main rule: the events of a page, their numbers and the new position are one transaction, so a kill
at any point neither loses nor repeats a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from yba.fhir import r4
from yba.foundation.record import store as record_store
from yba.foundation.record.body import unpack
from yba.foundation.record.changes import Position
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import id_of
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS
from yba.foundation.record.query.matching import State, meets, state_of
from yba.foundation.record.reading import read_many
from yba.foundation.record.rows import CATEGORIES, DELETED
from yba.foundation.record.subscriptions import model, store
from yba.foundation.record.subscriptions.errors import SubscriptionRefused
from yba.foundation.record.subscriptions.model import Wanted
from yba.foundation.record.subscriptions.topics import Action, Trigger, query_of
from yba.plumbing.database import Tx

PAGE = 500
_SUBSCRIPTION = TYPE_NUMBERS["Subscription"]


@dataclass(slots=True)
class Change:
    """One version, with the state before it, and what it did."""

    type: str
    id: str
    version: int
    updated: int
    action: Action
    before: State | None = None
    after: State | None = None


@dataclass(slots=True)
class _Interested:
    """Subscriptions to one type, found by a code that they need, where they need one."""

    always: list[Wanted] = field(default_factory=list[Wanted])
    by_code: dict[tuple[int, str], list[Wanted]] = field(
        default_factory=dict[tuple[int, str], list[Wanted]]
    )

    def __bool__(self) -> bool:
        return bool(self.always or self.by_code)

    def add(self, wanted: Wanted, type_: str) -> None:
        needed = [one.codes for one in wanted.filters if one.type == type_ and one.codes]
        if not needed:
            self.always.append(wanted)
            return
        for code in needed[0]:
            self.by_code.setdefault(code, []).append(wanted)

    def of(self, change: Change) -> list[Wanted]:
        """Return those that a change may concern, each once."""
        state = change.after or change.before
        if not self.by_code or state is None:
            return self.always
        found = {one.id: one for code in state.codes for one in self.by_code.get(code, ())}
        return [*self.always, *found.values()]


@dataclass(slots=True)
class Follower:
    """Who follows the feed for all subscriptions; one in the whole node."""

    base: str
    clock: Callable[[], datetime]
    wanted: dict[str, Wanted] = field(default_factory=dict[str, Wanted])
    is_loaded: bool = False
    events: int = 0
    _by_type: dict[str, _Interested] = field(default_factory=dict[str, "_Interested"])

    async def load(self, tx: Tx) -> None:
        """Read the subscriptions that are open."""
        ids = [record["id"] for record in await tx.connection.fetch(store.OPEN)]
        found = await read_many(tx.connection, [("Subscription", id_) for id_ in ids])
        self.wanted = {}
        self._by_type.clear()
        for (_, id_), version in found.items():
            if version.body is not None:
                self._read(r4.decode(version.body), id_)
        self.is_loaded = True

    def _read(self, resource: Any, id_: str) -> str:
        """Take a Subscription into account; return why that is impossible, or ""."""
        self.forget(id_)
        try:
            self.wanted[id_] = model.read(resource, now=self.clock(), base=self.base)
        except (SubscriptionRefused, UnsearchableQuery) as refused:
            return refused.text()
        return ""

    def forget(self, id_: str) -> None:
        """Follow for a subscription no more."""
        self.wanted.pop(id_, None)
        self._by_type.clear()

    def _interested(self, type_: str) -> _Interested:
        """Return the subscriptions that changes of a type may concern."""
        found = self._by_type.get(type_)
        if found is None:
            found = self._by_type[type_] = _Interested()
            for one in self.wanted.values():
                if _may_concern(one, type_):
                    found.add(one, type_)
        return found

    async def step(self, tx: Tx) -> bool:
        """Follow one page; return whether there may be more. The caller holds the lock."""
        if not self.is_loaded:
            await self.load(tx)
        end: int = await tx.value(record_store.FEED_END)
        record = await tx.connection.fetchrow(store.POSITION)
        if record is None:
            await tx.execute(store.BEGIN, end)
            for one in await tx.connection.fetch(store.EARLIER, _SUBSCRIPTION, str(end)):
                await self._take_up(tx, one)
            await tx.execute(store.TELL)
            return True
        position = Position(*record)
        if position.xid >= end:
            return False
        rows = await tx.connection.fetch(
            store.FEED, str(position.xid), *position[1:], PAGE, str(end), self._types()
        )
        following = Position(end)
        if len(rows) == PAGE:
            last = rows[-1]
            following = Position(last["xid"], last["type"], last["rid"], last["version"])
        told = await self._page(tx, rows)
        await tx.execute(store.MOVE, *following)
        if told:
            await tx.execute(store.TELL)
        return len(rows) == PAGE

    def _types(self) -> list[int] | None:
        """Return the numbers of the types that anybody wants to hear of; None for all."""
        names = {"Subscription"}
        for wanted in self.wanted.values():
            for trigger in wanted.triggers:
                chosen = [one.type for one in wanted.filters]
                if not trigger.type and not chosen:
                    return None
                names.update([trigger.type] if trigger.type else chosen)
        return sorted(TYPE_NUMBERS[name] for name in names)

    async def _page(self, tx: Tx, rows: Sequence[asyncpg.Record]) -> bool:
        """Number the events of a page; return whether somebody has to do something."""
        befores = await _befores(tx, rows)
        now = self.clock()
        told: dict[str, list[Change]] = {}
        taken = False
        for row in rows:
            if row["type"] == _SUBSCRIPTION:
                await self._take_up(tx, row)
                taken = True
            interested = self._interested(TYPE_NAMES[row["type"] - 1])
            if not interested or row["flags"] & CATEGORIES:
                # Restricted categories are told to nobody who is not asked for each of them.
                continue
            change = _change(row, befores)
            for wanted in interested.of(change):
                if is_told(wanted, change, now=now):
                    told.setdefault(wanted.id, []).append(change)
        for id_, changes in told.items():
            last: int | None = await tx.value(store.COUNT, id_, len(changes))
            if last is None:
                continue
            first = last - len(changes) + 1
            await tx.execute_many(
                store.ADD_EVENT,
                [
                    (id_, first + n, c.updated, c.type, c.id, c.version, c.action)
                    for n, c in enumerate(changes)
                ],
            )
            self.events += len(changes)
        return bool(told) or taken

    async def _take_up(self, tx: Tx, row: asyncpg.Record) -> None:
        """Follow a new version of a Subscription, unless it is our own."""
        id_, version = id_of(row["rid"], row["fid"]), row["version"]
        if row["flags"] & DELETED:
            self.forget(id_)
            await tx.execute(store.DROP, id_)
            return
        known = await tx.connection.fetchrow(store.FIND, [id_])
        if known is not None and known["version"] >= version:
            return
        resource = r4.decode(unpack(row["body"]))
        assert isinstance(resource, r4.Subscription)
        problem = self._read(resource, id_)
        state = "requested"
        if resource.status == "off":
            self.forget(id_)
            state = "off"
        await tx.execute(store.TAKE_UP, id_, version, state, problem)


def _may_concern(wanted: Wanted, type_: str) -> bool:
    if not any(trigger.concerns(type_) for trigger in wanted.triggers):
        return False
    if any(trigger.type for trigger in wanted.triggers) or not wanted.filters:
        return True
    return any(one.type == type_ for one in wanted.filters)


async def _befores(
    tx: Tx, rows: Iterable[asyncpg.Record]
) -> dict[tuple[int, int, int], asyncpg.Record]:
    places = [(row["type"], row["rid"], row["version"] - 1) for row in rows if row["version"] > 1]
    if not places:
        return {}
    columns = [list(column) for column in zip(*places, strict=True)]
    found = await tx.connection.fetch(store.BEFORE, *columns)
    return {(one["type"], one["rid"], one["version"]): one for one in found}


def _change(row: asyncpg.Record, befores: dict[tuple[int, int, int], asyncpg.Record]) -> Change:
    before = befores.get((row["type"], row["rid"], row["version"] - 1))
    earlier = None if before is None else _state(before)
    after = _state(row)
    action: Action = "delete" if after is None else "create" if earlier is None else "update"
    return Change(
        TYPE_NAMES[row["type"] - 1], id_of(row["rid"], row["fid"]), row["version"],
        row["updated"], action, earlier, after,
    )  # fmt: skip


def _state(row: asyncpg.Record) -> State | None:
    if row["flags"] & DELETED:
        return None
    return state_of(r4.decode(unpack(row["body"])), updated=row["updated"])


def is_told(wanted: Wanted, change: Change, *, now: datetime) -> bool:
    """Return whether a change is an event of a subscription."""
    if not any(_triggers(one, change, now) for one in wanted.triggers):
        return False
    # A deletion is filtered by what was deleted.
    state = change.after or change.before
    tests = [one.test for one in wanted.filters if one.type == change.type]
    if not tests:
        return not wanted.filters or any(one.type == change.type for one in wanted.triggers)
    return state is not None and all(test(state) for test in tests)


def _triggers(trigger: Trigger, change: Change, now: datetime) -> bool:
    if not trigger.concerns(change.type) or change.action not in trigger.actions:
        return False
    before, after = True, True
    if trigger.before:
        before = trigger.passes_without_before
        if change.before is not None:
            query = query_of(change.type, trigger.before)
            before = meets(query, change.before, now=now)
    if trigger.after:
        query = query_of(change.type, trigger.after)
        after = change.after is not None and meets(query, change.after, now=now)
    return before and after
