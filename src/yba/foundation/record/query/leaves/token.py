"""Tokens: codes, identifiers, contact points, booleans.

Standard: FHIR R4 search, "token".
"""

from __future__ import annotations

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import bare_key, of_type_key, token_key
from yba.foundation.record.plans import TypePlan, plan_of
from yba.foundation.record.query.leaves.asking import Asking, parts_of
from yba.foundation.record.query.tree import Leaf


def sql(asking: Asking, leaf: Leaf, row: str, indexed: bool) -> str:
    """Return "it has one of these codes"; with :not, "none of them, or no code at all"."""
    keys, lookups = keys_of(asking, leaf)
    test = f"({asking.has_keys(row, keys, lookups, indexed and leaf.modifier != 'not')})"
    return f"NOT {test}" if leaf.modifier == "not" else test


def keys_of(asking: Asking, leaf: Leaf) -> tuple[list[int], list[str]]:
    """Return the keys that any value has, and look-ups for those not computable."""
    plan = plan_of(leaf.type)
    keys: list[int] = []
    lookups: list[str] = []
    for value in leaf.values:
        if leaf.modifier == "of-type":
            keys += _of_type(leaf, value)
            continue
        _value(asking, plan, leaf.parameter.elements, value, keys, lookups)
    return keys, lookups


def _of_type(leaf: Leaf, value: str) -> list[int]:
    parts = parts_of(value)
    if len(parts) != 3:
        raise UnsearchableQuery(reason="of-type must be system|code|value")
    plan = plan_of(leaf.type)
    return [of_type_key(plan.scopes[element], *parts) for element in leaf.parameter.elements]


def _value(
    asking: Asking,
    plan: TypePlan,
    elements: tuple[int, ...],
    value: str,
    keys: list[int],
    lookups: list[str],
) -> None:
    parts = parts_of(value)
    if len(parts) > 2:
        raise UnsearchableQuery(reason="a token must be code, system|code, |code or system|")
    coded = [plan.scopes[e] for e in elements if e not in plan.identifier_elements]
    numbers = [plan.scopes[e] for e in elements if e in plan.identifier_elements]
    if len(parts) == 1:
        keys += [bare_key(scope, parts[0]) for scope in numbers]
        if coded:
            lookups.append(asking.term_lookup(coded, code=parts[0]))
    elif parts[1]:
        keys += [token_key(scope, parts[0], parts[1]) for scope in (*coded, *numbers)]
    else:
        if numbers or not parts[0]:
            raise UnsearchableQuery(reason="a system without a code is not searchable here")
        lookups.append(asking.term_lookup(coded, system=parts[0]))
