"""The table of UCUM: prefixes, base units and defined units, as its authors publish them.

The file is dated and unchanged; its notice lies beside it (`data/NOTICE.md`).
Standard: UCUM 2.2 (2024-06-17), tables 1-24.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

REVISION: Final = "2024-06-17"
_FILE: Final = Path(__file__).parent / "data" / f"ucum-essence-{REVISION}.xml"
_NS: Final = "{http://unitsofmeasure.org/ucum-essence}"


@dataclass(frozen=True, slots=True)
class Atom:
    """A unit symbol. `unit` and `value` say what one of it is; a base unit has none.

    `function` names the conversion of a special unit, whose `value` and `unit` are those of the proper unit.
    """

    code: str
    name: str
    is_metric: bool
    is_arbitrary: bool
    value: Fraction
    unit: str | None
    function: str | None


@dataclass(frozen=True, slots=True)
class Essence:
    """Atoms by code; prefixes as (factor, name) by code; base units in the order of the table."""

    atoms: dict[str, Atom]
    prefixes: dict[str, tuple[Fraction, str]]
    bases: tuple[str, ...]


@cache
def essence() -> Essence:
    """Return the table; read once."""
    root = ET.parse(_FILE).getroot()  # noqa: S314 - our own file
    prefixes = {
        _code(e): (Fraction(_value(e).get("value", "1")), _name(e))
        for e in root.iter(f"{_NS}prefix")
    }
    bases = [
        Atom(_code(e), _name(e), True, False, Fraction(1), None, None)
        for e in root.iter(f"{_NS}base-unit")
    ]
    defined = [_atom(e) for e in root.iter(f"{_NS}unit")]
    return Essence({a.code: a for a in (*bases, *defined)}, prefixes, tuple(a.code for a in bases))


def _atom(element: ET.Element) -> Atom:
    value = _value(element)
    function = value.find(f"{_NS}function")
    stated = value if function is None else function
    return Atom(
        _code(element),
        _name(element),
        element.get("isMetric") == "yes",
        element.get("isArbitrary") == "yes",
        Fraction(stated.get("value", "1")),
        stated.get("Unit", "1"),
        None if function is None else function.get("name"),
    )


def _code(element: ET.Element) -> str:
    return element.attrib["Code"]


def _name(element: ET.Element) -> str:
    return element.findtext(f"{_NS}name", "")


def _value(element: ET.Element) -> ET.Element:
    found = element.find(f"{_NS}value")
    assert found is not None
    return found
