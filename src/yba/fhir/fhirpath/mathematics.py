"""Functions on numbers, boundaries and precision.

Standard: FHIRPath 2.0, "Math"; FHIRPath 3.0 ballot, boundary functions.
"""

# ruff: noqa: ARG001  (all functions of the language have one signature)

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

from yba.fhir.fhirpath import comparing, temporal
from yba.fhir.fhirpath.arithmetic import decimal_boundary
from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.fhirpath.evaluation import Code, Env, Function, integer, maybe, number, one, quantity
from yba.fhir.fhirpath.temporal import Temporal
from yba.fhir.fhirpath.values import Collection, Quantity

_MOST_PLACES = 28
_MOST_DIGITS = 2_000


def _on_numbers(work: Callable[..., Any]) -> Function:
    def run(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
        values = [number(focus), *(number(argument(env)) for argument in arguments)]
        if None in values:
            return []
        try:
            return maybe(work(*values))
        except (ValueError, ArithmeticError, InvalidOperation):
            return []

    return run


def _absolute(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    value = one(focus)
    if isinstance(value, Quantity):
        return [Quantity(abs(value.value), value.unit)]
    found = number(focus)
    return [] if found is None else [abs(found)]


def _round(value: Decimal | int, places: Decimal | int = 0) -> Decimal | int:
    if not 0 <= places <= _MOST_PLACES:
        raise FhirPathError("round takes 0 to 28 places")
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-int(places)), rounding=ROUND_HALF_UP)
    return int(rounded) if places == 0 and isinstance(value, int) else rounded


def _real(value: float) -> Decimal | None:
    """Return a result of floating-point work as a decimal without its noise."""
    if math.isnan(value) or math.isinf(value):
        return None
    return Decimal(repr(round(value, 12))) if abs(value) < 1e3 else Decimal(repr(value))


def _power(base: Decimal | int, exponent: Decimal | int) -> Any:
    if abs(exponent) > 1_000 or abs(exponent) * len(str(base)) > _MOST_DIGITS:
        raise FhirPathError("the result is too large")
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        return base**exponent
    if exponent == int(exponent):
        return Decimal(base) ** int(exponent)
    return None if base < 0 else _real(float(base) ** float(exponent))


def _boundary(*, highest: bool) -> Function:
    def run(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
        value = one(focus)
        wanted = integer(arguments[0](env)) if arguments else None
        if isinstance(value, Temporal):
            default = 9 if value.kind == "Time" else (8 if value.kind == "Date" else 17)
            find = temporal.high_boundary if highest else temporal.low_boundary
            return maybe(find(value, default if wanted is None else wanted))
        places = 8 if wanted is None else wanted
        if isinstance(value, Quantity):
            bound = decimal_boundary(value.value, places, highest=highest)
            return [] if bound is None else [Quantity(bound, value.unit)]
        found = number(focus)
        return (
            []
            if found is None
            else maybe(decimal_boundary(Decimal(found), places, highest=highest))
        )

    return run


def _precision(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    value = one(focus)
    if isinstance(value, Temporal):
        return [temporal.digits(value)]
    found = number(focus)
    if found is None:
        return []
    exponent = Decimal(found).as_tuple().exponent
    return [max(-exponent, 0) if isinstance(exponent, int) else 0]


def _comparable(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    left, right = quantity(focus), quantity(arguments[0](env))
    return [] if left is None or right is None else [comparing.comparable(left, right)]


FUNCTIONS: Final[dict[str, tuple[int, int, Function]]] = {
    "abs": (0, 0, _absolute),
    "ceiling": (0, 0, _on_numbers(math.ceil)),
    "floor": (0, 0, _on_numbers(math.floor)),
    "truncate": (0, 0, _on_numbers(math.trunc)),
    "round": (0, 1, _on_numbers(_round)),
    "exp": (0, 0, _on_numbers(lambda v: _real(math.exp(v)))),
    "ln": (0, 0, _on_numbers(lambda v: _real(math.log(v)))),
    "log": (1, 1, _on_numbers(lambda v, base: _real(math.log(v, base)))),
    "sqrt": (0, 0, _on_numbers(lambda v: _real(math.sqrt(v)))),
    "power": (1, 1, _on_numbers(_power)),
    "lowBoundary": (0, 1, _boundary(highest=False)),
    "highBoundary": (0, 1, _boundary(highest=True)),
    "precision": (0, 0, _precision),
    "comparable": (1, 1, _comparable),
}
