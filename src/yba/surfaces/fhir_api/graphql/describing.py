"""Answers introspection: chooses what a query asks for from the schema's dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import value_from_ast_untyped
from graphql.language import (
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)

from yba.surfaces.fhir_api.graphql import schema
from yba.surfaces.fhir_api.graphql.checking import DEEPEST, Query, query_set
from yba.surfaces.fhir_api.graphql.problems import Problem, Refused


def asks_for_schema(query: Query) -> bool:
    """Return whether a query asks for the schema and nothing else."""
    nodes = query_set(query).selections
    names = [node.name.value for node in nodes if isinstance(node, FieldNode)]
    return bool(names) and all(n.startswith("__") for n in names) and len(names) == len(nodes)


class Describer:
    """Answers one query about the schema at a resource of a type, or at the system."""

    def __init__(self, query: Query, variables: Mapping[str, Any], type_: str | None) -> None:
        self._query, self._type = query, type_
        self._variables = dict(variables)
        self._chosen: dict[tuple[int, int], dict[str, Any]] = {}

    def answer(self) -> dict[str, Any]:
        """Return `data`. Raises Refused for what introspection does not know."""
        data: dict[str, Any] = {}
        for node in self._fields(query_set(self._query), 1):
            name = node.name.value
            if name == "__schema":
                value: Any = schema.described(self._type)
            elif name == "__type":
                value = schema.type_called(str(self._arguments(node).get("name", "")))
            elif name == "__typename":
                value = self._type or "Query"
            else:
                raise Refused(Problem(f"There is no field {name}.", node))
            data[(node.alias or node.name).value] = self._chosen_of(value, node, 1)
        return data

    def _arguments(self, node: Any) -> dict[str, Any]:
        return {
            each.name.value: value_from_ast_untyped(each.value, self._variables)
            for each in node.arguments or ()
        }

    def _is_wanted(self, node: Any) -> bool:
        for each in node.directives or ():
            condition = bool(self._arguments(each).get("if"))
            if each.name.value == ("skip" if condition else "include"):
                return False
        return True

    def _fields(self, selected: SelectionSetNode, depth: int) -> Iterator[FieldNode]:
        if depth > 2 * DEEPEST:
            raise Refused(Problem("The query is too deep, or a fragment contains itself."))
        for node in selected.selections:
            if not self._is_wanted(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._query.fragments.get(node.name.value)
                if fragment is None:
                    raise Refused(Problem(f"There is no fragment {node.name.value}.", node))
                yield from self._fields(fragment.selection_set, depth + 1)
            elif isinstance(node, InlineFragmentNode):
                yield from self._fields(node.selection_set, depth + 1)

    def _chosen_of(self, value: Any, node: FieldNode, depth: int) -> Any:
        if isinstance(value, list):
            return [self._chosen_of(one, node, depth) for one in value]
        if not isinstance(value, dict):
            return value
        selected = node.selection_set
        if selected is None:
            raise Refused(Problem(f"{node.name.value} needs a choice of its fields.", node))
        # Types are few and referred to often: each is chosen from once for each part of the query.
        key = (id(value), id(selected))
        found = self._chosen.get(key)
        if found is None:
            found = self._chosen[key] = self._object(value, selected, depth)
        return found

    def _object(
        self, value: dict[str, Any], selected: SelectionSetNode, depth: int
    ) -> dict[str, Any]:
        if depth > DEEPEST:
            raise Refused(Problem(f"The query is deeper than {DEEPEST} levels.", selected))
        made: dict[str, Any] = {}
        for node in self._fields(selected, 1):
            name = node.name.value
            if name not in value:
                raise Refused(Problem(f"{value['__typename']} has no field {name}.", node))
            key = (node.alias or node.name).value
            made[key] = self._chosen_of(value[name], node, depth + 1)
        return made
