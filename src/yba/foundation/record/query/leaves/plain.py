"""Ids, uris, and whether there is a value at all."""

from __future__ import annotations

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import exact_key, row_id
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.leaves.asking import Asking
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Leaf


def by_id(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return "it has one of these ids", or with :not none of them."""
    rows = [row_id(leaf.type, unescape(value)) for value in leaf.values]
    sql = f"{row}.rid = ANY({asking.arguments.add(rows, 'bigint[]')})"
    return f"NOT ({sql})" if leaf.modifier == "not" else sql


def uri(asking: Asking, leaf: Leaf, row: str, indexed: bool) -> str:
    """Return "it has one of these uris, letter for letter"."""
    plan = plan_of(leaf.type)
    keys = [
        exact_key(plan.scopes[element], unescape(value))
        for value in leaf.values
        for element in leaf.parameter.elements
    ]
    return asking.has_keys(row, keys, [], indexed)


def missing(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return "it has no value here" for true, "it has one" for false."""
    plan = plan_of(leaf.type)
    wanted = leaf.values[0] == "true"
    if leaf.parameter.targets == ("Patient",) and leaf.parameter.elements == (
        plan.patient_element,
    ):
        return f"{row}.patient IS {'' if wanted else 'NOT '}NULL"
    bits = [plan.bits[element] for element in leaf.parameter.elements]
    if not all(bits):
        raise UnsearchableQuery(reason=f"{leaf.parameter.code}:missing is not supported")
    mask = asking.arguments.add(sum(set(bits)), "bigint")
    return f"{row}.present & {mask} {'=' if wanted else '<>'} 0"
