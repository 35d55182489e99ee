"""The slow check: reads plain JSON and names every issue with its place.

Standard: FHIR R4 JSON (https://hl7.org/fhir/R4/json.html) and OperationOutcome.issue. Diagnostics name
elements and rules, never values, so that they may be logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias, cast

from yba.fhir.definitions import (
    Property,
    codes_of,
    concepts_of,
    is_resource_type,
    properties_of,
)
from yba.fhir.primitives import LARGEST_EXPONENT
from yba.fhir.validation import messages
from yba.fhir.validation.formats import FORMATS
from yba.fhir.validation.issues import Issue, issue

Json: TypeAlias = Any

DEEPEST = 100
_MOST_ISSUES = 200
_INTEGERS: Final = {
    "integer": (-(1 << 31), (1 << 31) - 1),
    "unsignedInt": (0, (1 << 31) - 1),
    "positiveInt": (1, (1 << 31) - 1),
}


class _Enough(Exception):
    """So many issues that listing more helps nobody."""


def issues_of(value: Json) -> list[Issue]:
    """Return every issue of a resource given as plain JSON (numbers with a point as Decimal)."""
    walker = _Walker()
    try:
        walker.resource(value, "", 0)
    except _Enough:
        walker.issues.append(
            issue("error", "too-costly", "", messages.TOO_MANY, limit=_MOST_ISSUES)
        )
    return walker.issues


class _Walker:
    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def say(self, code: str, path: str, message: str, **values: object) -> None:
        if len(self.issues) >= _MOST_ISSUES:
            raise _Enough
        self.issues.append(issue("error", code, path, message, **values))

    def resource(self, value: Json, path: str, depth: int) -> None:
        if not isinstance(value, dict):
            self.say("structure", path or "Resource", messages.NO_OBJECT)
            return
        type_ = cast("dict[str, Json]", value).get("resourceType")
        if not isinstance(type_, str) or not is_resource_type(type_):
            message = messages.NO_TYPE if type_ is None else messages.UNKNOWN_TYPE
            self.say("structure", path or "Resource", message)
            return
        rest = {k: v for k, v in cast("dict[str, Json]", value).items() if k != "resourceType"}
        self.object(type_, rest, path or type_, depth)

    def complex(self, type_: str, value: Json, path: str, depth: int) -> None:
        if type_ == "Resource":
            self.resource(value, path, depth)
        elif not isinstance(value, dict):
            self.say("structure", path, messages.BE_OBJECT, type=type_, kind=_kind(value))
        elif not value:
            self.say("structure", path, messages.EMPTY_OBJECT)
        elif value.keys() == {"id"}:
            self.say("structure", path, messages.ONLY_ID)
        else:
            self.object(type_, cast("dict[str, Json]", value), path, depth)

    def object(self, type_: str, value: Mapping[str, Json], path: str, depth: int) -> None:
        if depth > DEEPEST:
            self.say("too-long", path, messages.TOO_DEEP)
            return
        rules = properties_of(type_)
        for name in value:
            rule = rules.get(name.removeprefix("_"))
            if rule is None or (name[0:1] == "_" and not _may_extend(rule)):
                self.say("structure", f"{path}.{name}", messages.NO_ELEMENT, type=type_)
        found: dict[str, list[str]] = {}
        for rule in rules.values():
            if rule.name not in value and not (_may_extend(rule) and "_" + rule.name in value):
                continue
            found.setdefault(rule.element, []).append(rule.name)
            place = f"{path}.{rule.path}"
            if rule.is_primitive:
                self.primitives(rule, value, place, depth)
            elif rule.is_list:
                self.list_of(rule, value[rule.name], place, depth)
            else:
                self.one(rule, value[rule.name], place, depth)
        self.cardinalities(rules, found, path)

    def cardinalities(
        self, rules: Mapping[str, Property], found: Mapping[str, list[str]], path: str
    ) -> None:
        for element, names in found.items():
            if len(names) > 1:
                listed = ", ".join(sorted(names))
                self.say("structure", f"{path}.{element}", messages.ONE_TYPE, names=listed)
        for element in dict.fromkeys(r.element for r in rules.values() if r.minimum):
            if element not in found:
                self.say("required", f"{path}.{element}", messages.MANDATORY)

    def list_of(self, rule: Property, value: Json, place: str, depth: int) -> None:
        if not isinstance(value, list):
            self.say("structure", place, messages.BE_ARRAY, kind=_kind(value))
        elif not value:
            self.say("structure", place, messages.EMPTY_ARRAY)
        else:
            for number, item in enumerate(cast("list[Json]", value)):
                self.one(rule, item, f"{place}[{number}]", depth)

    def one(self, rule: Property, value: Json, place: str, depth: int) -> None:
        before = len(self.issues)
        self.complex(rule.type, value, place, depth + 1)
        if rule.binding and len(self.issues) == before:
            codings = value.get("coding", []) if rule.type == "CodeableConcept" else [value]
            systems, codes = concepts_of(rule.binding)
            if not any(c.get("system") in systems and c.get("code") in codes for c in codings):
                self.say("code-invalid", place, messages.NOT_IN_REQUIRED, set=rule.binding)

    def primitives(
        self, rule: Property, parent: Mapping[str, Json], place: str, depth: int
    ) -> None:
        absent = object()
        value = parent.get(rule.name, absent)
        extension = parent.get("_" + rule.name, absent)
        if not rule.is_list:
            if value is not absent:
                self.primitive(rule, value, place)
            if extension is not absent:
                self.extension(extension, place, depth, with_value=value is not absent)
            return
        lists: list[list[Json]] = []
        for side in (value, extension):
            if side is absent:
                lists.append([])
            elif not isinstance(side, list):
                self.say("structure", place, messages.BE_ARRAY, kind=_kind(side))
                return
            elif not side:
                self.say("structure", place, messages.EMPTY_ARRAY)
                return
            else:
                lists.append(cast("list[Json]", side))
        self.pairs(rule, lists[0], lists[1], place, depth)

    def pairs(
        self, rule: Property, values: list[Json], extensions: list[Json], place: str, depth: int
    ) -> None:
        if values and extensions and len(values) != len(extensions):
            self.say("structure", place, messages.ONE_LENGTH)
        for number in range(max(len(values), len(extensions))):
            value = values[number] if number < len(values) else None
            extension = extensions[number] if number < len(extensions) else None
            here = f"{place}[{number}]"
            if value is None and extension is None:
                self.say("structure", here, messages.NULL_ALONE)
            if value is not None:
                self.primitive(rule, value, here)
            if extension is not None:
                self.extension(extension, here, depth, with_value=value is not None)

    def extension(self, value: Json, place: str, depth: int, *, with_value: bool) -> None:
        if isinstance(value, dict) and value.keys() == {"id"} and with_value:
            self.object("Element", cast("dict[str, Json]", value), place, depth + 1)
        else:
            self.complex("Element", value, place, depth + 1)

    def primitive(self, rule: Property, value: Json, place: str) -> None:
        type_ = rule.type
        if value is None:
            self.say("structure", place, messages.NULL)
        elif type_ == "boolean":
            if not isinstance(value, bool):
                self.say("structure", place, messages.BE_BOOLEAN, kind=_kind(value))
        elif type_ == "decimal":
            self.decimal(value, place)
        elif type_ in _INTEGERS:
            low, high = _INTEGERS[type_]
            if not isinstance(value, int) or isinstance(value, bool):
                self.say("structure", place, messages.BE_WHOLE, type=type_, kind=_kind(value))
            elif not low <= value <= high:
                self.say("value", place, messages.BETWEEN, low=low, high=high, type=type_)
        elif not isinstance(value, str):
            self.say("structure", place, messages.BE_TEXT, type=type_, kind=_kind(value))
        elif not value:
            self.say("value", place, messages.EMPTY_TEXT)
        elif not FORMATS[type_](value):
            self.say("value", place, messages.NOT_VALID, type=type_)
        elif rule.binding and value not in codes_of(rule.binding):
            self.say("code-invalid", place, messages.NOT_IN_REQUIRED, set=rule.binding)

    def decimal(self, value: Json, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self.say("structure", place, messages.BE_NUMBER, kind=_kind(value))
        elif value and abs(Decimal(value).adjusted()) > LARGEST_EXPONENT:
            self.say("value", place, messages.NO_MEASURE)


def _may_extend(rule: Property) -> bool:
    return rule.is_primitive and rule.type != "xhtml" and rule.name != "id"


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "text"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "number"
