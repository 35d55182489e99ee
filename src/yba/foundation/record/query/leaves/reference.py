"""References: by type and id, by url, by identifier.

Standard: FHIR R4 search, "reference".
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from yba.fhir.index import SearchParam
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import exact_key, logical_key, reference_scope, row_id
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query.leaves.asking import Asking, any_of
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Leaf

_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}", re.ASCII)


def sql(asking: Asking, leaf: Leaf, row: str, indexed: bool) -> str:
    """Return "it refers to one of these"."""
    plan = plan_of(leaf.type)
    element_keys: list[int] = []
    patients: list[int] = []
    for value in map(unescape, leaf.values):
        if leaf.modifier == "identifier":
            system, _, code = value.rpartition("|")
            element_keys += [
                logical_key(plan.scopes[e], system, code) for e in leaf.parameter.elements
            ]
            continue
        for target, id_ in _places(asking, leaf.parameter, value):
            for element in leaf.parameter.elements:
                if target == "Patient" and element == plan.patient_element:
                    patients.append(row_id(target, id_))
                else:
                    scope = reference_scope(leaf.type, element, target)
                    element_keys.append(row_id(target, id_) ^ scope)
        if "/" in value or ":" in value:
            element_keys += [exact_key(plan.scopes[e], value) for e in leaf.parameter.elements]
    tests: list[str] = []
    if patients:
        tests.append(f"{row}.patient = ANY({asking.arguments.add(patients, 'bigint[]')})")
    # A plain reference to a patient has a place of its own; nothing else can match it.
    if element_keys and not (patients and leaf.parameter.targets == ("Patient",)):
        tests.append(asking.has_keys(row, element_keys, [], indexed))
    return any_of(tests)


def patients(asking: Asking, leaf: Leaf) -> list[int]:
    """Return the rows of the patients asked for, if the patient's column answers; else nothing."""
    plan = plan_of(leaf.type)
    if leaf.modifier or leaf.parameter.elements != (plan.patient_element,):
        return []
    rows: dict[int, None] = {}
    for value in map(unescape, leaf.values):
        places = _places(asking, leaf.parameter, value)
        if len(places) != 1 or places[0][0] != "Patient":
            return []
        rows[row_id(*places[0])] = None
    return list(rows)


def _places(asking: Asking, parameter: SearchParam, value: str) -> list[tuple[str, str]]:
    """Return the (type, id) pairs that a reference value may mean."""
    if asking.base and value.startswith(asking.base):
        value = value[len(asking.base) :]
    elif urlsplit(value).scheme:
        return []
    type_, slash, id_ = value.partition("/")
    if not slash:
        type_, id_ = "", value
    if not _ID.fullmatch(id_) or (type_ and type_ not in TYPE_NUMBERS):
        if "/" in value:
            return []
        raise UnsearchableQuery(reason=f"{parameter.code} must be Type/id, id or a URL")
    return [(type_, id_)] if type_ else [(t, id_) for t in parameter.targets or TYPE_NUMBERS]
