"""Answers a checked query. Sibling fields are worked on together, so their reads go together.

A field that fails becomes null and is named in `errors`; the rest is answered.
Standard: FHIR R4 graphql.html.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from graphql import Undefined, value_from_ast_untyped
from graphql.language import (
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    NonNullTypeNode,
    SelectionSetNode,
)

from yba.fhir import fhirpath, r4
from yba.fhir.definitions import is_resource_type, properties_of
from yba.surfaces.fhir_api.graphql import shaping
from yba.surfaces.fhir_api.graphql.checking import LISTED, Query, property_of, search_of
from yba.surfaces.fhir_api.graphql.loading import Loader
from yba.surfaces.fhir_api.graphql.problems import Problem, Refused
from yba.surfaces.fhir_api.graphql.shaping import Manner, Shown

_ABSTRACT = frozenset({"Resource", "DomainResource"})


@dataclass(frozen=True, slots=True)
class Connection:
    """One page of a search, as a connection shows it."""

    fields: Mapping[str, Any]
    edges: list[Edge]


@dataclass(frozen=True, slots=True)
class Edge:
    """One match of a connection."""

    resource: r4.Resource
    mode: str = "match"


@dataclass(slots=True)
class Execution:
    """One query being answered."""

    query: Query
    loader: Loader
    given: Mapping[str, Any]
    problems: list[Problem] = field(default_factory=list[Problem])
    _variables: dict[str, Any] = field(default_factory=dict[str, Any])

    async def answer(self, resource: r4.Resource | None) -> dict[str, Any]:
        """Return `data` at a resource, or at the system. Raises Refused for missing variables."""
        self._variables = self._given_variables()
        return await self._object(resource, self.query.operation.selection_set, resource, False, ())

    def _given_variables(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for each in self.query.operation.variable_definitions or ():
            name = each.variable.name.value
            if name in self.given:
                values[name] = self.given[name]
            elif each.default_value is not None:
                values[name] = value_from_ast_untyped(each.default_value)
            if values.get(name) is None and isinstance(each.type, NonNullTypeNode):
                raise Refused(Problem(f"The variable ${name} has no value.", each))
        return values

    def _arguments(self, node: Any) -> dict[str, Any]:
        """Return the arguments of a field or directive; variables without a value are left out."""
        found = {
            each.name.value: value_from_ast_untyped(each.value, self._variables)
            for each in node.arguments or ()
        }
        return {name: v for name, v in found.items() if v is not None and v is not Undefined}

    def _directives(self, node: Any) -> dict[str, dict[str, Any]]:
        return {each.name.value: self._arguments(each) for each in node.directives or ()}

    def _is_wanted(self, node: Any) -> bool:
        directives = self._directives(node)
        skip, include = directives.get("skip", {}), directives.get("include", {})
        return not skip.get("if", False) and bool(include.get("if", True))

    def _fields(self, selected: SelectionSetNode, type_: str | None) -> Iterator[FieldNode]:
        """Yield the fields that apply to a value of `type_`, fragments opened."""
        for node in selected.selections:
            if not self._is_wanted(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.query.fragments[node.name.value]
                if _applies(fragment.type_condition.name.value, type_):
                    yield from self._fields(fragment.selection_set, type_)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                if condition is None or _applies(condition.name.value, type_):
                    yield from self._fields(node.selection_set, type_)

    # -- objects and fields ---------------------------------------------------------------------

    async def _object(
        self, value: Any, selected: SelectionSetNode, root: r4.Resource | None, flat: bool,
        path: tuple[str | int, ...],
    ) -> dict[str, Any]:  # fmt: skip
        type_ = None if value is None else type(value).__name__
        nodes = shaping.merged(list(self._fields(selected, type_)))
        parts = await asyncio.gather(*(self._told(value, node, root, flat, path) for node in nodes))
        return shaping.put_together([shown for part in parts for shown in part])

    async def _told(
        self, value: Any, node: FieldNode, root: r4.Resource | None, flat: bool,
        path: tuple[str | int, ...],
    ) -> list[Shown]:  # fmt: skip
        """Return a field's part of the answer; null and an error where it fails."""
        key = (node.alias or node.name).value
        try:
            return await self._field(value, node, root, flat, (*path, key))
        except Problem as problem:
            problem.node = problem.node or node
            problem.path = problem.path or [*path, key]
            self.problems.append(problem)
            return [Shown(key, None)]

    async def _field(
        self, value: Any, node: FieldNode, root: r4.Resource | None, flat: bool,
        path: tuple[str | int, ...],
    ) -> list[Shown]:  # fmt: skip
        key = (node.alias or node.name).value
        manner = shaping.manner_of(self._directives(node))
        values, is_list = await self._values(value, node, root)
        if manner.first:
            values, is_list = values[:1], is_list and not manner.first
        as_list = (is_list or flat) and not manner.singleton
        inside = value if _is_resource(value) else root
        children = await asyncio.gather(*(
            self._child(one, node, inside, flat or manner.flatten, (*path, n) if is_list else path)
            for n, one in enumerate(values)
        ))  # fmt: skip
        slices = [_slice(manner, one, n) for n, one in enumerate(values)]
        if manner.flatten:
            return [
                Shown(name + suffix, each, True, False)
                if isinstance(each, list) else Shown(name + suffix, each, False, True)
                for child, suffix in zip(children, slices, strict=True)
                for name, each in child.items()
            ]  # fmt: skip
        if manner.singleton:
            return [
                Shown(key + suffix, child, singleton=True)
                for child, suffix in zip(children, slices, strict=True)
            ]
        if manner.slice:
            return [Shown(key + s, child, flat) for child, s in zip(children, slices, strict=True)]
        if as_list:
            return [Shown(key, list(children), True)] if children or not flat else []
        if not children:
            # A list that @first left empty, or a reference that is not of the type asked for.
            return [] if flat or _is_choice_of_target(node) else [Shown(key, None)]
        return [Shown(key, children[0])]

    async def _child(
        self, one: Any, node: FieldNode, root: r4.Resource | None, flat: bool,
        path: tuple[str | int, ...],
    ) -> Any:  # fmt: skip
        if node.selection_set is None or not isinstance(one, msgspec.Struct | Connection | Edge):
            return one
        if isinstance(one, r4.Resource):
            root = one
        return await self._object(one, node.selection_set, root, flat, path)

    async def _values(
        self, value: Any, node: FieldNode, root: r4.Resource | None
    ) -> tuple[Sequence[Any], bool]:
        """Return the values of a field, and whether the field is a list."""
        name = node.name.value
        if name == "__typename":
            return [_type_name(value)], False
        if isinstance(value, Connection):
            return (value.edges, True) if name == "edges" else ([value.fields.get(name)], False)
        if isinstance(value, Edge):
            return [getattr(value, name, None)], False
        arguments = self._arguments(node)
        searched, kind = search_of(name)
        if searched and (value is None or _is_resource(value)):
            return await self._searched(value, searched, kind, arguments)
        if value is None:
            found = await self.loader.read(name, str(arguments.get("id", "")))
            if found is None:
                raise Problem(f"There is no such {name}.")
            return [found], False
        if isinstance(value, r4.Reference) and name == "resource":
            return await self._referred(value, arguments, root), False
        if name == "resourceType":
            return [type(value).__name__], False
        return _elements(value, name, arguments)

    async def _searched(
        self, value: Any, type_: str, kind: str, arguments: Mapping[str, Any]
    ) -> tuple[Sequence[Any], bool]:
        about = "" if value is None else f"{type(value).__name__}/{value.id}"
        page = await self.loader.search(type_, arguments, about=about, total=kind != LISTED)
        resources = self.loader.resources(page.matches)
        if kind == LISTED:
            return resources, True
        fields = {
            "count": page.total, "offset": None, "pageSize": page.search.count,
            "pagesize": page.search.count, "first": None, "previous": None,
            "next": page.next_cursor or None, "last": None,
        }  # fmt: skip
        return [Connection(fields, [Edge(one) for one in resources])], False

    async def _referred(
        self, reference: r4.Reference, arguments: Mapping[str, Any], root: r4.Resource | None
    ) -> list[Any]:
        """Return what a reference points to; nothing if it is of another type than asked for."""
        wanted, optional = arguments.get("type"), bool(arguments.get("optional"))
        text = reference.reference or ""
        if text.startswith("#"):
            contained = getattr(root, "contained", None) or ()
            found = next((one for one in contained if one.id == text[1:]), None)
        else:
            place = self.loader.place_of(text)
            if wanted and place is not None and place[0] != wanted:
                return []
            found = await self.loader.read(*place) if place is not None else None
        if found is None:
            if optional:
                return []
            raise Problem("The reference points to nothing that can be read here.")
        return [] if wanted and type(found).__name__ != wanted else [found]


