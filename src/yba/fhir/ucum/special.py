"""Units whose scale is not proportional to another's: temperatures, logarithms, tangents.

Each function has two directions between a number on the special scale and one of the proper unit, in decimal
arithmetic of 40 digits. Standard: UCUM 2.2, sections 21-22 and tables 13-20.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final, NamedTuple

from yba.fhir.ucum.errors import UnitError

PRECISION: Final = 40


class Scale(NamedTuple):
    """Both directions of a special unit."""

    to_proper: Callable[[Fraction], Fraction]
    from_proper: Callable[[Fraction], Fraction]


def scale_of(function: str) -> Scale:
    """Return the conversion that UCUM names so. Raises UnitError for one that is not known here."""
    found = _SCALES.get(function)
    if found is None:
        raise UnitError("the unit's conversion is not known")
    return found


def decimal_of(value: Fraction, digits: int = PRECISION) -> Decimal:
    """Return a fraction as a decimal of at most so many significant digits, exact if it has no more."""
    with localcontext() as context:
        context.prec = digits
        return Decimal(value.numerator) / Decimal(value.denominator)


def _shifted(by: str) -> Scale:
    amount = Fraction(by)
    return Scale(lambda x: x + amount, lambda x: x - amount)


def _power(base: int, per: int) -> Scale:
    """r = base ** (x / per)."""

    def to_proper(x: Fraction) -> Fraction:
        if abs(x) > _LARGEST:
            raise UnitError("the value is out of the range of its logarithmic unit")
        with localcontext() as context:
            context.prec = PRECISION
            return Fraction(Decimal(base) ** decimal_of(x / per))

    def from_proper(r: Fraction) -> Fraction:
        if r <= 0:
            raise UnitError("only positive values have a logarithm")
        with localcontext() as context:
            context.prec = PRECISION
            value = decimal_of(r)
            found = value.log10() if base == 10 else value.ln() / Decimal(base).ln()
            return per * Fraction(found)

    return Scale(to_proper, from_proper)


def _natural() -> Scale:
    def to_proper(x: Fraction) -> Fraction:
        if abs(x) > _LARGEST:
            raise UnitError("the value is out of the range of its logarithmic unit")
        with localcontext() as context:
            context.prec = PRECISION
            return Fraction(decimal_of(x).exp())

    def from_proper(r: Fraction) -> Fraction:
        if r <= 0:
            raise UnitError("only positive values have a logarithm")
        with localcontext() as context:
            context.prec = PRECISION
            return Fraction(decimal_of(r).ln())

    return Scale(to_proper, from_proper)


def _tangent() -> Scale:
    """x = 100 tan(angle), in double precision."""
    return Scale(
        lambda x: Fraction(repr(math.atan(float(x / 100)))),
        lambda r: Fraction(repr(100 * math.tan(float(r)))),
    )


def _square_root(x: Fraction) -> Fraction:
    if x < 0:
        raise UnitError("only positive values have a square root")
    with localcontext() as context:
        context.prec = PRECISION
        return Fraction(decimal_of(x).sqrt())


_LARGEST: Final = 1000
_SCALES: Final = {
    "Cel": _shifted("273.15"),
    "degF": _shifted("459.67"),
    "degRe": _shifted("218.52"),
    "tanTimes100": _tangent(),
    "100tan": _tangent(),
    "hpX": _power(10, -1),
    "hpC": _power(100, -1),
    "hpM": _power(1000, -1),
    "hpQ": _power(50000, -1),
    "pH": _power(10, -1),
    "ln": _natural(),
    "lg": _power(10, 1),
    "ld": _power(2, 1),
    "lgTimes2": _power(10, 2),
    "sqrt": Scale(lambda x: x * x, _square_root),
}
