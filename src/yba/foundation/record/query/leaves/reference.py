"""References: by type and id, by url, by identifier.

Standard: FHIR R4 search, "reference".
"""

from __future__ import annotations

import re

from yba.fhir.index import SearchParam
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import (
    exact_key,
    logical_key,
    logical_system_key,
    logical_value_key,
    reference_scope,
    row_id,
)
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query.leaves.asking import Asking, any_of, parts_of
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Leaf
from yba.foundation.record.rows import OTHER_PATIENT
from yba.kernel.address import address_parts

_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}", re.ASCII)


# The parameter by which a resource of a type refers to the one that it is a part of.
_PARENTS = ("partof", "part-of", "parent")


def sql(asking: Asking, leaf: Leaf, row: str, indexed: bool) -> str:
    """Return "it refers to one of these"; with :above and :below, or to what is above or below."""
    if leaf.modifier in ("above", "below"):
        return any_of(_hierarchy(asking, leaf, unescape(value), row) for value in leaf.values)
    plan = plan_of(leaf.type)
    element_keys: list[int] = []
    patients: list[int] = []
    if leaf.modifier == "identifier":
        scopes = [plan.scopes[element] for element in leaf.parameter.elements]
        keys = [_identified(scope, value) for value in leaf.values for scope in scopes]
        return asking.has_keys(row, keys, [], indexed)
    for value in map(unescape, leaf.values):
        for target, id_ in places(asking, leaf.parameter, value):
            for element in leaf.parameter.elements:
                if target == "Patient" and element == plan.patient_element:
                    patients.append(row_id(target, id_))
                else:
                    scope = reference_scope(leaf.type, element, target)
                    element_keys.append(row_id(target, id_) ^ scope)
        if ("/" in value or ":" in value) and _may_be(leaf.parameter, value):
            element_keys += [exact_key(plan.scopes[e], value) for e in leaf.parameter.elements]
    tests: list[str] = []
    if patients:
        of_these = asking.arguments.add(patients, "bigint[]")
        tests.append(f"({row}.patient = ANY({of_these}) AND {row}.flags & {OTHER_PATIENT} = 0)")
    # A plain reference to a patient has a place of its own; nothing else can match it.
    if element_keys and not (patients and leaf.parameter.targets == ("Patient",)):
        tests.append(asking.has_keys(row, element_keys, [], indexed))
    return any_of(tests)


def _identified(scope: int, value: str) -> int:
    """Return the key of a reference by identifier: `value`, `system|value`, `|value`, `system|`."""
    system, code = identifier(value)
    if system is None:
        return logical_value_key(scope, code)
    return logical_key(scope, system, code) if code else logical_system_key(scope, system)


def identifier(value: str) -> tuple[str | None, str]:
    """Return system and value asked for; None is any system, "" as a value any value.

    Raises UnsearchableQuery.
    """
    parts = parts_of(value)
    if len(parts) > 2 or not any(parts):
        raise UnsearchableQuery(reason="an identifier must be value, system|value or system|")
    return (None, parts[0]) if len(parts) == 1 else (parts[0], parts[1])


def _may_be(parameter: SearchParam, url: str) -> bool:
    """Return whether a url can be of one of the parameter's types, as far as it tells."""
    parts = url.split("/_history/")[0].rsplit("/", 2)
    type_ = parts[-2] if len(parts) == 3 else ""
    return type_ not in TYPE_NUMBERS or not parameter.targets or type_ in parameter.targets


def _hierarchy(asking: Asking, leaf: Leaf, value: str, row: str) -> str:
    """Return "it refers to this one, or to one below (above) it in the hierarchy of its type"."""
    tests: list[str] = []
    for target, id_ in places(asking, leaf.parameter, value):
        parent = _parent_scope(target)
        if parent is None:
            continue
        add = asking.arguments.add
        type_, up = add(TYPE_NUMBERS[target], "smallint"), add(parent, "bigint")
        if leaf.modifier == "below":
            step = (
                f"SELECT c.rid FROM tree JOIN record.resource c ON c.type = {type_}"
                f" AND c.flags & 1 = 0 AND c.keys && ARRAY[tree.rid # {up}]"
            )
        else:
            step = (
                f"SELECT p.rid FROM tree JOIN record.resource c ON c.type = {type_}"
                f" AND c.rid = tree.rid CROSS JOIN unnest(c.keys) k (k)"
                f" JOIN record.resource p ON p.type = {type_} AND p.rid = k.k # {up}"
                " AND p.flags & 1 = 0"
            )
        tree = (
            f"WITH RECURSIVE tree (rid) AS (SELECT {add(row_id(target, id_), 'bigint')}"
            f" UNION {step})"
        )
        for element in leaf.parameter.elements:
            scope = add(reference_scope(leaf.type, element, target), "bigint")
            tests.append(f"{row}.keys && ARRAY({tree} SELECT rid # {scope} FROM tree)")
    if not tests:
        raise UnsearchableQuery(
            reason=f"{leaf.parameter.code} refers to nothing that has a hierarchy"
        )
    return any_of(tests)


def _parent_scope(type_: str) -> int | None:
    """Return the constant of the reference to the parent, None in a type without a hierarchy."""
    parameters = plan_of(type_).parameters
    for code in _PARENTS:
        parent = parameters.get(code)
        if parent and type_ in parent.targets and len(parent.elements) == 1:
            return reference_scope(type_, parent.elements[0], type_)
    return None


def patients(asking: Asking, leaf: Leaf) -> list[int]:
    """Return the rows of the patients asked for, if the patient's column answers; else nothing."""
    plan = plan_of(leaf.type)
    if leaf.modifier or leaf.parameter.elements != (plan.patient_element,):
        return []
    rows: dict[int, None] = {}
    for value in map(unescape, leaf.values):
        found = places(asking, leaf.parameter, value)
        if len(found) != 1 or found[0][0] != "Patient":
            return []
        rows[row_id(*found[0])] = None
    return list(rows)


def places(asking: Asking, parameter: SearchParam, value: str) -> list[tuple[str, str]]:
    """Return the (type, id) pairs that a reference value may mean."""
    if asking.base and value.startswith(asking.base):
        value = value[len(asking.base) :]
    elif address_parts(value).scheme:
        return []
    type_, slash, id_ = value.partition("/")
    if not slash:
        type_, id_ = "", value
    if "/_history/" in id_:
        raise UnsearchableQuery(
            reason=f"{parameter.code}: references to one version are not told apart; leave it out"
        )
    if not _ID.fullmatch(id_) or (type_ and type_ not in TYPE_NUMBERS):
        if "/" in value:
            return []
        raise UnsearchableQuery(reason=f"{parameter.code} must be Type/id, id or a URL")
    return [(type_, id_)] if type_ else [(t, id_) for t in parameter.targets or TYPE_NUMBERS]
