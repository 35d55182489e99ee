"""Numbers and quantities.

Standard: FHIR R4 search, "number", "quantity" and "prefixes".
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from yba.fhir import ucum
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

UCUM = "http://unitsofmeasure.org"


def bounds_of(code: str, text: str, unit: str = "", other: str = "") -> Bounds:
    """Read a number with its prefix, converted from one UCUM unit into another if they are given.

    Raises UnsearchableQuery.
    """
    prefix, written = split_prefix(text)
    try:
        low, high = implicit_range(written)
        value = Decimal(written)
        slack = max(abs(value) / 10, high - value)
        if other:
            numbers = [ucum.convert(n, unit, other) for n in (low, high, value, slack + value)]
            low, high, value, slack = *numbers[:3], abs(numbers[3] - numbers[2])
            low, high = min(low, high), max(low, high)
        bounds = [ordered(bound) for bound in (low, high, value)]
    except (ValueError, ArithmeticError):
        raise UnsearchableQuery(reason=f"{code} must be a number") from None
    if prefix == "ap":
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


def quantity(asking: Asking, leaf: Leaf, row: str, beside: str = "") -> str:
    """Return "one of its quantities compares so with one of these".

    `beside` is a further test of the term row that names a quantity's unit.
    """
    scopes = [plan_of(leaf.type).scopes[element] for element in leaf.parameter.elements]

    def one(value: str) -> str:
        scope_array = asking.arguments.add(scopes, "bigint[]")
        return any_of(
            asking.in_table(
                "range",
                f"ARRAY(SELECT t.k FROM record.term t WHERE t.scope = ANY({scope_array}){unit}{beside})",
                test,
                row,
            )
            for test, unit in quantity_tests(asking, leaf, leaf.parameter.code, value)
        )

    return any_of(one(value) for value in leaf.values)


def quantity_tests(asking: Asking, leaf: Leaf, code: str, value: str) -> Iterator[tuple[str, str]]:
    """Give the tests of a range row, each with the test of a term row that names its unit.

    A UCUM unit gives one pair for each commensurable unit that is in use (`leaf.resolved`), with
    the number asked for in that unit. Standard: FHIR R4 search, "quantity".
    """
    parts = parts_of(value)
    if len(parts) > 3:
        raise UnsearchableQuery(reason=f"{code} must be number, number|system|code or number||unit")
    number_, system, unit = (*parts, "", "")[:3]
    bounds = bounds_of(code, number_)
    if system == UCUM and unit:
        for other in _units(leaf, unit):
            converted = bounds if other == unit else bounds_of(code, number_, unit, other)
            yield (
                asking.compare("x.lo", "x.hi", converted),
                f" AND t.second_code = {asking.arguments.add(other, 'text')}"
                f" AND t.second_system = {asking.arguments.add(UCUM, 'text')}",
            )
        return
    test = ""
    if unit:
        wanted = asking.arguments.add(unit, "text")
        test = (
            f" AND t.second_code = {wanted}"
            if system
            else f" AND (t.second_code = {wanted} OR t.unit = {wanted})"
        )
    if system:
        test += f" AND t.second_system = {asking.arguments.add(system, 'text')}"
    yield asking.compare("x.lo", "x.hi", bounds), test


def _units(leaf: Leaf, unit: str) -> list[str]:
    """Return the unit and those in use that it can be converted to."""
    if leaf.resolved is None:
        raise UnsearchableQuery(reason="units cannot be converted here")
    others = leaf.resolved.units
    return [unit, *(u for u in others if u != unit and _comparable(unit, u))]


def _comparable(unit: str, other: str) -> bool:
    try:
        return ucum.comparable(unit, other)
    except ucum.UnitError:
        return False
