"""What can be searched in a resource: values extracted for the search index, and the parameters that ask for them.

The main rule: values are filed by **element**, not by parameter. Every search expression is split
at `|` into element paths, each path of a type has one small stable number, and a parameter lists
the numbers it covers. `patient` and `subject` of an Observation, or `code` and `combo-code`, thus
share one entry, and a query for a parameter asks for any of its `elements`.

Extraction is generated Python (`tools/fhir_generator`); nothing here interprets FHIRPath.
Standard: FHIR R4 search, https://hl7.org/fhir/R4/search.html, and the R4 SearchParameter and
CompartmentDefinition resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeAlias

from yba.fhir.moments import EARLIEST, LATEST, range_of

__all__ = [
    "EARLIEST",
    "ELEMENT_ID",
    "ELEMENT_LAST_UPDATED",
    "ELEMENT_PROFILE",
    "ELEMENT_SECURITY",
    "ELEMENT_SOURCE",
    "ELEMENT_TAG",
    "LATEST",
    "Index",
    "SearchParam",
    "extract",
    "patient_of",
    "primary_time",
    "range_of",
    "search_parameters",
]

Kind: TypeAlias = Literal[
    "token", "reference", "string", "date", "number", "quantity", "uri", "composite", "special"
]

# Numbers 1-15 mean the same in every type; the numbers of a type's own elements start at 16.
ELEMENT_ID = 1  # never extracted: the store keeps id and lastUpdated as columns
ELEMENT_LAST_UPDATED = 2
ELEMENT_TAG = 3
ELEMENT_PROFILE = 4
ELEMENT_SECURITY = 5
ELEMENT_SOURCE = 6

Token: TypeAlias = tuple[int, str | None, str]
Reference: TypeAlias = tuple[int, str, str]
Quantity: TypeAlias = tuple[int, Decimal, Decimal, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class SearchParam:
    """One search parameter of one resource type."""

    code: str
    """As written in a query, "birthdate"."""
    kind: Kind
    elements: tuple[int, ...]
    """A value of this parameter may be filed under any of these numbers (OR). Empty: nothing is extracted."""
    targets: tuple[str, ...]
    """Types that a reference may point to. `patient` covers the element of `subject` but has ("Patient",)."""
    components: tuple[tuple[str, Kind], ...]
    """Of a composite: (code, kind) of its parts, in the order in which the query writes them."""
    expression: str
    """FHIRPath of the definition."""


class Index:
    """Everything searchable in one resource. The first item of every tuple is the element number."""

    __slots__ = (
        "composites",
        "dates",
        "identifiers",
        "logical",
        "numbers",
        "quantities",
        "references",
        "strings",
        "tokens",
        "uris",
        "urls",
    )

    def __init__(self) -> None:
        self.tokens: list[Token] = []
        """(element, system or None, code). Coding, Identifier (its value), ContactPoint (system is
        "phone", "email"...), code (the system of its required value set), boolean, string, uri."""
        self.identifiers: list[tuple[int, str | None, str, str]] = []
        """(element, type's system, type's code, value) for `:of-type`; identifiers that name a type only."""
        self.references: list[Reference] = []
        """(element, type, id) of a relative reference "Patient/1" or "Patient/1/_history/2"."""
        self.urls: list[tuple[int, str]] = []
        """(element, url) of an absolute, urn: or canonical reference; "x|2" is filed as "x|2" and as "x"."""
        self.logical: list[Token] = []
        """(element, system or None, value) of Reference.identifier, for `:identifier`."""
        self.strings: list[tuple[int, str]] = []
        """(element, text as written). Fold with yba.kernel.text.fold. Names and addresses give one
        entry for each part and one for their text."""
        self.dates: list[tuple[int, int, int]] = []
        """(element, first microsecond, last microsecond), both inclusive, since 1970 UTC. A period
        without an end has EARLIEST or LATEST."""
        self.numbers: list[tuple[int, Decimal, Decimal]] = []
        """(element, low, high); equal for a plain number (the implicit precision belongs to the value asked
        for, see `yba.fhir.numbers`)."""
        self.quantities: list[Quantity] = []
        """(element, low, high, system, code, unit). Open ends are Decimal("±Infinity")."""
        self.uris: list[tuple[int, str]] = []
        """(element, uri as written)."""
        self.composites: list[tuple[int, tuple[tuple[object, ...], ...]]] = []
        """(element, parts): two parts, in MolecularSequence three, shaped as in their own lists without
        the element number: token (system, code), quantity (low, high, system, code, unit), date and
        number (low, high), string (text,), reference (type or None, id or url). Each combination is
        one entry. Kinds of the parts: SearchParam.components."""
