"""What a search must look up before it can be compiled: value sets, hierarchies of codes, units in use.

Main rule: a value set that is unknown or cannot be listed is refused, never taken for empty.
Standard: FHIR R4 search, ":in", ":not-in", ":above", ":below"; "quantity".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from yba.foundation.record import store
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.leaves.amount import UCUM
from yba.foundation.record.query.leaves.asking import parts_of
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import (
    Chain,
    Condition,
    Either,
    Every,
    Has,
    Leaf,
    Negation,
    Resolved,
    Search,
)
from yba.foundation.terminology import service as terminology
from yba.plumbing.database import Tx

# Value sets up to this many codes are listed in the statement, larger ones joined.
_LISTED = 5_000
_MODIFIERS = {"in", "not-in", "above", "below"}


async def resolve(tx: Tx, search: Search) -> None:
    """Look up what the conditions of a search need; they are replaced in place."""
    for part in (search, *(search.parts or ())):
        if any(_asks(condition) for condition in part.conditions):
            part.conditions = [await resolved(tx, condition) for condition in part.conditions]


def _asks(condition: Condition) -> bool:
    match condition:
        case Leaf():
            return _needs(condition)
        case Chain():
            return any(_asks(inner) for _, inner in condition.inner)
        case Every() | Either():
            return any(_asks(inner) for inner in condition.inner)
        case Has() | Negation():
            return _asks(condition.inner)
        case _:
            return False


def _needs(leaf: Leaf) -> bool:
    if leaf.parameter.kind == "token":
        return leaf.modifier in _MODIFIERS
    return not leaf.modifier and any(UCUM in value for value in leaf.values)


async def resolved(tx: Tx, condition: Condition) -> Condition:
    """Return the condition with everything looked up."""
    if not _asks(condition):
        return condition
    match condition:
        case Leaf():
            return replace(condition, resolved=await _leaf(tx, condition))
        case Chain():
            steps = [(target, await resolved(tx, inner)) for target, inner in condition.inner]
            return replace(condition, inner=tuple(steps))
        case Every() | Either():
            inner = [await resolved(tx, inner) for inner in condition.inner]
            return replace(condition, inner=tuple(inner))
        case Has() | Negation():
            return replace(condition, inner=await resolved(tx, condition.inner))
        case _:
            return condition


async def _leaf(tx: Tx, leaf: Leaf) -> Resolved:
    if leaf.parameter.kind != "token":
        return Resolved(units=tuple(await _units(tx, leaf)))
    codes: set[tuple[str, str]] = set()
    numbers: list[int] = []
    for value in leaf.values:
        if leaf.modifier in ("in", "not-in"):
            await _value_set(tx, unescape(value), codes, numbers)
        else:
            codes |= await _hierarchy(tx, leaf, value)
    return Resolved(frozenset(codes), tuple(numbers))


async def _value_set(
    tx: Tx, reference: str, codes: set[tuple[str, str]], numbers: list[int]
) -> None:
    """Add the members of a value set, named by its canonical url or as ValueSet/id."""
    found = await terminology.codes_of(tx, value_set=reference, limit=_LISTED)
    if found.complete:
        codes |= found.codes
    else:
        numbers.append(await terminology.expanded(tx, value_set=reference))


async def _hierarchy(tx: Tx, leaf: Leaf, value: str) -> frozenset[tuple[str, str]]:
    parts = parts_of(value)
    if len(parts) > 2 or not parts[-1]:
        raise UnsearchableQuery(reason=f"{leaf.parameter.code} must be code or system|code")
    system, code = parts[0] if len(parts) == 2 else None, parts[-1]
    if leaf.modifier == "above":
        found = await terminology.ancestors(tx, system=system, code=code)
    else:
        found = await terminology.descendants(tx, system=system, code=code, limit=_LISTED * 10)
    if not found.complete:
        raise UnsearchableQuery(reason="too many codes are below this one")
    return found.codes | ({(system, code)} if system is not None else set())


async def _units(tx: Tx, leaf: Leaf) -> Sequence[str]:
    """Return the UCUM units that values of a quantity, or of a composite's, are written in."""
    parameter, plan = leaf.parameter, plan_of(leaf.type)
    elements = set(parameter.elements)
    if parameter.kind == "composite":
        code = next((code for code, kind in parameter.components if kind == "quantity"), "")
        elements |= set(plan.parameters[code].elements if code in plan.parameters else ())
    records = await tx.connection.fetch(
        store.UNITS, [plan.scopes[element] for element in elements], UCUM
    )
    return [record[0] for record in records]
