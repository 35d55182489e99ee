"""Ids, uris, and whether there is a value at all."""

from __future__ import annotations

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import exact_key, present_key, row_id
from yba.foundation.record.plans import FIRST_ADDED, plan_of
from yba.foundation.record.query.leaves.asking import Asking
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Leaf
from yba.foundation.record.rows import CONTAINER, OTHER_PATIENT


def by_id(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return "it has one of these ids", or with :not none of them."""
    rows = [row_id(leaf.type, unescape(value)) for value in leaf.values]
    sql = f"{row}.rid = ANY({asking.arguments.add(rows, 'bigint[]')})"
    return f"NOT ({sql})" if leaf.modifier == "not" else sql


def uri(asking: Asking, leaf: Leaf, row: str, indexed: bool) -> str:
    """Return "it has one of these uris, letter for letter".

    With :below a uri that begins with one of these, with :above one that one of these begins
    with; both by whole segments of the path. Standard: FHIR R4 search, "uri".
    """
    scopes = [plan_of(leaf.type).scopes[element] for element in leaf.parameter.elements]
    values = [unescape(value) for value in leaf.values]
    lookups: list[str] = []
    if leaf.modifier == "above":
        values = [part for value in values for part in _above(value)]
    elif leaf.modifier == "below":
        lookups = [_below(asking, scopes, value) for value in values]
        values = []
    keys = [exact_key(scope, value) for value in values for scope in scopes]
    return f"({asking.has_keys(row, keys, lookups, indexed)})"


def _above(uri_: str) -> list[str]:
    """Return a uri and what is left when segments are taken off its end."""
    _refuse_urn(uri_)
    found = [uri_]
    scheme, mark, rest = uri_.partition("://")
    while "/" in rest:
        rest = rest.rpartition("/")[0]
        found += [scheme + mark + rest, scheme + mark + rest + "/"]
    return found


def _below(asking: Asking, scopes: list[int], uri_: str) -> str:
    _refuse_urn(uri_)
    stem = uri_.removesuffix("/")
    return (
        f"SELECT t.k FROM record.term t WHERE t.scope = ANY({asking.arguments.add(scopes, 'bigint[]')})"
        f" AND (t.code = {asking.arguments.add(stem, 'text')}"
        f" OR t.code >= {asking.arguments.add(stem + '/', 'text')}"
        f" AND t.code < {asking.arguments.add(stem + '0', 'text')})"
    )


def _refuse_urn(uri_: str) -> None:
    if uri_.lower().startswith("urn:"):
        raise UnsearchableQuery(reason="a urn has nothing above or below it")


def missing(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return "it has no value here" for true, "it has one" for false."""
    plan = plan_of(leaf.type)
    wanted = leaf.values[0] == "true"
    if leaf.parameter.code in ("_id", "_lastUpdated"):
        return "false" if wanted else "true"
    if leaf.parameter.targets == ("Patient",) and leaf.parameter.elements == (
        plan.patient_element,
    ):
        own = f"{row}.patient IS NOT NULL AND {row}.flags & {OTHER_PATIENT} = 0"
        if bits := plan.present.get(leaf.parameter.code, 0):
            mask = asking.arguments.add(bits, "bigint")
            own = f"({own}) OR ({row}.flags & {CONTAINER} <> 0 AND {row}.present & {mask} <> 0)"
        return f"NOT ({own})" if wanted else f"({own})"
    bits = plan.present.get(leaf.parameter.code, 0)
    if not leaf.parameter.elements:
        return "true" if wanted else "false"
    if leaf.parameter.elements[0] >= FIRST_ADDED:
        keys = [present_key(plan.scopes[element]) for element in leaf.parameter.elements]
        test = asking.has_keys(row, keys, [], indexed=not wanted)
        return f"NOT ({test})" if wanted else f"({test})"
    if not bits:
        raise UnsearchableQuery(reason=f"{leaf.parameter.code}:missing is not supported")
    mask = asking.arguments.add(bits, "bigint")
    return f"{row}.present & {mask} {'=' if wanted else '<>'} 0"
