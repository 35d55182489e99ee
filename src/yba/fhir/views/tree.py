"""What a view is: a resource type, conditions, and a tree of selections. Frozen; nothing here evaluates.

Standard: SQL on FHIR 2.1, ViewDefinition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from yba.fhir.fhirpath.tree import Tree


@dataclass(frozen=True, slots=True)
class Path:
    """An expression: as written, parsed, and its place in the definition for messages."""

    text: str
    tree: Tree
    place: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. `type` is as declared, or None."""

    name: str
    path: Path
    type: str | None
    is_collection: bool


@dataclass(frozen=True, slots=True)
class ForEach:
    """One row for each value of the path; with `or_null` one empty row where it has none."""

    path: Path
    or_null: bool


@dataclass(frozen=True, slots=True)
class Repeat:
    """One row for each element that the paths reach, again and again, in the order of the document."""

    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Columns, joined with each of the nested selections, joined with the union of the branches."""

    iteration: ForEach | Repeat | None
    columns: tuple[Column, ...]
    selections: tuple[Selection, ...]
    branches: tuple[Selection, ...]

    def all_columns(self) -> Iterator[Column]:
        """Every column in the order of the table; branches of a union share theirs."""
        yield from self.columns
        for selection in self.selections:
            yield from selection.all_columns()
        if self.branches:
            yield from self.branches[0].all_columns()


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that expressions may use as %name, with its FHIR type."""

    name: str
    type: str
    value: Any


@dataclass(frozen=True, slots=True)
class View:
    """A table made of one type of resources."""

    name: str | None
    resource: str
    constants: tuple[Constant, ...]
    conditions: tuple[Path, ...]
    root: Selection

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the table, in order."""
        return tuple(self.root.all_columns())
