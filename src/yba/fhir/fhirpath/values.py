"""The values that expressions work on: System values, and elements of resources with their FHIR type.

Standard: FHIRPath 2.0, "Types"; FHIR R4, "FHIRPath: Using FHIRPath with FHIR".
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from yba.fhir.definitions import PRIMITIVES, Property, properties_of
from yba.fhir.fhirpath import temporal
from yba.fhir.fhirpath.temporal import Temporal


class Quantity(NamedTuple):
    """A number and its unit: a UCUM code, or a calendar word ("week")."""

    value: Decimal
    unit: str

    def __str__(self) -> str:
        from yba.fhir.fhirpath.units import calendar_word

        unit = self.unit if calendar_word(self.unit) and len(self.unit) > 2 else f"'{self.unit}'"
        return f"{plain_number(self.value)} {unit}"


class TypeName(NamedTuple):
    """What `type()` returns."""

    namespace: str
    name: str


class Node:
    """An element of a resource: its value, its FHIR type, and for a primitive its extensions."""

    __slots__ = ("extra", "type", "value")

    def __init__(self, value: Any, type_: str, extra: Any = None) -> None:
        self.value = value
        self.type = type_
        self.extra = extra

    @property
    def is_primitive(self) -> bool:
        return self.type in PRIMITIVES

    def __repr__(self) -> str:
        return f"Node({self.type}, {self.value!r})"


SystemValue: TypeAlias = bool | int | Decimal | str | Temporal | Quantity
Item: TypeAlias = SystemValue | TypeName | Node
Collection: TypeAlias = list[Item]

_PRIMITIVE_BASES: Final = {
    "code": "string", "id": "string", "markdown": "string", "url": "uri", "canonical": "uri",
    "uuid": "uri", "oid": "uri", "positiveInt": "integer", "unsignedInt": "integer",
}  # fmt: skip
_SYSTEM_TYPES: Final = (
    "Boolean",
    "Integer",
    "Decimal",
    "String",
    "Date",
    "DateTime",
    "Time",
    "Quantity",
)


def root(resource: msgspec.Struct) -> Node:
    """Return a resource or datatype as a value."""
    return Node(resource, type(resource).__name__)


def plain_number(value: Decimal) -> str:
    """Return a number without exponent."""
    return format(value, "f")


def system(item: Item) -> Any:
    """Return the System value of a primitive element or Quantity; other elements as they are."""
    if not isinstance(item, Node):
        return item
    type_, value = item.type, item.value
    if type_ in PRIMITIVES:
        if value is None or not isinstance(value, str):
            return value
        if type_ in ("date", "dateTime", "instant"):
            return _as_date_time(value, type_)
        return temporal.read_time(value) or value if type_ == "time" else value
    if type_ in ("Quantity", "Age", "Duration", "Count", "Distance") and value.value is not None:
        return Quantity(value.value, value.code or value.unit or "1")
    return item


def system_type(value: Any) -> str | None:
    """Return the name of a System type, or None for an element."""
    match value:
        case bool():
            return "Boolean"
        case int():
            return "Integer"
        case Decimal():
            return "Decimal"
        case str():
            return "String"
        case Temporal():
            return value.kind
        case Quantity():
            return "Quantity"
        case _:
            return None


def type_of(item: Item) -> TypeName:
    """Return namespace and name of the type of a value."""
    if isinstance(item, Node):
        return TypeName("FHIR", item.type)
    if isinstance(item, TypeName):
        return TypeName("System", "SimpleTypeInfo")
    return TypeName("System", system_type(item) or "Any")


@lru_cache(maxsize=1024)
def is_type(actual: str, wanted: str) -> bool:
    """Return whether a FHIR type is another or a specialisation of it."""
    name: str | None = actual
    while name:
        if name == wanted:
            return True
        name = _base_of(name)
    return False


@lru_cache(maxsize=1024)
def known_type(name: str) -> TypeName | None:
    """Return the type that a name in an expression means, or None if there is none."""
    namespace, _, bare = name.rpartition(".")
    if namespace in ("", "FHIR") and (bare in PRIMITIVES or _is_structure(bare)):
        return TypeName("FHIR", bare)
    if namespace == "System" or (namespace == "" and bare in _SYSTEM_TYPES):
        return TypeName("System", bare)
    return None


def children(node: Node, name: str) -> list[Item] | None:
    """Return the values of the child element `name`, or None if the type has no such element."""
    if node.type in PRIMITIVES:
        return _primitive_child(node, name)
    steps = elements_of(node.type).get(name)
    if steps is None:
        return None
    found: list[Item] = []
    for step in steps:
        found += _values(node.value, step)
    return found


def all_children(node: Item) -> list[Item]:
    """Return the values of every child element, in the order of the definition."""
    if not isinstance(node, Node):
        return []
    if node.type in PRIMITIVES:
        return [v for name in ("id", "extension") for v in _primitive_child(node, name) or ()]
    return [
        v
        for steps in elements_of(node.type).values()
        for s in steps
        for v in _values(node.value, s)
    ]


@lru_cache(maxsize=2048)
def elements_of(type_: str) -> dict[str, tuple[Property, ...]]:
    """Return the elements of a type with the JSON properties that they are."""
    found: dict[str, tuple[Property, ...]] = {}
    for p in properties_of(type_).values():
        found[p.element] = (*found.get(p.element, ()), p)
    return found


def _values(struct: Any, p: Property) -> list[Item]:
    value = getattr(struct, p.attribute)
    if not p.is_primitive:
        if value is None:
            return []
        return [root(v) for v in value] if p.is_list else [root(value)]
    extra = getattr(struct, f"{p.name}_ext", None)
    if not p.is_list:
        return [] if value is None and extra is None else [Node(value, p.type, extra)]
    values: list[Any] = value or []
    extras: list[Any] = extra or []
    return [
        Node(values[n] if n < len(values) else None, p.type, extras[n] if n < len(extras) else None)
        for n in range(max(len(values), len(extras)))
    ]


def _primitive_child(node: Node, name: str) -> list[Item] | None:
    if name == "value":
        return [] if node.value is None else [system(node)]
    if name not in ("id", "extension"):
        return None
    return [] if node.extra is None else children(root(node.extra), name)


def _as_date_time(text: str, type_: str) -> Any:
    moment = temporal.read(text)
    if moment is None:
        return text
    if type_ == "date" or moment.kind == "DateTime":
        return moment
    return Temporal("DateTime", moment.parts, moment.second, moment.offset)


def _base_of(name: str) -> str | None:
    if name in PRIMITIVES:
        return _PRIMITIVE_BASES.get(name, "Element")
    from yba.fhir.generated.elements import ELEMENTS

    return ELEMENTS[name][0] if name in ELEMENTS else None


def _is_structure(name: str) -> bool:
    from yba.fhir.generated.elements import ELEMENTS

    return name in ELEMENTS
