"""What can be searched in a resource: values extracted for the search index, and the parameters that ask for them.

The main rule: values are filed by **element**, not by parameter. Every search expression is split
at `|` into element paths, each path of a type has one small stable number, and a parameter lists
the numbers it covers. `patient` and `subject` of an Observation, or `code` and `combo-code`, thus
share one entry, and a query for a parameter asks for any of its `elements`.

Extraction is generated Python (`tools/fhir_generator`); nothing here interprets FHIRPath. `_id` and
`_lastUpdated` have numbers but are never extracted: a store keeps them as columns.
Standard: FHIR R4 search, https://hl7.org/fhir/R4/search.html, and the R4 SearchParameter and
CompartmentDefinition resources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from yba.fhir.moments import EARLIEST, LATEST, range_of
from yba.fhir.numbering import (
    ELEMENT_ID,
    ELEMENT_LAST_UPDATED,
    ELEMENT_PROFILE,
    ELEMENT_SECURITY,
    ELEMENT_SOURCE,
    ELEMENT_TAG,
)

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

if TYPE_CHECKING:
    from yba.fhir.generated.datatypes import Resource

Kind: TypeAlias = Literal[
    "token", "reference", "string", "date", "number", "quantity", "uri", "composite", "special"
]

_DEFINITION = "http://hl7.org/fhir/SearchParameter/"

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
    """Types that a reference may point to; empty means any. `patient` covers the element of `subject` but has ("Patient",)."""
    components: tuple[tuple[str, Kind], ...]
    """Of a composite: (code, kind) of its parts, in the order in which the query writes them."""
    expression: str
    """FHIRPath of the definition."""
    definition: str = ""
    """Canonical url of the SearchParameter."""


class Index:
    """Everything searchable in one resource. The first item of every tuple is the element number."""

    __slots__ = (
        "composites",
        "dates",
        "identifiers",
        "inside",
        "labels",
        "logical",
        "numbers",
        "patient",
        "positions",
        "quantities",
        "references",
        "strings",
        "time",
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
        self.labels: list[tuple[int, str, str | None, str | None]] = []
        """(element, text, system, code) for `:text`: what people read of a code (Coding.display,
        CodeableConcept.text), or of an element without one (then the code is None; also
        Identifier.type.text)."""
        self.references: list[Reference] = []
        """(element, type, id) of a relative reference "Patient/1" or "Patient/1/_history/2"."""
        self.urls: list[tuple[int, str]] = []
        """(element, url) of an absolute, urn: or canonical reference; "x|2" is filed as "x|2" and as "x"."""
        self.inside: list[tuple[int, str]] = []
        """(element, id) of a reference to a contained resource, "#med" as "med"."""
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
        self.positions: list[tuple[int, Decimal, Decimal]] = []
        """(element, latitude, longitude) in degrees."""
        self.uris: list[tuple[int, str]] = []
        """(element, uri as written)."""
        self.composites: list[tuple[int, tuple[tuple[object, ...], ...]]] = []
        """(element, parts): two parts, in MolecularSequence three, shaped as in their own lists without
        the element number: token (system, code), quantity (low, high, system, code, unit), date and
        number (low, high), string (text,), reference (type or None, id or url). Each combination is
        one entry. Kinds of the parts: SearchParam.components."""
        self.patient: str | None = None
        """Id of the patient in whose compartment the resource lies; a Patient lies in its own."""
        self.time: int | None = None
        """Microsecond at which the thing itself happened (effective, period, authored...), if it is known."""


def extract(resource: Resource, zone: tzinfo = UTC) -> Index:
    """Return everything that can be searched in `resource`.

    `zone` is where dates without a zone are read. Contained resources are not searched.
    Raises ValueError for a date that is none; a resource without validation issues has none.
    """
    x = Index()
    _extractors()[type(resource)](resource, x, zone)
    type_ = type(resource).__name__
    x.patient = _patient(x, type_, resource.id)
    x.time = _time(x, type_)
    return x


def patient_of(resource: Resource) -> str | None:
    """Return the id of the patient in whose compartment `resource` lies, or None.

    Of several patients it is the one whom the resource is about (subject before performer).
    Source: CompartmentDefinition "patient" of FHIR R4.
    """
    return extract(resource).patient


def primary_time(resource: Resource, zone: tzinfo = UTC) -> int | None:
    """Return the first microsecond of the main clinical date of `resource`, or None without one."""
    return extract(resource, zone).time


@cache
def search_parameters(type_: str) -> Mapping[str, SearchParam]:
    """Return the search parameters of a resource type by code, those of all resources included.

    Raises KeyError for a name that is no R4 resource type.
    """
    from yba.fhir.generated.parameters import PARAMETERS

    lines = PARAMETERS["Resource"].split("\n") + PARAMETERS[type_].split("\n")
    found = (_read_parameter(line) for line in lines if line)
    return MappingProxyType({parameter.code: parameter for parameter in found})


def _read_parameter(line: str) -> SearchParam:
    code, kind, elements, targets, components, definition, expression = line.split(" ", 6)
    pairs = (c.split(":") for c in components.split(",") if components != "-")
    return SearchParam(
        code=code,
        kind=cast(Kind, kind),
        elements=tuple(int(n) for n in elements.split(",")) if elements != "-" else (),
        targets=tuple(targets.split(",")) if targets != "-" else (),
        components=tuple((part_code, cast(Kind, part_kind)) for part_code, part_kind in pairs),
        expression=expression,
        definition=_DEFINITION + definition,
    )


@cache
def _extractors() -> Mapping[type, Callable[[Any, Index, tzinfo], None]]:
    # Imported on first use: half of the generated code is not needed by whoever only decodes.
    from yba.fhir.generated.extractors import EXTRACTORS

    return EXTRACTORS


def _patient(x: Index, type_: str, id_: str | None) -> str | None:
    if type_ == "Patient":
        return id_
    elements = _patient_elements().get(type_, ())
    best, found = len(elements), None
    for element, target, target_id in x.references:
        if target == "Patient" and element in elements:
            place = elements.index(element)
            if place < best:
                best, found = place, target_id
    return found


def _time(x: Index, type_: str) -> int | None:
    elements = _time_elements().get(type_, ())
    best, found = len(elements), None
    for element, low, high in x.dates:
        if element in elements:
            place = elements.index(element)
            if place < best:
                best, found = place, (high if low == EARLIEST else low)
    return found


@cache
def _patient_elements() -> Mapping[str, tuple[int, ...]]:
    from yba.fhir.generated.parameters import PATIENT_ELEMENTS

    return PATIENT_ELEMENTS


@cache
def _time_elements() -> Mapping[str, tuple[int, ...]]:
    from yba.fhir.generated.parameters import TIME_ELEMENTS

    return TIME_ELEMENTS
