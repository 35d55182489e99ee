"""`toInteger()` and its kin: a System value into another type, or nothing where that is impossible.

Standard: FHIRPath 2.0, "Conversion".
"""

# ruff: noqa: ARG001  (all functions of the language have one signature)

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from yba.fhir.fhirpath import temporal
from yba.fhir.fhirpath.evaluation import Code, Env, Function, maybe, one
from yba.fhir.fhirpath.temporal import Temporal
from yba.fhir.fhirpath.units import calendar_word
from yba.fhir.fhirpath.values import Collection, Node, Quantity, TypeName, plain_number

_INTEGER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?", re.ASCII)
_QUANTITY = re.compile(r"([+-]?\d{1,30}(?:\.\d{1,30})?)\s*(?:'([^']+)'|([a-zA-Z]+))?", re.ASCII)
_YES: Final = ("true", "t", "yes", "y", "1", "1.0")
_NO: Final = ("false", "f", "no", "n", "0", "0.0")


def to_boolean(value: Any) -> bool | None:
    """Return a boolean, or None."""
    match value:
        case bool():
            return value
        case str():
            folded = value.lower()
            return True if folded in _YES else (False if folded in _NO else None)
        case int() | Decimal():
            return bool(value) if value in (0, 1) else None
        case _:
            return None


def to_integer(value: Any) -> int | None:
    """Return a whole number, or None."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return None


def to_decimal(value: Any) -> Decimal | None:
    """Return a decimal, or None."""
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    return None


def to_string(value: Any) -> str | None:
    """Return the text of a value, or None for elements."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain_number(value)
        case Node() | TypeName() | None:
            return None
        case _:
            return str(value)


def to_date(value: Any) -> Temporal | None:
    """Return a Date, or None."""
    moment = temporal.read(value) if isinstance(value, str) else value
    if not isinstance(moment, Temporal) or moment.kind == "Time":
        return None
    if moment.kind == "DateTime":
        return Temporal("Date", moment.parts[:3])
    return moment


def to_date_time(value: Any) -> Temporal | None:
    """Return a DateTime, or None."""
    moment = temporal.read(value) if isinstance(value, str) else value
    if not isinstance(moment, Temporal) or moment.kind == "Time":
        return None
    return Temporal("DateTime", moment.parts, moment.second, moment.offset)


def to_time(value: Any) -> Temporal | None:
    """Return a Time, or None."""
    moment = temporal.read_time(value) if isinstance(value, str) else value
    return moment if isinstance(moment, Temporal) and moment.kind == "Time" else None


def to_quantity(value: Any) -> Quantity | None:
    """Return a quantity, or None; numbers have the unit "1"."""
    if isinstance(value, Quantity):
        return value
    if isinstance(value, int | Decimal):
        return Quantity(Decimal(value), "1")
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    number, unit, word = found.groups()
    if word is not None and calendar_word(word) is None:
        return None
    return Quantity(Decimal(number), unit or word or "1")


_CONVERSIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "Boolean": to_boolean,
    "Integer": to_integer,
    "Decimal": to_decimal,
    "String": to_string,
    "Date": to_date,
    "DateTime": to_date_time,
    "Time": to_time,
    "Quantity": to_quantity,
}


def _converter(convert: Callable[[Any], Any]) -> Function:
    def to_type(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
        value = one(focus)
        return [] if value is None else maybe(convert(value))

    return to_type


def _asker(convert: Callable[[Any], Any]) -> Function:
    def converts_to_type(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
        value = one(focus)
        return [] if value is None else [convert(value) is not None]

    return converts_to_type


FUNCTIONS: Final[dict[str, tuple[int, int, Function]]] = {
    **{f"to{name}": (0, 1, _converter(convert)) for name, convert in _CONVERSIONS.items()},
    **{f"convertsTo{name}": (0, 1, _asker(convert)) for name, convert in _CONVERSIONS.items()},
}
