"""`+ - * / div mod &` on System values, and the boundaries of numbers.

Standard: FHIRPath 2.0, "Math" and "Date/Time Arithmetic".
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from typing import Any, Final

from yba.fhir import ucum
from yba.fhir.fhirpath import temporal
from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.fhirpath.temporal import Temporal
from yba.fhir.fhirpath.units import calendar_word, ucum_code
from yba.fhir.fhirpath.values import Quantity

_UCUM_STEPS: Final = {
    "wk": "week",
    "d": "day",
    "h": "hour",
    "min": "minute",
    "s": "second",
    "ms": "millisecond",
}
_MOST_PLACES: Final = 31


def calculate(operator: str, a: Any, b: Any) -> Any:
    """Return the result of an operator, or None where it has none (division by zero).

    Raises FhirPathError for types the operator does not take.
    """
    with localcontext() as context:
        context.prec = 40
        context.traps[Overflow] = True
        try:
            return _OPERATORS[operator](a, b)
        except (DivisionByZero, InvalidOperation, Overflow, ZeroDivisionError):
            return None


def negative(value: Any) -> Any:
    """Return the negative of a number or quantity."""
    if isinstance(value, Quantity):
        return Quantity(-value.value, value.unit)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise FhirPathError("only numbers have a sign")
    return -value


def decimal_boundary(value: Decimal, places: int, *, highest: bool) -> Decimal | None:
    """Return the least or greatest number that `value` may be a rounding of, to so many decimal places.

    The lower one is cut and the higher one rounded, as the official tests have it.
    """
    if not 0 <= places <= _MOST_PLACES:
        return None
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    half = Decimal(5).scaleb(min(exponent, 0) - 1)
    away = highest == (value >= 0)
    with localcontext() as context:
        context.prec = 80
        size = abs(value) + half if away else abs(value) - half
        step = Decimal(1).scaleb(-places)
        size = (
            size.quantize(step, rounding=ROUND_HALF_UP)
            if away
            else size.quantize(step, rounding="ROUND_DOWN")
        )
        return size if value >= 0 else -size


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _plus(a: Any, b: Any) -> Any:
    if _is_number(a) and _is_number(b):
        return a + b
    if isinstance(a, str) and isinstance(b, str):
        return a + b
    if isinstance(a, Temporal) and isinstance(b, Quantity):
        return _move(a, b.value, b.unit)
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return _sum(a, b, 1)
    raise FhirPathError("+ does not take values of these types")


def _minus(a: Any, b: Any) -> Any:
    if _is_number(a) and _is_number(b):
        return a - b
    if isinstance(a, Temporal) and isinstance(b, Quantity):
        return _move(a, -b.value, b.unit)
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return _sum(a, b, -1)
    raise FhirPathError("- does not take values of these types")


def _times(a: Any, b: Any) -> Any:
    if _is_number(a) and _is_number(b):
        return a * b
    pair = _as_quantities(a, b)
    if pair is None:
        raise FhirPathError("* does not take values of these types")
    return _combine(*pair, 1)


def _divided(a: Any, b: Any) -> Any:
    if _is_number(a) and _is_number(b):
        return Decimal(a) / Decimal(b)
    pair = _as_quantities(a, b)
    if pair is None:
        raise FhirPathError("/ does not take values of these types")
    return _combine(*pair, -1)


def _div(a: Any, b: Any) -> Any:
    _numbers(a, b)
    return int(Decimal(a) // Decimal(b))


def _mod(a: Any, b: Any) -> Any:
    _numbers(a, b)
    result = Decimal(a) % Decimal(b)
    return int(result) if isinstance(a, int) and isinstance(b, int) else result


def _numbers(a: Any, b: Any) -> None:
    if not (_is_number(a) and _is_number(b)):
        raise FhirPathError("div and mod take numbers")


_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": _plus,
    "-": _minus,
    "*": _times,
    "/": _divided,
    "div": _div,
    "mod": _mod,
}


def _move(moment: Temporal, amount: Decimal, unit: str) -> Temporal | None:
    step = calendar_word(unit) or _UCUM_STEPS.get(unit)
    if step is None:
        raise FhirPathError("a moment can be moved by calendar units only")
    return temporal.add(moment, int(amount), step)


def _as_quantities(a: Any, b: Any) -> tuple[Quantity, Quantity] | None:
    found = [Quantity(Decimal(v), "1") if _is_number(v) else v for v in (a, b)]
    first, second = found
    if isinstance(first, Quantity) and isinstance(second, Quantity):
        return first, second
    return None


def _sum(a: Quantity, b: Quantity, sign: int) -> Quantity | None:
    if a.unit == b.unit:
        return Quantity(a.value + sign * b.value, a.unit)
    try:
        added = ucum.convert(b.value, ucum_code(b.unit), ucum_code(a.unit))
    except ucum.UnitError:
        return None
    return Quantity(a.value + sign * added, a.unit)


def _combine(a: Quantity, b: Quantity, sign: int) -> Quantity | None:
    """Multiply or divide, giving the result in base units."""
    verb = ucum.multiply if sign > 0 else ucum.divide
    try:
        return Quantity(*verb(a.value, ucum_code(a.unit), b.value, ucum_code(b.unit)))
    except ucum.UnitError:
        return None
