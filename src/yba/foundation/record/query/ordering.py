"""Keys of the order of an answer, for every kind of parameter that has one.

Main rule: what has no value comes last, in either direction; the only exception is the clinical time,
whose column says "before all times" where it is missing, so that an index serves its order.
Of several values the first counts ascending, the last descending.
Standard: FHIR R4 search, "Sorting".
"""

from __future__ import annotations

from yba.fhir.index import SearchParam
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.filing import MISSING_TIME
from yba.foundation.record.keys import reference_scope
from yba.foundation.record.plans import TYPE_NUMBERS, TypePlan, plan_of
from yba.foundation.record.query.chains import of_own_reference
from yba.foundation.record.query.controls import may_sort
from yba.foundation.record.query.guard import Guard, guarded
from yba.foundation.record.query.leaves import Arguments
from yba.foundation.record.query.tree import Sort

_LAST_NUMBER = "9223372036854775807"
_LAST_TEXT = "U&'\\+10FFFF'"
# Of a row id, as text: negative ones (foreign ids) before ours.
_HEX = "lpad(to_hex({rid} # (-9223372036854775808)), 16, '0')"


def key(type_: str, sort: Sort, row: str, arguments: Arguments, guard: Guard | None) -> str:
    """Return the value by which `row` is sorted: a number, or a text. Never NULL."""
    parameter, plan = sort.parameter, plan_of(type_)
    if parameter.code == "_id":
        return f"{row}.rid"
    if parameter.code == "_lastUpdated":
        return f"{row}.updated"
    if parameter.kind == "date" and frozenset(parameter.elements) == plan.time_elements:
        return f"{row}.ts"
    if not may_sort(type_, parameter):
        raise UnsearchableQuery(reason=f"cannot sort {type_} by {parameter.code}")
    pick = "max" if sort.descending else "min"
    match parameter.kind:
        case "string":
            found = _in_table(plan, parameter, row, f"{pick}(o.v)", "string", arguments)
        case "token" | "uri":
            found = _term(plan, parameter, row, pick, arguments)
        case "reference":
            found = _target(plan, parameter, row, pick, arguments, guard)
        case _:
            found = _in_table(plan, parameter, row, f"{pick}(o.lo)", "range", arguments)
            return f"coalesce({found}, {MISSING_TIME if sort.descending else _LAST_NUMBER})"
    missing = "''" if sort.descending else _LAST_TEXT
    return f'coalesce({found} COLLATE "C", {missing})'


def _scopes(plan: TypePlan, parameter: SearchParam, arguments: Arguments) -> str:
    return arguments.add([plan.scopes[element] for element in parameter.elements], "bigint[]")


def _in_table(
    plan: TypePlan, parameter: SearchParam, row: str, value: str, table: str, arguments: Arguments
) -> str:
    keys = _scopes(plan, parameter, arguments)
    if parameter.kind == "quantity":
        # Filed under the unit; amounts of different units are compared as numbers.
        keys = f"ARRAY(SELECT t.k FROM record.term t WHERE t.scope = ANY({keys}))"
    return (
        f"(SELECT {value} FROM record.{table} o WHERE o.rid = {row}.rid"
        f" AND o.type = {plan.number} AND o.k = ANY({keys}))"
    )


def _term(plan: TypePlan, parameter: SearchParam, row: str, pick: str, arguments: Arguments) -> str:
    return (
        f"(SELECT {pick}(t.code) FROM unnest({row}.keys) k (k) JOIN record.term t ON t.k = k.k"
        f" WHERE t.scope = ANY({_scopes(plan, parameter, arguments)}))"
    )


def _target(
    plan: TypePlan,
    parameter: SearchParam,
    row: str,
    pick: str,
    arguments: Arguments,
    guard: Guard | None,
) -> str:
    """Return the type and id of what the row refers to, in the order of `_id`."""
    found: list[str] = []
    types: list[int] = []
    scopes: list[int] = []
    for element in parameter.elements:
        for target in parameter.targets:
            if element == plan.patient_element and target == "Patient":
                number = TYPE_NUMBERS[target]
                text = f"'{number:03}' || {_HEX.format(rid=f'{row}.patient')}"
                found.append(f"SELECT {text} AS v WHERE {of_own_reference(row)}")
            else:
                types.append(TYPE_NUMBERS[target])
                scopes.append(reference_scope(plan.name, element, target))
    if types:
        pairs = f"{arguments.add(types, 'smallint[]')}, {arguments.add(scopes, 'bigint[]')}"
        found.append(
            f"SELECT lpad(o.type::text, 3, '0') || {_HEX.format(rid='o.rid')} AS v"
            f" FROM unnest({row}.keys) k (k) CROSS JOIN unnest({pairs}) s (type, scope)"
            " JOIN record.resource o ON o.type = s.type AND o.rid = k.k # s.scope"
            f" WHERE o.flags & 1 = 0{guarded(guard, 'o', None, arguments)}"
        )
    return f"(SELECT {pick}(x.v) FROM ({' UNION ALL '.join(found)}) x)"
