"""Coded values this process knows to be in record.term, so that writing skips them.

Main rule: a term counts as known only after the transaction that wrote it has committed.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from yba.foundation.record import store
from yba.foundation.record.errors import KeyCollision
from yba.foundation.record.plans import TYPE_NAMES, plan_of, put_filed_with
from yba.foundation.record.rows import TermRow
from yba.plumbing.database import Database, Tx


class Transactions(Protocol):
    """Where transactions come from: a Database, or connections set aside for writing."""

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """Open a read-write transaction; commit at the end, roll back on any exception."""
        ...


_LIMIT = 500_000
known: set[int] = set()
# A hint for estimates only: what is in the table decides.
by_code: dict[tuple[int, str], set[int]] = {}


def _remember(rows: Iterable[tuple[int, int, str]]) -> None:
    if len(known) > _LIMIT:
        known.clear()
        by_code.clear()
    for key, scope, code in rows:
        known.add(key)
        by_code.setdefault((scope, code), set()).add(key)


def forget() -> None:
    """Forget everything: this process now writes to another database (tests do)."""
    known.clear()
    by_code.clear()
    put_filed_with()
    for name in TYPE_NAMES:
        plan = plan_of(name)
        plan.token_keys.clear()
        plan.label_keys.clear()
        plan.uri_keys.clear()
        if plan.added:
            plan.put_added([], set())


async def load(database: Database) -> None:
    """Learn what is stored already; once, at start."""
    async with database.reading() as tx:
        found = await tx.connection.fetch(store.TERM_KEYS, _LIMIT)
    _remember((record[0], record[1], record[2]) for record in found)


async def write_ahead(database: Transactions, terms: Iterable[TermRow]) -> None:
    """Write new terms in a transaction of their own, before the rows that use them.

    A term whose rows are never committed does no harm, and writers never wait for each
    other's long transactions here. Raises KeyCollision if a key stands for another value.
    """
    new = {term[0]: term for term in terms if term[0] not in known}
    if not new:
        return
    rows = list(new.values())
    async with database.transaction() as tx:
        await tx.execute(store.TERMS, rows)
        await refuse_collisions(tx, rows)
    _remember((row[0], row[1], row[3]) for row in rows)


async def refuse_collisions(tx: Tx, rows: list[TermRow]) -> None:
    """Raise KeyCollision if one of these keys is stored with another value.

    Terms that an earlier transaction has committed are known from now on.
    """
    found = await tx.connection.fetch(store.TERM_STATES, rows)
    if any(record["differs"] for record in found):
        raise KeyCollision
    _remember((r["k"], r["scope"], r["code"]) for r in found if r["committed"])
