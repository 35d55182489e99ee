"""FHIRPath Patch: add, insert, delete, replace and move elements of a typed resource.

Main rules: operations are carried out in order, each on what the ones before left; except for delete a
path must point to something, and never to several. An element left empty is taken away.
Standard: FHIR R4 fhirpatch.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from yba.fhir import r4
from yba.fhir.definitions import PRIMITIVES, Property, properties_of
from yba.fhir.fhirpath.values import is_type
from yba.foundation.record.errors import PatchRefused, UnreadablePatch
from yba.foundation.record.patching.places import (
    Locator,
    NoPlace,
    Pair,
    Place,
    pairs_of,
    properties,
    set_pairs,
)

_MOST_STEPS = 10_000
_DEEPEST = 50
_PARTS: Final = {
    "add": {"path", "name", "value"},
    "insert": {"path", "index", "value"},
    "delete": {"path"},
    "replace": {"path", "value"},
    "move": {"path", "source", "destination"},
}
# Types whose values are told apart by their rules only, not by their form.
_ALIKE: Final = {"integer": "number", "positiveInt": "number", "unsignedInt": "number",
                 "decimal": "number", "boolean": "boolean"}  # fmt: skip


class FhirPathPatch:
    """A Parameters resource that was read as a patch: well formed, not yet applied."""

    def __init__(self, parameters: r4.Parameters) -> None:
        """Raise UnreadablePatch where the resource is no FHIRPath Patch."""
        given = parameters.parameter or []
        if len(given) > _MOST_STEPS:
            raise UnreadablePatch(reason=f"more than {_MOST_STEPS} operations")
        self.steps = [_Step.read(number, one) for number, one in enumerate(given)]

    def apply(self, resource: msgspec.Struct) -> None:
        """Change the resource. Raises PatchRefused naming the operation that failed."""
        for step in self.steps:
            try:
                _APPLY[step.type](step, Locator(resource))
            except NoPlace as problem:
                raise PatchRefused(operation=step.number, reason=str(problem)) from None


@dataclass(slots=True)
class _Step:
    """One operation."""

    number: int
    type: str
    path: str = ""
    name: str = ""
    value: r4.ParametersParameter | None = None
    numbers: dict[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def read(cls, number: int, given: r4.ParametersParameter) -> _Step:
        """Read one parameter named operation. Raises UnreadablePatch."""
        if given.name != "operation":
            raise UnreadablePatch(reason=f"parameter {number} is not named operation")
        parts: dict[str, r4.ParametersParameter] = {}
        for part in given.part or ():
            if not part.name or part.name in parts:
                raise UnreadablePatch(reason=f"operation {number} gives a part twice")
            parts[part.name] = part
        kind = _text(parts.pop("type", None))
        allowed = _PARTS.get(kind)
        if allowed is None:
            raise UnreadablePatch(reason=f"operation {number} has no known type")
        if parts.keys() != allowed:
            needed = ", ".join(sorted(allowed))
            raise UnreadablePatch(reason=f"operation {number} ({kind}) needs exactly: {needed}")
        step = cls(number, kind, _text(parts["path"]), _text(parts.get("name")), parts.get("value"))
        for name in ("index", "source", "destination"):
            if name in parts:
                step.numbers[name] = _number(parts[name], number)
        if not step.path or (kind == "add" and not step.name):
            raise UnreadablePatch(reason=f"operation {number} has an empty path or name")
        return step


def _text(part: r4.ParametersParameter | None) -> str:
    return "" if part is None else part.valueCode or part.valueString or ""


def _number(part: r4.ParametersParameter, number: int) -> int:
    for value in (part.valueInteger, part.valueUnsignedInt, part.valuePositiveInt):
        if value is not None and value >= 0:
            return value
    raise UnreadablePatch(reason=f"the {part.name} of operation {number} is no whole number")


# -- the five operations --------------------------------------------------------------------------


def _add(step: _Step, locator: Locator) -> None:
    found = locator.places(step.path)
    if not found:
        raise NoPlace("no content was found at the path")
    if len(found) > 1:
        raise NoPlace("the path matches several elements")
    place = found[0]
    candidates = properties(place.type, step.name)
    assert step.value is not None
    of, pair = _built(step.value, candidates, 0)
    pairs = pairs_of(place.struct, of)
    present = pairs or any(pairs_of(place.struct, other) for other in candidates)
    if present and not of.is_list:
        raise NoPlace("the element exists already and does not repeat")
    set_pairs(place.struct, of, [*pairs, pair])


def _insert(step: _Step, locator: Locator) -> None:
    place, of = _list_at(step, locator)
    assert step.value is not None
    of, pair = _built(step.value, (of,), 0)
    pairs = pairs_of(place.struct, of)
    index = step.numbers["index"]
    if index > len(pairs):
        raise NoPlace("the index is outside the list")
    pairs.insert(index, pair)
    set_pairs(place.struct, of, pairs)


def _delete(step: _Step, locator: Locator) -> None:
    found = locator.places(step.path)
    if len(found) > 1:
        raise NoPlace("the path matches several elements; only one can be deleted at a time")
    for place in found:
        place.remove()


def _replace(step: _Step, locator: Locator) -> None:
    found = locator.places(step.path)
    if not found:
        raise NoPlace("no content was found at the path")
    if len(found) > 1:
        raise NoPlace("the path matches several elements")
    place = found[0]
    if place.parent is None or place.of is None:
        raise NoPlace("the resource itself cannot be replaced by a patch")
    assert step.value is not None
    candidates = properties(place.parent.type, place.of.element)
    of, pair = _built(step.value, candidates, 0)
    if of is place.of:
        place.put(pair)
    else:
        set_pairs(place.parent.struct, place.of, [])
        set_pairs(place.parent.struct, of, [pair])


def _move(step: _Step, locator: Locator) -> None:
    place, of = _list_at(step, locator)
    pairs = pairs_of(place.struct, of)
    source, destination = step.numbers["source"], step.numbers["destination"]
    if max(source, destination) >= len(pairs):
        raise NoPlace("the index is outside the list")
    pairs.insert(destination, pairs.pop(source))
    set_pairs(place.struct, of, pairs)


_APPLY: Final = {
    "add": _add, "insert": _insert, "delete": _delete, "replace": _replace, "move": _move,
}  # fmt: skip


def _list_at(step: _Step, locator: Locator) -> tuple[Place, Property]:
    place, name = locator.container(step.path)
    of = properties(place.type, name)
    if len(of) != 1 or not of[0].is_list:
        raise NoPlace("the path names no list")
    return place, of[0]


# -- values ---------------------------------------------------------------------------------------


def _built(
    given: r4.ParametersParameter, candidates: Sequence[Property], depth: int
) -> tuple[Property, Pair]:
    """Return which of the properties takes the value, and the value as that type."""
    if depth > _DEEPEST:
        raise NoPlace("the value is nested too deeply")
    if given.resource is not None:
        of = candidates[0]
        if of.type != "Resource":
            raise NoPlace("a resource cannot stand here")
        return of, (given.resource, None)
    if given.part:
        if len(candidates) != 1 or candidates[0].is_primitive:
            raise NoPlace("a value made of parts cannot stand here")
        return candidates[0], (_from_parts(given.part, candidates[0].type, depth), None)
    for of in properties_of("ParametersParameter").values():
        if of.element == "value":
            for value, extra in pairs_of(given, of):
                return _fitting(of.type, value, extra, candidates)
    raise NoPlace("the value is missing")


def _from_parts(parts: Sequence[r4.ParametersParameter], type_: str, depth: int) -> Any:
    """Return an element without a type name of its own, such as Patient.contact."""
    made = getattr(r4, type_)()
    for part in parts:
        candidates = properties(type_, part.name or "")
        of, pair = _built(part, candidates, depth + 1)
        pairs = pairs_of(made, of)
        if pairs and not of.is_list:
            raise NoPlace("the value gives an element twice that does not repeat")
        set_pairs(made, of, [*pairs, pair])
    return made


def _fitting(
    type_: str, value: Any, extra: Any, candidates: Sequence[Property]
) -> tuple[Property, Pair]:
    for of in candidates:
        if of.type == type_:
            return of, (value, extra)
    for of in candidates:
        if of.is_primitive and type_ in PRIMITIVES:
            if len(candidates) == 1 and _ALIKE.get(of.type) == _ALIKE.get(type_):
                exact = Decimal(value) if of.type == "decimal" and value is not None else value
                return of, (exact, extra)
        elif not of.is_primitive and type_ not in PRIMITIVES and is_type(type_, of.type):
            return of, (value, None)
    raise NoPlace(f"a value of type {type_} cannot stand here")
