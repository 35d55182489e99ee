"""Parts of resources: `_summary` and `_elements`.

Main rule: mandatory elements stay, so that a part is still a resource; it is marked SUBSETTED, so that
nobody takes it for the whole. `_elements` speaks of what was searched for; `Type.element` also of what
was included.
Standard: FHIR R4 search, "Summary" and "Elements".
"""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from typing import Any

import msgspec

from yba.fhir import r4
from yba.fhir.definitions import properties_of
from yba.fhir.generated.summaries import SUMMARIES

_SUBSETTED = r4.Coding(
    system="http://terminology.hl7.org/CodeSystem/v3-ObservationValue", code="SUBSETTED"
)
_ALWAYS = ("id", "meta")


def elements_for(type_: str, elements: tuple[str, ...], *, is_match: bool) -> tuple[str, ...]:
    """Return which of `_elements` speak of a resource; empty: it stays whole."""
    return tuple(
        name
        for owner, _, name in (element.rpartition(".") for element in elements)
        if owner == type_ or (not owner and is_match)
    )


def subset(body: bytes, elements: tuple[str, ...], summary: str) -> bytes:
    """Return the resource with only the elements asked for, or its summary true, text or data."""
    resource = r4.decode(body)
    name = type(resource).__name__
    if elements:
        _keep(resource, name, {*elements})
    elif summary == "true":
        _summarise(resource, name)
    elif summary == "text":
        _keep(resource, name, {"text"})
    elif summary == "data":
        resource.text = None  # type: ignore[attr-defined]
    if resource.meta is None:
        resource.meta = r4.Meta()
    resource.meta.tag = [*(resource.meta.tag or ()), _SUBSETTED]
    return r4.encode(resource)


def _keep(part: msgspec.Struct, type_: str, wanted: Container[str]) -> None:
    """Leave out what is neither wanted nor mandatory."""
    for item in properties_of(type_).values():
        kept = item.name in _ALWAYS or item.minimum > 0
        if kept or item.element in wanted or item.name in wanted:
            continue
        setattr(part, item.attribute, None)
        if hasattr(part, item.name + "_ext"):
            setattr(part, item.name + "_ext", None)


def _summarise(part: Any, type_: str) -> None:
    """Leave out what the definition does not mark as summary, in the parts of parts, too."""
    _keep(part, type_, _summary_of(type_))
    for item in properties_of(type_).values():
        if item.type in SUMMARIES and not item.type[0].islower() and item.type.startswith(type_):
            value = getattr(part, item.attribute)
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    _summarise(one, item.type)


@cache
def _summary_of(type_: str) -> frozenset[str]:
    return frozenset(SUMMARIES[type_].split())
