"""The verbs of units: is it valid, canonical form, convert, multiply, divide, name.

Values go in and come out as decimals; between, everything is a fraction. A result that has no end as a decimal is
rounded half-even to 34 significant digits, the precision of decimal128.
Standard: UCUM 2.2.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from yba.fhir.ucum.errors import UnitError
from yba.fhir.ucum.essence import essence
from yba.fhir.ucum.grammar import Factor, Product, Simple, parse
from yba.fhir.ucum.special import decimal_of
from yba.fhir.ucum.units import times, unit_of

DIGITS: Final = 34


def is_valid(code: str) -> bool:
    """Return whether a text is a UCUM unit expression (case-sensitive); the empty text is not."""
    try:
        parse(code)
    except UnitError:
        return False
    return code != ""


def canonical(value: Decimal, code: str) -> tuple[Decimal, str]:
    """Return a quantity in base units: the number, and the code of the base unit ("m-3.g", "1" for none).

    Equal quantities have equal results, whatever units they were written in.
    Raises UnitError if `code` is no unit, or `value` is not on its scale.
    """
    unit = unit_of(code)
    return _decimal(unit.to_base(_fraction(value))), unit.base_code


def convert(value: Decimal, source: str, target: str) -> Decimal:
    """Return a number of `source` units as a number of `target` units.

    Raises UnitError if one is no unit or they are not comparable.
    """
    first, second = unit_of(source), unit_of(target)
    if first.powers != second.powers:
        raise UnitError("the units measure different things")
    return _decimal(second.from_base(first.to_base(_fraction(value))))


def comparable(a: str, b: str) -> bool:
    """Return whether two codes are units of one dimension, so that one converts to the other."""
    try:
        return unit_of(a).powers == unit_of(b).powers
    except UnitError:
        return False


def multiply(value_a: Decimal, a: str, value_b: Decimal, b: str) -> tuple[Decimal, str]:
    """Return the product of two quantities in base units. Raises UnitError for no units and special ones."""
    return _combined(value_a, a, value_b, b, 1)


def divide(value_a: Decimal, a: str, value_b: Decimal, b: str) -> tuple[Decimal, str]:
    """Return the quotient of two quantities in base units. Raises UnitError, also for division by zero."""
    return _combined(value_a, a, value_b, b, -1)


@lru_cache(maxsize=1024)
def display_name(code: str) -> str:
    """Return a unit in words ("(milligram) / (liter)"). Raises UnitError if it is none."""
    return _named(parse(code)) or "(unity)"


def _combined(value_a: Decimal, a: str, value_b: Decimal, b: str, sign: int) -> tuple[Decimal, str]:
    unit_a, unit_b = unit_of(a), unit_of(b)
    unit = times(unit_a, unit_b, sign)
    left, right = unit_a.to_base(_fraction(value_a)), unit_b.to_base(_fraction(value_b))
    if sign < 0 and not right:
        raise UnitError("division by zero")
    return _decimal(left * right if sign > 0 else left / right), unit.base_code


def _fraction(value: Decimal) -> Fraction:
    if not value.is_finite() or abs(value.adjusted()) > 1000:
        raise UnitError("the value is out of range")
    return Fraction(value)


def _decimal(value: Fraction) -> Decimal:
    return decimal_of(value, DIGITS)


def _named(tree: Simple | Factor | Product) -> str:
    match tree:
        case Factor(value):
            return str(value)
        case Simple(prefix, atom, exponent):
            name = (essence().prefixes[prefix][1] if prefix else "") + atom.name.lower()
            return f"({name} ^ {exponent})" if exponent != 1 else f"({name})"
        case Product(parts):
            words = ""
            for divided, part in parts:
                name = f"({_named(part)})" if isinstance(part, Product) else _named(part)
                words += (" / " if divided else " * " if words else "") + name
            return words.strip()
