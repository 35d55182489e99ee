"""Comparing values with fixed values, patterns, and bounds of a profile.

Standard: FHIR R4 ElementDefinition.fixed[x], pattern[x], minValue[x], maxValue[x].
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from yba.fhir.fhirpath import FhirPathError, Node, system
from yba.fhir.fhirpath.comparing import order
from yba.fhir.fhirpath.temporal import read, read_time


def plain(node: Node) -> Any:
    """Return an element as plain JSON: dictionaries, lists, text, Decimal."""
    if isinstance(node.value, msgspec.Struct):
        return msgspec.to_builtins(node.value, builtin_types=(Decimal,))
    return node.value


def equals(value: Any, wanted: Any) -> bool:
    """Return whether plain JSON is exactly what was fixed."""
    if isinstance(wanted, dict):
        return (
            isinstance(value, dict)
            and value.keys() == wanted.keys()
            and all(equals(value[k], v) for k, v in wanted.items())
        )
    if isinstance(wanted, list):
        return (
            isinstance(value, list)
            and len(value) == len(wanted)
            and all(equals(a, b) for a, b in zip(value, wanted, strict=True))
        )
    return _same(value, wanted)


def fits(value: Any, pattern: Any) -> bool:
    """Return whether plain JSON has at least everything that is in the pattern."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            k in value and fits(value[k], v) for k, v in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(fits(v, p) for v in value) for p in pattern)
    return _same(value, pattern)


def compared(node: Node, bound: Any) -> int | None:
    """Return the order of a value against a bound (-1, 0, 1), or None if they cannot be compared."""
    value = system(node)
    if isinstance(bound, dict):
        return _quantities(node, bound)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        try:
            number = Decimal(str(bound))
        except InvalidOperation:
            return None
        return (value > number) - (value < number)
    limit = read(bound) or read_time(bound) if isinstance(bound, str) else None
    if limit is None or value is None:
        return None
    try:
        return order(value, limit)
    except FhirPathError:
        return None


def _quantities(node: Node, bound: dict[str, Any]) -> int | None:
    value = getattr(node.value, "value", None)
    if not isinstance(value, int | Decimal) or "value" not in bound:
        return None
    if getattr(node.value, "code", None) != bound.get("code", getattr(node.value, "code", None)):
        return None
    number = Decimal(str(bound["value"]))
    return (value > number) - (value < number)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool):
        return value is wanted
    if isinstance(value, int | Decimal):
        try:
            return Decimal(value) == Decimal(str(wanted))
        except InvalidOperation:
            return False
    return value == wanted
