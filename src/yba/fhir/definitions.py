"""The definitions of FHIR types at run time: which elements, how many, of what type, with which codes.

Read on demand from generated tables.
Standard: FHIR R4 StructureDefinition snapshots.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, get_args

PRIMITIVES: Final = frozenset(
    {
        *("base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id"),
        *("instant", "integer", "markdown", "oid", "positiveInt", "string", "time"),
        *("unsignedInt", "uri", "url", "uuid", "xhtml"),
    }
)


@dataclass(frozen=True, slots=True)
class Property:
    """A JSON property of a type. A choice (`value[x]`) is several properties of one element."""

    name: str
    """As in JSON: "valueQuantity"."""
    element: str
    """As in FHIRPath: "value"."""
    type: str
    targets: tuple[str, ...]
    """Types that a Reference may point to; empty means any."""
    minimum: int
    is_list: bool
    is_choice: bool
    binding: str

    @property
    def is_primitive(self) -> bool:
        return self.type in PRIMITIVES

    @property
    def attribute(self) -> str:
        """Name of the Python attribute."""
        return self.name + "_" if keyword.iskeyword(self.name) else self.name

    @property
    def path(self) -> str:
        """FHIRPath step to the property."""
        return f"{self.element}.ofType({self.type})" if self.is_choice else self.element


@cache
def properties_of(type_: str) -> Mapping[str, Property]:
    """Return the properties of a type by JSON name, inherited ones first.

    Raises KeyError if R4 has no such type.
    """
    from yba.fhir.generated.elements import ELEMENTS

    base, text = ELEMENTS[type_]
    found: dict[str, Property] = dict(properties_of(base)) if base else {}
    for line in text.split("\n"):
        if line:
            found.update({p.name: p for p in _properties(line)})
    return MappingProxyType(found)


@cache
def is_resource_type(name: str) -> bool:
    """Return whether `name` is a concrete R4 resource type."""
    from yba.fhir.generated.types import RESOURCES

    return name in RESOURCES


@cache
def codes_of(binding: str) -> frozenset[str]:
    """Return the codes that a required binding of an element of type code allows."""
    from yba.fhir.generated import codes

    return frozenset(get_args(getattr(codes, binding)))


@cache
def concepts_of(binding: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return (systems, codes) that a required binding of a CodeableConcept or Coding allows."""
    from yba.fhir.generated.elements import CONCEPTS

    systems, codes = CONCEPTS[binding]
    return frozenset(systems), frozenset(codes)


def _properties(line: str) -> list[Property]:
    name, minimum, maximum, types, *binding = line.split(" ")
    is_choice = name.endswith("[x]")
    element = name.removesuffix("[x]")
    found: list[Property] = []
    for text in types.split(","):
        type_, *targets = text.split(">")
        found.append(
            Property(
                name=element + type_[0].upper() + type_[1:] if is_choice else element,
                element=element,
                type=type_,
                targets=tuple(targets),
                minimum=int(minimum),
                is_list=maximum != "1",
                is_choice=is_choice,
                binding=binding[0] if binding else "",
            )
        )
    return found
