"""How values become the answer: lists, and FHIR's directives @flatten, @first, @singleton, @slice.

Standard: FHIR R4 graphql.html, "Flattening and directives".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphql.language import FieldNode, SelectionSetNode, print_ast

from yba.surfaces.fhir_api.graphql.problems import Problem

Given = Mapping[str, Any]
# Directives that decide whether a field is wanted, and not how it is shown.
_CHOICES = frozenset(("skip", "include"))


@dataclass(frozen=True, slots=True)
class Manner:
    """How one field is shown."""

    flatten: bool = False
    first: bool = False
    singleton: bool = False
    slice: str = ""


def manner_of(directives: Mapping[str, Given]) -> Manner:
    """Return what the directives of a field say."""
    sliced = directives.get("slice", {})
    return Manner(
        flatten="flatten" in directives,
        first="first" in directives,
        singleton="singleton" in directives,
        slice=str(sliced.get("path") or sliced.get("fhirpath") or ""),
    )


def merged(nodes: list[FieldNode]) -> list[FieldNode]:
    """Return the fields with those merged that ask for the same by the same name.

    What is asked for in two places, such as a field and a fragment, is one property with the fields of
    both. Standard: GraphQL, "Field Collection".
    """
    if len({(node.alias or node.name).value for node in nodes}) == len(nodes):
        return nodes
    found: dict[tuple[str, ...], list[FieldNode]] = {}
    for node in nodes:
        given = sorted(print_ast(one) for one in node.arguments or ())
        manner = (print_ast(one) for one in node.directives or () if one.name.value not in _CHOICES)
        key = ((node.alias or node.name).value, node.name.value, *given, *manner)
        found.setdefault(key, []).append(node)
    return [same[0] if len(same) == 1 else _joined(same) for same in found.values()]


def _joined(same: list[FieldNode]) -> FieldNode:
    selections = [
        one for node in same if node.selection_set for one in node.selection_set.selections
    ]
    if not selections:
        return same[0]
    return replace(same[0], selection_set=SelectionSetNode(selections=tuple(selections)))


@dataclass(slots=True)
class Shown:
    """One property of the answer: its name, its value, whether it grows into a list."""

    name: str
    value: Any
    as_list: bool = False
    singleton: bool = False


def put_together(shown: list[Shown]) -> dict[str, Any]:
    """Return the object; several values of one name make a list. Raises Problem for a singleton."""
    made: dict[str, Any] = {}
    for one in shown:
        if one.singleton:
            if made.get(one.name) is not None and one.value is not None:
                raise Problem(f"{one.name} is marked @singleton, but has several values.")
            made[one.name] = one.value if one.value is not None else made.get(one.name)
        elif one.as_list:
            before = made.setdefault(one.name, [])
            if not isinstance(before, list):
                before = made[one.name] = [before]
            before += one.value if isinstance(one.value, list) else [one.value]
        else:
            _set(made, one)
    return made


def _set(made: dict[str, Any], one: Shown) -> None:
    """Set a plain value; what is asked for twice by one name is merged."""
    before = made.get(one.name)
    if isinstance(before, dict) and isinstance(one.value, dict):
        made[one.name] = before | one.value
    elif one.value is not None or one.name not in made:
        made[one.name] = one.value
