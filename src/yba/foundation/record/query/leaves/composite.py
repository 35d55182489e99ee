"""Composites: parts that belong together.

Standard: FHIR R4 search, "composite".
"""

from __future__ import annotations

from typing import Protocol

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import plan_of, rooted_in_type
from yba.foundation.record.query.leaves import amount, date, reference
from yba.foundation.record.query.leaves.asking import Asking, any_of, parts_of, unsupported
from yba.foundation.record.query.parse import split, unescape
from yba.foundation.record.query.tree import Leaf


class LeafSql(Protocol):
    """How a part that stands on its own is asked for."""

    def __call__(self, leaf: Leaf, row: str, *, indexed: bool) -> str: ...


def sql(asking: Asking, leaf: Leaf, row: str, indexed: bool, leaf_sql: LeafSql) -> str:
    """Return "one of its pairs is one of these"."""
    return any_of(_value(asking, leaf, value, row, indexed, leaf_sql) for value in leaf.values)


def _value(
    asking: Asking, leaf: Leaf, value: str, row: str, indexed: bool, leaf_sql: LeafSql
) -> str:
    parts = split(value, "$")
    if len(parts) != len(leaf.parameter.components):
        raise UnsearchableQuery(
            reason=f"{leaf.parameter.code} must be {len(leaf.parameter.components)} values joined by $"
        )
    plan = plan_of(leaf.type)
    return any_of(
        _rooted(asking, leaf, element, parts, row, indexed, leaf_sql)
        if element in plan.rewritten
        else _pair(asking, leaf, element, parts, row, indexed)
        for element in leaf.parameter.elements
    )


def _rooted(
    asking: Asking, leaf: Leaf, element: int, parts: list[str], row: str, indexed: bool,
    leaf_sql: LeafSql,
) -> str:  # fmt: skip
    plan = plan_of(leaf.type)
    rooted = next(
        parameter
        for parameter in plan.parameters.values()
        if rooted_in_type(parameter, leaf.type) and element in parameter.elements
    )
    leaves = [
        Leaf(leaf.type, plan.parameters[code], "", (part,), leaf.resolved)
        for (code, _), part in zip(rooted.components, parts, strict=True)
    ]
    tests = [leaf_sql(leaves[0], row, indexed=indexed)]
    for other in leaves[1:]:
        if set(other.parameter.elements) <= plan.paired:
            tests.append(amount.quantity(asking, other, row, of_code(asking, parts[0])))
        else:
            tests.append(leaf_sql(other, row, indexed=indexed))
    return "(" + " AND ".join(tests) + ")"


def is_paired(leaf: Leaf) -> bool:
    """Return whether an index leads to rows that have both parts: a principal code and a quantity."""
    if leaf.parameter.kind != "composite" or leaf.modifier:
        return False
    plan = plan_of(leaf.type)
    if not plan.rewritten.issuperset(leaf.parameter.elements):
        return False
    second = plan.parameters.get(leaf.parameter.components[1][0])
    return second is not None and set(second.elements) <= plan.paired


def entries(asking: Asking, leaf: Leaf) -> list[str]:
    """Return FROM and WHERE of the entries of record.range that a paired composite asks for."""
    asking.probing = False
    asking.looked_up.clear()
    second = plan_of(leaf.type).parameters[leaf.parameter.components[1][0]]
    for value in leaf.values:
        code, *amounts = split(value, "$")
        if len(amounts) != 1:
            raise UnsearchableQuery(reason=f"{leaf.parameter.code} must be 2 values joined by $")
        part = Leaf(leaf.type, second, "", (amounts[0],), leaf.resolved)
        amount.quantity(asking, part, "r", of_code(asking, code))
    return list(asking.looked_up)


def of_code(asking: Asking, code: str) -> str:
    """Return the test of a term row that it pairs a unit with this code, or with none.

    A quantity is filed without a code where the resource has none, or before codes were filed
    beside it; then the test of the code itself decides.
    """
    return f" AND ({_code_test(asking, code, 'system', 'code')} OR t.code = '')"


def _pair(
    asking: Asking, leaf: Leaf, element: int, parts: list[str], row: str, indexed: bool
) -> str:
    (_, first_kind), (second_code, second_kind), *_ = leaf.parameter.components
    if first_kind != "token":
        raise unsupported(leaf.parameter.code)
    scope = asking.arguments.add(plan_of(leaf.type).scopes[element], "bigint")
    first = _code_test(asking, parts[0], "system", "code")
    term = f"SELECT t.k FROM record.term t WHERE t.scope = {scope} AND {first}"
    match second_kind:
        case "token":
            second = _code_test(asking, parts[1], "second_system", "second_code")
            return asking.has_keys(row, [], [f"{term} AND {second}"], indexed)
        case "reference":
            return _reference(asking, leaf, term, parts[1], row, indexed)
        case "number":
            tests = [
                asking.compare(place, place, amount.bounds_of(code, unescape(part)))
                for place, (code, _), part in zip(
                    ("x.lo", "x.hi"), leaf.parameter.components[1:], parts[1:], strict=True
                )
            ]
            return asking.in_table("range", f"ARRAY({term})", " AND ".join(tests), row)
        case "quantity":
            return any_of(
                asking.in_table("range", f"ARRAY({term}{unit})", test, row)
                for test, unit in amount.quantity_tests(asking, leaf, second_code, parts[1])
            )
        case "date":
            bounds = date.moment(asking, second_code, unescape(parts[1]))
            test = asking.compare("x.lo", "x.hi", bounds)
            return asking.in_table("range", f"ARRAY({term})", test, row)
        case _:
            raise unsupported(leaf.parameter.code)


def _reference(asking: Asking, leaf: Leaf, term: str, value: str, row: str, indexed: bool) -> str:
    places = reference.places(asking, plan_of(leaf.type).parameters[_second(leaf)], unescape(value))
    tests = [
        f"(t.second_system = {asking.arguments.add(type_, 'text')}"
        f" AND t.second_code = {asking.arguments.add(id_, 'text')})"
        for type_, id_ in places
    ] or [
        f"(t.second_system = '' AND t.second_code = {asking.arguments.add(unescape(value), 'text')})"
    ]
    return f"({asking.has_keys(row, [], [f'{term} AND {any_of(tests)}'], indexed)})"


def _second(leaf: Leaf) -> str:
    return leaf.parameter.components[1][0]


def _code_test(asking: Asking, value: str, system_column: str, code_column: str) -> str:
    parts = parts_of(value)
    if len(parts) > 2 or not any(parts):
        raise UnsearchableQuery(reason="a token must be code, system|code, |code or system|")
    tests: list[str] = []
    if parts[-1]:
        tests.append(f"t.{code_column} = {asking.arguments.add(parts[-1], 'text')}")
    if len(parts) == 2:
        tests.append(f"t.{system_column} = {asking.arguments.add(parts[0], 'text')}")
    return " AND ".join(tests)
