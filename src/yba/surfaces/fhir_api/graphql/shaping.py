"""How values become the answer: lists, and FHIR's directives @flatten, @first, @singleton, @slice.

Standard: FHIR R4 graphql.html, "Flattening and directives".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yba.surfaces.fhir_api.graphql.problems import Problem

Given = Mapping[str, Any]


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
