"""How values of each datatype are filed in an Index: the leaves that generated extractors call.

The main rule: nothing is interpreted twice; a leaf takes one value of one datatype, an element number and
the list it belongs to. `parts` functions return the same values for composites.
Standard: FHIR R4 search, tables "token", "reference", "string", "quantity", "date".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from yba.fhir.moments import EARLIEST, LATEST, range_of
from yba.fhir.numbering import ELEMENT_PROFILE, ELEMENT_SECURITY, ELEMENT_SOURCE, ELEMENT_TAG

if TYPE_CHECKING:
    from yba.fhir.generated import datatypes as t
    from yba.fhir.generated.types import LocationPosition
    from yba.fhir.index import Index

Part: TypeAlias = tuple[Any, ...]

_INFINITY = Decimal("Infinity")


@lru_cache(maxsize=16_384)
def relative(reference: str) -> tuple[str, str] | None:
    """Return (type, id) of "Patient/1" or "Patient/1/_history/2", or None for any other form."""
    parts = reference.split("/")
    if len(parts) == 4 and parts[2] == "_history":
        del parts[2:]
    if len(parts) != 2 or not parts[1] or not parts[0].isalpha() or not parts[0][0].isupper():
        return None
    if parts[1].strip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-."):
        return None
    return parts[0], parts[1]


def file_meta(x: Index, meta: t.Meta) -> None:
    """File tags, profiles, security labels and source, whose numbers all types share."""
    if meta.profile is not None:
        x.uris.extend((ELEMENT_PROFILE, profile) for profile in meta.profile if profile is not None)
    if meta.source is not None:
        x.uris.append((ELEMENT_SOURCE, meta.source))
    if meta.tag is not None:
        for tag in meta.tag:
            file_coding(x, ELEMENT_TAG, tag)
    if meta.security is not None:
        for label in meta.security:
            file_coding(x, ELEMENT_SECURITY, label)


def file_coding(x: Index, n: int, coding: t.Coding) -> None:
    """File a Coding: its code, and what people read of it."""
    if coding.code is not None:
        x.tokens.append((n, coding.system, coding.code))
    if coding.display is not None:
        x.labels.append((n, coding.display, coding.system, coding.code))


def file_text(x: Index, n: int, concept: t.CodeableConcept) -> None:
    """File CodeableConcept.text as what people read of each of its codes."""
    text, codes = concept.text, 0
    if text is None:
        return
    for coding in concept.coding or ():
        if coding.code is not None:
            codes += 1
            if coding.display != text:
                x.labels.append((n, text, coding.system, coding.code))
    if not codes:
        x.labels.append((n, text, None, None))


def file_reference(x: Index, n: int, reference: t.Reference) -> None:
    """File a Reference: by type and id, by url, by identifier, by the id of a contained resource."""
    url = reference.reference
    if url is not None:
        pair = relative(url)
        if pair is not None:
            x.references.append((n, pair[0], pair[1]))
        elif url[0] != "#":
            x.urls.append((n, url))
        elif url != "#":
            x.inside.append((n, url[1:]))
    identifier = reference.identifier
    if identifier is not None and identifier.value is not None:
        x.logical.append((n, identifier.system, identifier.value))


def file_canonical(x: Index, n: int, url: str) -> None:
    """File a canonical or a uri that is used as a reference; with a version, with and without it."""
    pair = relative(url)
    if pair is not None:
        x.references.append((n, pair[0], pair[1]))
    elif url[0] != "#":
        x.urls.append((n, url))
        bare, bar, _ = url.partition("|")
        if bar and bare:
            x.urls.append((n, bare))


def file_resource(x: Index, n: int, resource: t.Resource) -> None:
    """File a resource that stands inside another as a reference to it."""
    if resource.id is not None:
        x.references.append((n, type(resource).__name__, resource.id))


def file_identifier(x: Index, n: int, identifier: t.Identifier) -> None:
    """File an Identifier as a token and, when it says of which type it is, for `:of-type`."""
    value = identifier.value
    if value is None:
        return
    x.tokens.append((n, identifier.system, value))
    kind = identifier.type
    if kind is None:
        return
    if kind.text is not None:
        x.labels.append((n, kind.text, None, None))
    for coding in kind.coding or ():
        if coding.code is not None:
            x.identifiers.append((n, coding.system, coding.code, value))


def file_contact(x: Index, n: int, contact: t.ContactPoint) -> None:
    """File a ContactPoint; "phone", "email" and so on stand in the place of the system."""
    if contact.value is not None:
        x.tokens.append((n, contact.system, contact.value))


def file_name(x: Index, n: int, name: t.HumanName) -> None:
    """File every part of a HumanName and its text."""
    strings = x.strings
    if name.text is not None:
        strings.append((n, name.text))
    if name.family is not None:
        strings.append((n, name.family))
    for parts in (name.given, name.prefix, name.suffix):
        if parts is not None:
            strings.extend((n, part) for part in parts if part is not None)


def file_address(x: Index, n: int, address: t.Address) -> None:
    """File every part of an Address and its text."""
    strings = x.strings
    if address.line is not None:
        strings.extend((n, line) for line in address.line if line is not None)
    for part in (
        address.text,
        address.city,
        address.district,
        address.state,
        address.country,
        address.postalCode,
    ):
        if part is not None:
            strings.append((n, part))


def file_concept_texts(x: Index, n: int, concept: t.CodeableConcept) -> None:
    """File what people read of a CodeableConcept, where a string is asked for."""
    if concept.text is not None:
        x.strings.append((n, concept.text))
    for coding in concept.coding or ():
        if coding.display is not None:
            x.strings.append((n, coding.display))


def file_position(x: Index, n: int, position: LocationPosition) -> None:
    """File a point on earth; numbers that name none (WGS84) are kept and not found by `near`."""
    if position.latitude is None or position.longitude is None:
        return
    if abs(position.latitude) <= 90 and abs(position.longitude) <= 180:
        x.positions.append((n, position.latitude, position.longitude))


def has_extension(element: t.Element, url: str) -> bool:
    """Return whether an element carries an extension."""
    return any(extension.url == url for extension in element.extension or ())


def file_period(x: Index, n: int, period: t.Period, zone: tzinfo) -> None:
    """File a Period as the range from its earliest to its latest microsecond."""
    for part in period_parts(period, zone):
        x.dates.append((n, part[0], part[1]))


def file_timing(x: Index, n: int, timing: t.Timing, zone: tzinfo) -> None:
    """File the outer limits of a Timing; the schedule between them is not searchable."""
    ranges = [range_of(event, zone) for event in timing.event or () if event is not None]
    bounds = None if timing.repeat is None else timing.repeat.boundsPeriod
    if bounds is not None:
        ranges += [(part[0], part[1]) for part in period_parts(bounds, zone)]
    if ranges:
        x.dates.append((n, min(r[0] for r in ranges), max(r[1] for r in ranges)))


def file_quantity(x: Index, n: int, quantity: t.Quantity) -> None:
    """File a Quantity as a point, or as a half-open range when it has a comparator."""
    for part in quantity_parts(quantity):
        x.quantities.append((n, *part))


def file_range(x: Index, n: int, range_: t.Range) -> None:
    """File a Range of quantities."""
    for part in range_parts(range_):
        x.quantities.append((n, *part))


def file_money(x: Index, n: int, money: t.Money) -> None:
    """File Money as a quantity whose code is the currency."""
    if money.value is not None:
        x.quantities.append(
            (n, money.value, money.value, "urn:iso:std:iso:4217", money.currency, None)
        )


def file_number_range(x: Index, n: int, range_: t.Range) -> None:
    """File a Range where a plain number is asked for."""
    for part in range_parts(range_):
        x.numbers.append((n, part[0], part[1]))


def file_sampled(x: Index, n: int, sampled: t.SampledData) -> None:
    """File the bounds of the values of SampledData; letters for "no value" and "off scale" are passed over."""
    origin = sampled.origin
    if sampled.data is None or origin is None or origin.value is None:
        return
    values = [Decimal(v) for v in sampled.data.split() if v not in ("E", "U", "L")]
    if values:
        factor = Decimal(1) if sampled.factor is None else sampled.factor
        ends = sorted((min(values) * factor + origin.value, max(values) * factor + origin.value))
        x.quantities.append((n, ends[0], ends[1], origin.system, origin.code, origin.unit))


def concept_parts(concept: t.CodeableConcept) -> list[Part]:
    """Return (system, code) of each coding."""
    return [(c.system, c.code) for c in concept.coding or () if c.code is not None]


def coding_parts(coding: t.Coding) -> list[Part]:
    """Return (system, code), if there is a code."""
    return [] if coding.code is None else [(coding.system, coding.code)]


def quantity_parts(
    quantity: t.Quantity,
) -> list[tuple[Decimal, Decimal, str | None, str | None, str | None]]:
    """Return (low, high, system, code, unit), if there is a value."""
    value = quantity.value
    if value is None:
        return []
    low = high = value
    comparator = quantity.comparator
    if comparator is not None:
        low, high = (-_INFINITY, value) if comparator[0] == "<" else (value, _INFINITY)
    return [(low, high, quantity.system, quantity.code, quantity.unit)]


def range_parts(
    range_: t.Range,
) -> list[tuple[Decimal, Decimal, str | None, str | None, str | None]]:
    """Return (low, high, system, code, unit) of a Range with at least one limit."""
    low, high = range_.low, range_.high
    unit = low if low is not None and low.value is not None else high
    if unit is None or unit.value is None:
        return []
    return [
        (
            -_INFINITY if low is None or low.value is None else low.value,
            _INFINITY if high is None or high.value is None else high.value,
            unit.system,
            unit.code,
            unit.unit,
        )
    ]


def period_parts(period: t.Period, zone: tzinfo) -> list[tuple[int, int]]:
    """Return (first, last microsecond) of a Period with at least one end."""
    start, end = period.start, period.end
    if start is None and end is None:
        return []
    low = EARLIEST if start is None else range_of(start, zone)[0]
    return [(low, LATEST if end is None else range_of(end, zone)[1])]


def reference_parts(reference: t.Reference) -> list[Part]:
    """Return (type, id), or (None, url) of a reference that is not relative."""
    url = reference.reference
    if url is None or url[0] == "#":
        return []
    return [relative(url) or (None, url)]


def file_composite(x: Index, n: int, *parts: Sequence[Part]) -> None:
    """File each combination of the parts."""
    x.composites.extend((n, combination) for combination in product(*parts))
