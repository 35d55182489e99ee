"""What a unit is: a factor and powers of base units, or a special scale over such a unit.

Factors are fractions, so nothing is rounded. An arbitrary unit ("[iU]") is a base of its own: it can be compared
only with itself. Standard: UCUM 2.2, sections 18-25.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final, TypeAlias

from yba.fhir.ucum.errors import UnitError
from yba.fhir.ucum.essence import Atom, essence
from yba.fhir.ucum.grammar import Factor, Product, Simple, parse
from yba.fhir.ucum.special import Scale, scale_of

Powers: TypeAlias = tuple[tuple[str, int], ...]
# Beyond this many bits a factor is of no use to anyone and costs time.
_MOST_BITS: Final = 40_000


@dataclass(frozen=True, slots=True)
class Unit:
    """One of the unit is `factor` times the product of `powers`.

    With a `scale`, a number x of the unit is scale.to_proper(x * multiple) times that.
    """

    factor: Fraction
    powers: Powers
    scale: Scale | None = None
    multiple: Fraction = Fraction(1)

    @property
    def base_code(self) -> str:
        """The UCUM code of the base unit ("m-3.g"), "1" for none."""
        return ".".join(b if p == 1 else f"{b}{p}" for b, p in self.powers) or "1"

    def to_base(self, value: Fraction) -> Fraction:
        """Return a number of this unit as a number of base units."""
        if self.scale is not None:
            value = self.scale.to_proper(value * self.multiple)
        return value * self.factor

    def from_base(self, value: Fraction) -> Fraction:
        """Return a number of base units as a number of this unit."""
        value = value / self.factor
        return value if self.scale is None else self.scale.from_proper(value) / self.multiple


ONE: Final = Unit(Fraction(1), ())


@lru_cache(maxsize=4096)
def unit_of(code: str) -> Unit:
    """Return what a UCUM code stands for ("" and annotations alone are unity).

    Raises UnitError if it is no unit, or if a special unit is multiplied with another (UCUM, section 22).
    """
    return _resolved(parse(code))


def times(a: Unit, b: Unit, sign: int = 1) -> Unit:
    """Return the product of two units, or with sign -1 their quotient. Raises UnitError for special units."""
    if a.scale is not None or b.scale is not None:
        return _scaled(a, b, sign)
    return Unit(_bounded(a.factor, b.factor, sign), powers_of(a.powers, b.powers, sign))


def powers_of(a: Powers, b: Powers, sign: int) -> Powers:
    """Return the powers of a product or quotient, in the order of base units, without those that cancel."""
    found = dict(a)
    for base, power in b:
        found[base] = found.get(base, 0) + sign * power
    return tuple(sorted(((b, p) for b, p in found.items() if p), key=_place))


def _place(pair: tuple[str, int]) -> tuple[int, str]:
    bases = essence().bases
    return (bases.index(pair[0]) if pair[0] in bases else len(bases), pair[0])


def _scaled(a: Unit, b: Unit, sign: int) -> Unit:
    """Multiply a special unit with a plain number, which UCUM allows, and with nothing else."""
    if a.scale is not None and b.scale is None and not b.powers:
        return Unit(a.factor, a.powers, a.scale, _bounded(a.multiple, b.factor, sign))
    if b.scale is not None and a.scale is None and not a.powers and sign > 0:
        return Unit(b.factor, b.powers, b.scale, _bounded(b.multiple, a.factor, 1))
    raise UnitError("a unit with a scale of its own takes no part in products")


def _bounded(a: Fraction, b: Fraction, sign: int) -> Fraction:
    if _bits(a) + _bits(b) > _MOST_BITS:
        raise UnitError("the unit is out of range")
    if sign < 0 and not b:
        raise UnitError("a unit is divided by zero")
    return a * b if sign > 0 else a / b


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _resolved(tree: Simple | Factor | Product) -> Unit:
    match tree:
        case Factor(value):
            return Unit(_bounded(Fraction(value), Fraction(1), 1), ())
        case Simple():
            return _raised(tree)
        case Product(parts):
            found = ONE
            for divided, part in parts:
                found = times(found, _resolved(part), -1 if divided else 1)
            return found


def _raised(simple: Simple) -> Unit:
    unit = _atom_unit(simple.atom)
    if simple.prefix:
        factor, _ = essence().prefixes[simple.prefix]
        unit = times(unit, Unit(factor, ()))
    power = simple.exponent
    if power == 1:
        return unit
    if unit.scale is not None:
        raise UnitError("a unit with a scale of its own takes no exponent")
    if _bits(unit.factor) * abs(power) > _MOST_BITS:
        raise UnitError("the unit is out of range")
    return Unit(unit.factor**power, tuple((b, p * power) for b, p in unit.powers if power))


@lru_cache(maxsize=512)
def _atom_unit(atom: Atom) -> Unit:
    if atom.unit is None or (atom.is_arbitrary and atom.unit == "1"):
        return Unit(Fraction(1), ((atom.code, 1),))
    if atom.function is None:
        return times(unit_of(atom.unit), Unit(atom.value, ()))
    # The table gives the angle of a slope in degrees in one place and in radians in another; tan takes radians.
    proper = unit_of("rad" if atom.function == "100tan" else atom.unit)
    return Unit(proper.factor * atom.value, proper.powers, scale_of(atom.function))
