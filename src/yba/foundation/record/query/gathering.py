"""Chains and `_has` whose far side is small, answered first.

Main rule: from the innermost step outwards, the resources that meet a condition are looked up as
long as they are few; a reference's key can be computed from them, so the step that refers to them
becomes an ordinary condition that an index serves. Where they are many, the condition stays and is
asked of each row that something else leads to. Thus neither side is ever collected as a whole.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import asyncpg

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import reference_scope
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query import canonical
from yba.foundation.record.query.chains import Conditions
from yba.foundation.record.query.compile import MOST_INSIDE, Compiler, Statement
from yba.foundation.record.query.leaves.composite import is_paired
from yba.foundation.record.query.tree import (
    Chain,
    Condition,
    Either,
    Every,
    Has,
    Leaf,
    Negation,
    Rows,
)

# A look-up of a key costs some ten microseconds; of more rows than these it is not "few" any more.
FEW = 1000
_FEW_TO_UNPACK = 300
_FEW_PAIRS = 400
_FEW_TO_READ = 20_000
_UNINDEXED = frozenset(("missing", "not", "not-in"))

Run: TypeAlias = Callable[[Statement], Awaitable[list[asyncpg.Record]]]


def is_worthwhile(conditions: Sequence[Condition]) -> bool:
    """Return whether something should be looked up before these are asked together."""
    leaves = [condition for condition in conditions if isinstance(condition, Leaf)]
    if len(leaves) < len(conditions):
        return True
    # Whoever names a patient has few rows to look at anyway.
    return any(map(is_paired, leaves)) and all(one.parameter.kind != "reference" for one in leaves)


class Gatherer:
    """Looks up what stands at the far side of chains."""

    def __init__(self, make: Callable[[], Compiler], run: Run) -> None:
        self._make = make
        self._run = run

    async def all(self, conditions: Sequence[Condition]) -> list[Condition]:
        """Return conditions that mean the same, their small far sides looked up."""
        return [await self.one(condition) for condition in conditions]

    async def one(self, condition: Condition) -> Condition:
        """Return a condition that means the same; see `all`."""
        match condition:
            case Chain():
                return await self._chain(condition)
            case Has():
                return await self._has(condition)
            case Every():
                return Every(condition.type, tuple(await self.all(condition.inner)))
            case Either():
                return Either(condition.type, tuple(await self.all(condition.inner)))
            case Negation():
                return Negation(condition.type, await self.one(condition.inner))
            case Leaf():
                return await self._pair(condition)
            case _:
                return condition

    async def _pair(self, leaf: Leaf) -> Condition:
        """Return a composite together with the few rows that have its code with such a value."""
        if not is_paired(leaf):
            return leaf
        [(rows, count)] = await self._run(self._make().pairs(leaf, _FEW_PAIRS))
        if rows is None and count:
            return leaf
        return Every(leaf.type, (Rows(leaf.type, rows=tuple(sorted(set(rows or ())))), leaf))

    async def _chain(self, chain: Chain) -> Condition:
        if canonical.is_canonical(chain.type, chain.parameter):
            return await self._chain_by_url(chain)
        inner = [(target, await self.one(condition)) for target, condition in chain.inner]
        asked = [pair for pair in inner if self._is_worth_asking(*pair)]
        found, inside = await self._few(asked, FEW, inner)
        many = tuple(pair for pair in inner if pair not in asked or found[pair[0]] is None)
        known = self._referring(
            chain, {t: rows for t, rows in found.items() if rows is not None}, inside
        )
        if not many:
            return known
        rest = Chain(chain.type, chain.parameter, many)
        if not known.keys and not known.patients:
            return rest
        return Either(chain.type, (known, rest))

    def _referring(
        self,
        chain: Chain,
        found: dict[str, list[asyncpg.Record]],
        inside: Sequence[tuple[str, int]],
    ) -> Rows:
        """Return what refers to these rows, or contains and refers to those inside."""
        patient_element = plan_of(chain.type).patient_element
        patients: list[int] = []
        keys = [
            row ^ reference_scope(chain.type, element, target)
            for target, row in inside
            for element in chain.parameter.elements
        ]
        for target, records in found.items():
            rows = [record["rid"] for record in records]
            for element in chain.parameter.elements:
                if element == patient_element and target == "Patient":
                    patients += rows
                else:
                    scope = reference_scope(chain.type, element, target)
                    keys += [row ^ scope for row in rows]
        return Rows(chain.type, patients=tuple(patients), keys=tuple(keys))

    async def _chain_by_url(self, chain: Chain) -> Rows:
        """Return what refers to the urls of the definitions that meet the inner condition."""
        keys: list[int] = []
        for target, condition in chain.inner:
            if canonical.url_scopes(target):
                found = await self._urls(target, await self.one(condition))
                urls = [url for _, urls in found for url in urls]
                keys += canonical.keys_of(chain.type, chain.parameter, urls)
        return Rows(chain.type, keys=tuple(keys))

    async def _has_by_url(self, has: Has, inner: Condition) -> Rows:
        """Return the definitions whose url is referred to by what meets the inner condition."""
        if not canonical.url_scopes(has.type):
            return Rows(has.type)
        pairs = [
            (row, key)
            for row, urls in await self._urls(has.type, Every(has.type, ()))
            for key in canonical.keys_of(has.source, has.parameter, urls)
        ]
        found = await self._run(self._make().referred(pairs, has.source, inner))
        return Rows(has.type, rows=tuple(sorted(record["rid"] for record in found)))

    async def _urls(self, type_: str, condition: Condition) -> list[tuple[int, list[str]]]:
        """Return row and urls of the definitions that meet a condition. Refuses too many."""
        found = await self._run(self._make().urls(type_, condition, FEW))
        if len(found) > FEW:
            raise canonical.too_many()
        return [(record["rid"], record["urls"]) for record in found]

    async def _has(self, has: Has) -> Condition:
        inner = await self.one(has.inner)
        if canonical.is_canonical(has.source, has.parameter):
            return await self._has_by_url(has, inner)
        has = Has(has.type, has.source, has.parameter, inner)
        if not self._is_worth_asking(has.source, inner):
            return has
        patient_element = plan_of(has.source).patient_element
        others = [
            e for e in has.parameter.elements if e != patient_element or has.type != "Patient"
        ]
        found, _ = await self._few([(has.source, inner)], _FEW_TO_UNPACK if others else FEW)
        records = found[has.source]
        if records is None:
            return has
        scopes = [reference_scope(has.source, element, has.type) for element in others]
        # A key of anything else gives a number that no row has.
        rows = {key ^ scope for record in records for key in record["keys"] for scope in scopes}
        if len(others) < len(has.parameter.elements):
            rows |= {record["patient"] for record in records if record["patient"] is not None}
        return Rows(has.type, rows=tuple(sorted(rows)))

    async def _few(
        self,
        asked: Sequence[tuple[str, Condition]],
        most: int,
        inner: Sequence[tuple[str, Condition]] = (),
    ) -> tuple[dict[str, list[asyncpg.Record] | None], list[tuple[str, int]]]:
        """Return the rows of each type that meet its condition, None where they are many.

        Besides (type, row) of contained resources that meet those of `inner`: chains look inside.
        """
        found: dict[str, list[asyncpg.Record] | None] = {target: [] for target, _ in asked}
        inside: list[tuple[str, int]] = []
        if not asked and not inner:
            return found, inside
        for record in await self._run(self._make().few(asked, most, inner)):
            if record["place"] < 0:
                inside.append((inner[-1 - record["place"]][0], record["rid"]))
                continue
            target = asked[record["place"]][0]
            rows = found[target]
            if record["rid"] is None:
                found[target] = None
            elif rows is not None:
                rows.append(record)
        if len(inside) > MOST_INSIDE:
            raise UnsearchableQuery(reason="too many contained resources meet the chain")
        few = {
            target: None if rows is not None and len(rows) > most else rows
            for target, rows in found.items()
        }
        return few, inside

    def _is_worth_asking(self, type_: str, condition: Condition) -> bool:
        """Return whether what meets the condition is soon looked up, if it is little."""
        compiler = self._make()
        if _is_indexed(condition, compiler.conditions):
            return True
        if isinstance(condition, Leaf) and condition.modifier not in _UNINDEXED:
            return False  # a code that very many have
        # Of few rows all may be read; to ask each step anew for each row would be slower.
        return compiler.statistics.rows_of(type_) <= _FEW_TO_READ


def _is_indexed(condition: Condition, conditions: Conditions) -> bool:
    """Return whether an index leads to what meets the condition."""
    match condition:
        case Leaf() if condition.modifier in _UNINDEXED:
            return False
        case Leaf() if condition.parameter.kind == "token":
            return conditions.is_rare(condition)
        case Every():
            return any(_is_indexed(one, conditions) for one in condition.inner)
        case Either():
            return all(_is_indexed(one, conditions) for one in condition.inner)
        case Negation() | Chain() | Has():
            return False
        case _:
            return True
