"""Tokens: codes, identifiers, contact points, booleans.

Standard: FHIR R4 search, "token".
"""

from __future__ import annotations

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import bare_key, of_type_key, system_key, token_key
from yba.foundation.record.plans import TypePlan, plan_of
from yba.foundation.record.query.leaves.asking import Asking, any_of, like, parts_of
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Leaf
from yba.kernel.text import fold

_NEGATED = {"not", "not-in"}
RESOLVED = {"in", "not-in", "above", "below"}


def sql(asking: Asking, leaf: Leaf, row: str, indexed: bool) -> str:
    """Return "it has one of these codes"; with :not and :not-in, "none of them, or no code at all"."""
    if leaf.modifier == "text":
        return any_of(_text(asking, leaf, unescape(value), row) for value in leaf.values)
    keys, lookups = keys_of(asking, leaf)
    negated = leaf.modifier in _NEGATED
    test = f"({asking.has_keys(row, keys, lookups, indexed and not negated)})"
    return f"NOT {test}" if negated else test


def keys_of(asking: Asking, leaf: Leaf) -> tuple[list[int], list[str]]:
    """Return the keys that any value has, and look-ups for those not computable."""
    plan = plan_of(leaf.type)
    keys: list[int] = []
    lookups: list[str] = []
    if leaf.modifier in RESOLVED:
        _resolved(asking, leaf, keys, lookups)
        return keys, lookups
    for value in leaf.values:
        if leaf.modifier == "of-type":
            keys += _of_type(leaf, value)
        elif leaf.modifier != "text":
            _value(asking, plan, leaf.parameter.elements, value, keys, lookups)
    return keys, lookups


def _resolved(asking: Asking, leaf: Leaf, keys: list[int], lookups: list[str]) -> None:
    """Add the codes that a value set or a hierarchy came to; see `resolving`."""
    found = leaf.resolved
    if found is None:
        raise UnsearchableQuery(reason=f"the modifier :{leaf.modifier} is not supported here")
    scopes = [plan_of(leaf.type).scopes[element] for element in leaf.parameter.elements]
    keys += [token_key(scope, system, code) for scope in scopes for system, code in found.codes]
    lookups += [
        "SELECT t.k FROM terminology.expansion_v1 e"
        " JOIN record.term t ON t.code = e.code AND t.system = e.system"
        f" AND t.scope = ANY({asking.arguments.add(scopes, 'bigint[]')})"
        f" WHERE e.value_set = {asking.arguments.add(number, 'bigint')}"
        for number in found.value_sets
    ]


def _text(asking: Asking, leaf: Leaf, value: str, row: str) -> str:
    """Return "what people read of one of its codes has words that begin so".

    The codes that were ever read so lead to rows; the row's own labels decide.
    """
    text = fold(value)
    if not text:
        return "false"
    plan = plan_of(leaf.type)
    scopes = [plan.label_scopes[element] for element in leaf.parameter.elements]
    scope_array = asking.arguments.add(scopes, "bigint[]")
    starts = asking.arguments.add(like(text) + "%", "text")
    within = asking.arguments.add("% " + like(text) + "%", "text")
    labels = (
        f"FROM record.term t WHERE t.scope = ANY({scope_array})"
        f" AND (t.code LIKE {starts} OR t.code LIKE {within})"
    )
    coded = f"ARRAY(SELECT t.unit::bigint {labels})"
    own = f"coalesce(arrayoverlap({row}.labels, ARRAY(SELECT t.k {labels})), false)"
    bare = asking.in_table("string", scope_array, f"(x.v LIKE {starts} OR x.v LIKE {within})", row)
    return f"(({row}.keys && {coded} AND {own}) OR {bare})"


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
        if not parts[0]:
            raise UnsearchableQuery(reason="a token must be code, system|code, |code or system|")
        keys += [system_key(scope, parts[0]) for scope in numbers]
        if coded:
            lookups.append(asking.term_lookup(coded, system=parts[0]))
