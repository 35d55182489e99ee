"""Numbers and quantities.

Standard: FHIR R4 search, "number", "quantity" and "prefixes".
"""

from __future__ import annotations

from decimal import Decimal

from yba.fhir.numbers import implicit_range
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import ordered
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.leaves.asking import (
    Asking,
    Bounds,
    any_of,
    parts_of,
    split_prefix,
)
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Leaf


def bounds_of(code: str, text: str) -> Bounds:
    """Read a number with its prefix. Raises UnsearchableQuery."""
    prefix, number = split_prefix(text)
    try:
        low, high = implicit_range(number)
        value = Decimal(number)
        bounds = [ordered(bound) for bound in (low, high, value)]
    except (ValueError, ArithmeticError):
        raise UnsearchableQuery(reason=f"{code} must be a number") from None
    if prefix == "ap":
        slack = max(abs(value) / 10, high - value)
        return Bounds("overlap", ordered(value - slack), ordered(value + slack), inclusive=True)
    if prefix in ("gt", "lt", "ge", "le", "sa", "eb"):
        # The number itself, not the range its spelling implies: 5.4 is not greater than 5.4.
        return Bounds(prefix, bounds[2], bounds[2], inclusive=True)
    return Bounds(prefix, bounds[0], bounds[1], inclusive=False)


def number(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return "one of its numbers compares so with one of these"."""
    scopes = [plan_of(leaf.type).scopes[element] for element in leaf.parameter.elements]

    def one(value: str) -> str:
        test = asking.compare("x.lo", "x.hi", bounds_of(leaf.parameter.code, value))
        return asking.in_table("range", scopes, test, row)

    return any_of(one(unescape(value)) for value in leaf.values)


def quantity(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return "one of its quantities compares so with one of these"."""
    scopes = [plan_of(leaf.type).scopes[element] for element in leaf.parameter.elements]

    def one(value: str) -> str:
        test, unit = quantity_tests(asking, leaf.parameter.code, value)
        scope_array = asking.arguments.add(scopes, "bigint[]")
        keys = f"ARRAY(SELECT t.k FROM record.term t WHERE t.scope = ANY({scope_array}){unit})"
        return asking.in_table("range", keys, test, row)

    return any_of(one(value) for value in leaf.values)


def quantity_tests(asking: Asking, code: str, value: str) -> tuple[str, str]:
    """Return the test of a range row and the test of a term row that names the unit."""
    parts = parts_of(value)
    if len(parts) not in (1, 3):
        raise UnsearchableQuery(reason=f"{code} must be number or number|system|unit")
    test = asking.compare("x.lo", "x.hi", bounds_of(code, parts[0]))
    unit = ""
    if len(parts) == 3 and parts[2]:
        wanted = asking.arguments.add(parts[2], "text")
        if parts[1]:
            unit = f" AND t.second_code = {wanted}"
            unit += f" AND t.second_system = {asking.arguments.add(parts[1], 'text')}"
        else:
            unit = f" AND (t.second_code = {wanted} OR t.unit = {wanted})"
    return test, unit
