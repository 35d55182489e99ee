"""Units of measure, as many of UCUM as FHIRPath comparisons of clinical quantities commonly need.

A unit is a factor and powers of base units. Calendar words (`week`) are kept apart from UCUM codes (`wk`)
because months and years of a calendar have no fixed length.
Standard: UCUM, tables 1-4 (metric prefixes, base and derived units); FHIRPath 2.0, "Time-valued Quantities".
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

_PREFIXES: Final = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
_BASES: Final = ("m", "g", "s", "K", "A", "cd", "mol", "rad", "eq", "[iU]")
# name: (factor, powers of other units); those that take prefixes first.
_METRIC: Final = {
    "L": ("0.001", "m3"), "l": ("0.001", "m3"), "N": ("1000", "g.m/s2"), "Pa": ("1000", "g/m.s2"),
    "J": ("1000", "g.m2/s2"), "W": ("1000", "g.m2/s3"), "Hz": ("1", "s-1"), "cal": ("4184", "g.m2/s2"),
    "m[Hg]": ("133322000", "g/m.s2"), "m[H2O]": ("9806650", "g/m.s2"), "bar": ("100000000", "g/m.s2"),
    "t": ("1000000", "g"), "kat": ("1", "mol/s"), "U": ("0.000000016666666666666666667", "mol/s"),
    "V": ("1000", "g.m2/s3.A"), "osm": ("1", "mol"), "Bq": ("1", "s-1"), "Gy": ("1", "m2/s2"),
}  # fmt: skip
_PLAIN: Final = {
    "min": ("60", "s"), "h": ("3600", "s"), "d": ("86400", "s"), "wk": ("604800", "s"),
    "mo": ("2629800", "s"), "a": ("31557600", "s"), "%": ("0.01", "1"), "[ppth]": ("0.001", "1"),
    "[ppm]": ("0.000001", "1"), "[in_i]": ("0.0254", "m"), "[ft_i]": ("0.3048", "m"),
    "[lb_av]": ("453.59237", "g"), "[oz_av]": ("28.349523125", "g"), "[pi]": ("3.141592653589793", "1"),
    "deg": ("0.017453292519943295", "rad"), "[drp]": ("0.00000005", "m3"), "10*": ("10", "1"),
    "[mi_i]": ("1609.344", "m"), "[yd_i]": ("0.9144", "m"), "[gal_us]": ("0.003785411784", "m3"),
}  # fmt: skip
CALENDAR: Final = {
    "year": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min",
    "second": "s", "millisecond": "ms",
}  # fmt: skip
_TOKEN = re.compile(r"(?:([^\[\]{}()./0-9+-]*(?:\[[^\]]*\])?|10\*)([+-]?\d+)?|(\d+))(?:\{[^}]*\})?")


class Unit(NamedTuple):
    """A number of base units."""

    factor: Decimal
    powers: tuple[tuple[str, int], ...]


def calendar_word(text: str) -> str | None:
    """Return the singular of a calendar word ("weeks"), or None for another word."""
    singular = text.removesuffix("s")
    return singular if singular in CALENDAR else None


@lru_cache(maxsize=2048)
def unit_of(code: str) -> Unit | None:
    """Return what a UCUM code or calendar word stands for, or None if it is not known here."""
    word = calendar_word(code) if code[-1:] == "s" or code in CALENDAR else None
    if word is not None and code not in ("s", "ms"):
        code = CALENDAR[word]
    factor, powers = Decimal(1), dict[str, int]()
    sign = 1
    for piece in re.split(r"([./])", code):
        if piece == "/":
            sign = -1
        elif piece == ".":
            sign = 1 if sign > 0 else sign
        elif piece:
            unit = _component(piece)
            if unit is None:
                return None
            factor = factor * unit.factor if sign > 0 else factor / unit.factor
            for base, power in unit.powers:
                powers[base] = powers.get(base, 0) + sign * power
            sign = 1
    return Unit(factor, tuple(sorted((b, p) for b, p in powers.items() if p)))


def written(unit: Unit) -> str:
    """Return the code of a unit made of base units only ("g/m", "1")."""
    above = [b + (str(p) if p != 1 else "") for b, p in unit.powers if p > 0]
    below = [b + (str(-p) if p != -1 else "") for b, p in unit.powers if p < 0]
    return (".".join(above) or "1") + "".join("/" + b for b in below) if above or below else "1"


def _component(text: str) -> Unit | None:
    found = _TOKEN.fullmatch(text)
    if found is None:
        return None
    symbol, power, number = found.groups()
    if number is not None:
        return Unit(Decimal(number), ())
    if not symbol:
        return Unit(Decimal(1), ()) if text.startswith("{") else None
    unit = _atom(symbol)
    if unit is None:
        return None
    times = int(power) if power else 1
    if abs(times) > 9:
        return None
    return Unit(unit.factor**times, tuple((b, p * times) for b, p in unit.powers))


def _atom(symbol: str) -> Unit | None:
    if symbol in _BASES:
        return Unit(Decimal(1), ((symbol, 1),))
    for table in (_PLAIN, _METRIC):
        if symbol in table:
            factor, definition = table[symbol]
            return _times(Decimal(factor), _definition(definition))
    for prefix, power in _PREFIXES.items():
        rest = symbol.removeprefix(prefix)
        if rest == symbol:
            continue
        if rest in _BASES:
            return Unit(Decimal(1).scaleb(power), ((rest, 1),))
        if rest in _METRIC:
            factor, definition = _METRIC[rest]
            return _times(Decimal(factor).scaleb(power), _definition(definition))
    return None


def _definition(text: str) -> Unit:
    """Read one of the definitions above, where everything after "/" is below the line."""
    above, _, below = text.partition("/")
    powers: dict[str, int] = {}
    for part, sign in ((above, 1), (below, -1)):
        for piece in part.split("."):
            name = piece.rstrip("0123456789-")
            if name:
                powers[name] = powers.get(name, 0) + sign * int(piece[len(name) :] or 1)
    return Unit(Decimal(1), tuple(sorted(powers.items())))


def _times(factor: Decimal, unit: Unit) -> Unit:
    return Unit(factor * unit.factor, unit.powers)