def _is_choice_of_target(node: FieldNode) -> bool:
    return node.name.value == "resource"


def _applies(condition: str, type_: str | None) -> bool:
    if type_ is None or condition == type_ or condition == "Resource":
        return True
    return condition in _ABSTRACT and is_resource_type(type_)


def _is_resource(value: Any) -> bool:
    return isinstance(value, r4.Resource)


def _type_name(value: Any) -> str:
    return "Query" if value is None else type(value).__name__


def _slice(manner: Manner, value: Any, place: int) -> str:
    """Return what @slice adds to a name: the value of its path, or the place in the list."""
    if not manner.slice:
        return ""
    if manner.slice == "$index":
        return f".{place}"
    if not isinstance(value, msgspec.Struct):
        raise Problem("@slice needs elements with fields.")
    try:
        found = fhirpath.evaluate(manner.slice, value)
    except fhirpath.FhirPathError as problem:
        raise Problem(f"@slice: {problem}") from None
    if len(found) > 1:
        raise Problem("@slice needs a path with one value.")
    return f".{_plain(found[0])}" if found else ""


def _plain(item: Any) -> str:
    value = getattr(item, "value", item)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _elements(value: Any, name: str, arguments: Mapping[str, Any]) -> tuple[Sequence[Any], bool]:
    """Return the values of an element, chosen by the arguments where it is a list."""
    found = property_of(type(value).__name__, name)
    if found is None:
        raise Problem(f"{type(value).__name__} has no field {name}.")
    held = getattr(value, found.attribute, None)
    if not found.is_list:
        return ([] if held is None else [held]), False
    values = [one for one in held or () if one is not None]
    for key, wanted in arguments.items():
        if key == "fhirpath":
            values = [one for one in values if _holds(str(wanted), one)]
        elif not key.startswith("_"):
            values = [one for one in values if _equals(one, key, wanted)]
    offset = _number(arguments, "_offset", 0)
    return values[offset : offset + _number(arguments, "_count", len(values))], True


def _number(arguments: Mapping[str, Any], name: str, default: int) -> int:
    value = arguments.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Problem(f"{name} must be a whole number.")
    return value


def _holds(expression: str, value: Any) -> bool:
    if not isinstance(value, msgspec.Struct):
        raise Problem("fhirpath needs elements with fields.")
    try:
        return fhirpath.is_true(expression, value)
    except fhirpath.FhirPathError as problem:
        raise Problem(f"fhirpath: {problem}") from None


def _equals(value: Any, name: str, wanted: Any) -> bool:
    if not isinstance(value, msgspec.Struct):
        return False
    held = getattr(value, properties_of(type(value).__name__)[name].attribute, None)
    held = held if isinstance(held, list) else [held]
    return any(one is not None and _plain(one) == _plain(wanted) for one in held)
