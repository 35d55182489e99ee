"""Where a FHIRPath Patch points to: elements of a typed resource, with the place they stand at.

Main rule: paths are made of steps into elements, indexes and filters; conditions inside filters may be
any FHIRPath. Functions that make new values point to no place and are refused.
Standard: FHIR R4 fhirpatch.html; FHIRPath 2.0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from yba.fhir import r4
from yba.fhir.definitions import Property, properties_of
from yba.fhir.fhirpath import Expression, FhirPathError, Node
from yba.fhir.fhirpath.compiling import compiled
from yba.fhir.fhirpath.evaluation import truth
from yba.fhir.fhirpath.parser import parse
from yba.fhir.fhirpath.tree import Call, Indexed, Literal, Member, Tree, TypeTest
from yba.fhir.fhirpath.values import elements_of, is_type, root

_LONGEST_PATH = 2000
_ROOTS = ("Resource", "DomainResource")
Pair = tuple[Any, Any]


class NoPlace(Exception):
    """The path points to nothing that could be changed; the text says why."""


@dataclass(slots=True, eq=False)
class Place:
    """One element: its value, and where it stands. The resource itself stands nowhere."""

    node: Node
    parent: Place | None = None
    of: Property | None = None
    index: int = 0

    @property
    def struct(self) -> Any:
        """The typed object whose elements are below this place; made for a bare primitive."""
        if not self.node.is_primitive:
            return self.node.value
        if self.node.extra is None:
            self.node.extra = r4.Element()
            self.put((self.node.value, self.node.extra))
        return self.node.extra

    @property
    def type(self) -> str:
        """The FHIR type whose elements are below this place."""
        return "Element" if self.node.is_primitive else self.node.type

    def put(self, pair: Pair) -> None:
        """Set value and extensions of this element."""
        assert self.parent is not None
        assert self.of is not None
        pairs = pairs_of(self.parent.struct, self.of)
        pairs[self.index] = pair
        set_pairs(self.parent.struct, self.of, pairs)

    def remove(self) -> None:
        """Take this element away, and every element around it that is empty then."""
        if self.parent is None or self.of is None:
            raise NoPlace("the resource itself cannot be deleted by a patch")
        struct = self.parent.struct
        pairs = pairs_of(struct, self.of)
        del pairs[self.index]
        set_pairs(struct, self.of, pairs)
        if self.parent.parent is not None and _is_empty(struct):
            if self.parent.node.is_primitive and self.parent.node.value is not None:
                self.parent.put((self.parent.node.value, None))
            else:
                self.parent.remove()


def _is_empty(struct: Any) -> bool:
    return all(getattr(struct, name) is None for name in struct.__struct_fields__)


def pairs_of(struct: Any, of: Property) -> list[Pair]:
    """Return the values of a property, each with its extensions (primitives only)."""
    value = getattr(struct, of.attribute)
    extra = getattr(struct, f"{of.name}_ext", None) if of.is_primitive else None
    if not of.is_list:
        return [] if value is None and extra is None else [(value, extra)]
    values: list[Any] = list(value or ())
    extras: list[Any] = list(extra or ())
    length = max(len(values), len(extras))
    values += [None] * (length - len(values))
    extras += [None] * (length - len(extras))
    return list(zip(values, extras, strict=True))


def set_pairs(struct: Any, of: Property, pairs: list[Pair]) -> None:
    """Set the values of a property; none at all makes it absent."""
    values: Any = [value for value, _ in pairs]
    extras: Any = [extra for _, extra in pairs]
    if not of.is_list:
        values, extras = (values[0], extras[0]) if pairs else (None, None)
    elif of.is_primitive:
        values = values if any(value is not None for value in values) else None
        extras = extras if any(extra is not None for extra in extras) else None
    setattr(struct, of.attribute, values or None if isinstance(values, list) else values)
    if of.is_primitive and hasattr(struct, f"{of.name}_ext"):
        setattr(struct, f"{of.name}_ext", extras)


def children(place: Place, name: str) -> list[Place]:
    """Return the places of the elements `name`. Raises NoPlace if the type has no such element."""
    if place.node.is_primitive and place.node.extra is None and name in ("id", "extension"):
        return []
    found: list[Place] = []
    for one in properties(place.type, name):
        pairs = pairs_of(place.struct, one)
        for index, (value, extra) in enumerate(pairs):
            node = Node(value, one.type, extra) if one.is_primitive else root(value)
            found.append(Place(node, place, one, index))
    return found


def properties(type_: str, name: str) -> tuple[Property, ...]:
    """Return what an element is in JSON: one property, or several of a choice. Raises NoPlace."""
    found = elements_of(type_).get(name)
    if found is None:
        chosen = properties_of(type_).get(name)
        if chosen is None:
            raise NoPlace("the path names an element that does not exist")
        return (chosen,)
    return found


class Locator:
    """Finds places in one resource."""

    def __init__(self, resource: msgspec.Struct) -> None:
        self.root = Place(root(resource))
        self._resource = resource

    def places(self, path: str) -> list[Place]:
        """Return the places that a path points to. Raises NoPlace."""
        return self._checked(self._places, path)

    def container(self, path: str) -> tuple[Place, str]:
        """Return the element that holds a list, and the list's name. Raises NoPlace."""
        return self._checked(self._container, path)

    def _checked(self, find: Callable[[Tree], Any], path: str) -> Any:
        if len(path) > _LONGEST_PATH:
            raise NoPlace("the path is too long")
        try:
            return find(parse(path))
        except FhirPathError as problem:
            raise NoPlace(f"the path is not understood: {problem}"[:200]) from None
        except (RecursionError, ArithmeticError):
            raise NoPlace("the path is not understood") from None

    def _container(self, tree: Tree) -> tuple[Place, str]:
        if not isinstance(tree, Member) or tree.focus is None:
            raise NoPlace("the path must end with the name of a list")
        found = self._places(tree.focus)
        if len(found) != 1:
            raise NoPlace("the path must name one list")
        return found[0], tree.name

    def _places(self, tree: Tree) -> list[Place]:
        match tree:
            case Member(None, name):
                if name == self.root.type or name in _ROOTS:
                    return [self.root]
                return children(self.root, name)
            case Member(focus, name) if focus is not None:
                return [child for one in self._places(focus) for child in children(one, name)]
            case Indexed(focus, Literal(int() as index)):
                return self._places(focus)[index : index + 1] if index >= 0 else []
            case Call(focus, name, arguments) if focus is not None:
                return self._filtered(self._places(focus), name, arguments)
            case TypeTest("as", operand, type_):
                return _of_type(self._places(operand), type_)
            case _:
                raise NoPlace("the path must be made of elements, indexes and filters")

    def _filtered(self, found: list[Place], name: str, arguments: tuple[Tree, ...]) -> list[Place]:
        match name, arguments:
            case "where", [condition]:
                holds = Expression("", condition, compiled(condition))
                return [one for one in found if self._holds(holds, one)]
            case (("ofType" | "as"), [type_]):
                return _of_type(found, _type_name(type_))
            case "extension", [Literal(str() as url)]:
                inside = [child for one in found for child in children(one, "extension")]
                return [one for one in inside if one.node.value.url == url]
            case "first", []:
                return found[:1]
            case "last", []:
                return found[-1:]
            case "tail", []:
                return found[1:]
            case "single", []:
                if len(found) > 1:
                    raise NoPlace("the path matches several elements")
                return found
            case "skip", [Literal(int() as count)]:
                return found[max(count, 0) :]
            case "take", [Literal(int() as count)]:
                return found[: max(count, 0)]
            case _:
                raise NoPlace("the path uses a function that points to no element")

    def _holds(self, condition: Expression, place: Place) -> bool:
        return truth(condition.evaluate(place.node, resource=self._resource)) is True


def _type_name(tree: Tree) -> str:
    match tree:
        case Member(None, name):
            return name
        case Member(Member(None, "FHIR"), name):
            return name
        case _:
            raise NoPlace("a type was expected in the path")


def _of_type(found: list[Place], type_: str) -> list[Place]:
    wanted = type_.removeprefix("FHIR.")
    return [one for one in found if is_type(one.node.type, wanted)]
