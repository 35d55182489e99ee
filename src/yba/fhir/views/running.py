"""A view into Python closures, and resources through them into rows.

A row is a tuple in the order of the columns; a cell is None, a plain value (bool, int, Decimal, str), an element
as a msgspec struct, or a list of these. %rowIndex counts from 0 within the nearest iteration.
Standard: SQL on FHIR 2.1, ViewDefinition, "Processing algorithm".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from typing import Any, TypeAlias

import msgspec

from yba.fhir.fhirpath import FhirPathError, Node, compile_expression
from yba.fhir.fhirpath.compiling import compiled
from yba.fhir.fhirpath.evaluation import Code, Env, Shared, truth
from yba.fhir.fhirpath.values import Collection, Item, root, system
from yba.fhir.views.errors import ViewError
from yba.fhir.views.tree import Column, ForEach, Path, Repeat, Selection, View

Row: TypeAlias = tuple[Any, ...]
_Rows: TypeAlias = "Callable[[_Place], list[Row]]"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_ROWS = 100_000
_DEEPEST = 100


@dataclass(slots=True)
class _Place:
    """Where a selection stands: the evaluation, its focus, and the number of the row."""

    shared: Shared
    focus: Collection
    index: int

    def run(self, code: Code) -> Collection:
        variables: Any = self.shared.variables
        variables["rowIndex"] = [self.index]
        return code(Env(self.shared, self.focus))


@dataclass(frozen=True, slots=True)
class CompiledView:
    """A view that can be run; safe to keep and to share between threads."""

    view: View
    _conditions: tuple[tuple[Path, Code], ...]
    _rows: _Rows

    def rows(self, resource: msgspec.Struct, *, now: datetime = _EPOCH) -> list[Row]:
        """Return the rows of one resource; none if it is of another type or a condition does not hold.

        `now` is the aware moment for now() and today(). Raises ViewError if a condition gives anything but a
        boolean, a column several values without being a collection, or an expression has no meaning there.
        """
        if type(resource).__name__ != self.view.resource:
            return []
        start = root(resource)
        variables: dict[str, Collection] = {
            c.name: [Node(c.value, c.type)] for c in self.view.constants
        }
        place = _Place(Shared(start, variables, now), [start], 0)
        for path, code in self._conditions:
            if not _holds(place, path, code):
                return []
        return self._rows(place)


def compile_view(view: View) -> CompiledView:
    """Return a view ready to run."""
    conditions = tuple((path, compile_expression(path.text).code) for path in view.conditions)
    return CompiledView(view, conditions, _selection(view.root))


def _holds(place: _Place, path: Path, code: Code) -> bool:
    try:
        found = place.run(code)
        answer = truth(found)
    except FhirPathError as problem:
        raise ViewError(f"{path.place}: {problem}") from None
    if found and not isinstance(system(found[0]), bool):
        raise ViewError(f"{path.place}: a condition must be true or false")
    return answer is True


def _selection(selection: Selection) -> _Rows:
    one = _one_row(selection)
    match selection.iteration:
        case None:
            return one
        case ForEach(path, or_null):
            code = compile_expression(path.text).code
            return lambda place: _for_each(place, path, code, or_null, one)
        case Repeat(paths):
            # Its paths meet elements of different types; a name that one does not have finds nothing.
            codes = [(path, compiled(path.tree, mixed=True)) for path in paths]
            return lambda place: _repeat(place, codes, one)


def _for_each(place: _Place, path: Path, code: Code, or_null: bool, one: _Rows) -> list[Row]:
    items = _values(place, path, code)
    if not items and or_null:
        return one(_Place(place.shared, [], 0))
    return _limited(
        row for n, item in enumerate(items) for row in one(_Place(place.shared, [item], n))
    )


def _repeat(place: _Place, codes: list[tuple[Path, Code]], one: _Rows) -> list[Row]:
    items = _reached(place, place.focus, codes, 0)
    return _limited(
        row for n, item in enumerate(items) for row in one(_Place(place.shared, [item], n))
    )


def _reached(
    place: _Place, focus: Iterable[Item], codes: list[tuple[Path, Code]], depth: int
) -> Iterator[Item]:
    """Yield what the paths reach from each item, each followed by what they reach from there."""
    if depth > _DEEPEST:
        raise ViewError(f"{codes[0][0].place}: nested too deeply")
    for item in focus:
        here = _Place(place.shared, [item], place.index)
        for path, code in codes:
            for found in _values(here, path, code):
                yield found
                yield from _reached(place, [found], codes, depth + 1)


def _one_row(selection: Selection) -> _Rows:
    """Return the rows of one focus: columns × each nested selection × the branches together."""
    columns = [(c, compile_expression(c.path.text).code) for c in selection.columns]
    nested = [_selection(s) for s in selection.selections]
    branches = [_selection(s) for s in selection.branches]
    if not nested and not branches:
        return lambda place: [tuple(_cell(place, c, code) for c, code in columns)]

    def rows(place: _Place) -> list[Row]:
        factors = [[tuple(_cell(place, c, code) for c, code in columns)]]
        factors += [inner(place) for inner in nested]
        if branches:
            factors.append([row for branch in branches for row in branch(place)])
        return _limited(sum(parts, ()) for parts in product(*factors))

    return rows


def _limited(rows: Iterable[Row]) -> list[Row]:
    found: list[Row] = []
    for row in rows:
        found.append(row)
        if len(found) > _MOST_ROWS:
            raise ViewError("ViewDefinition.select: one resource gives too many rows")
    return found


def _values(place: _Place, path: Path, code: Code) -> Collection:
    try:
        return place.run(code)
    except FhirPathError as problem:
        raise ViewError(f"{path.place}: {problem}") from None


def _cell(place: _Place, column: Column, code: Code) -> Any:
    values = [_plain(item) for item in _values(place, column.path, code)]
    if column.is_collection:
        return values
    if len(values) > 1:
        raise ViewError(f"{column.path.place}: several values in a column that is no collection")
    return values[0] if values else None


def _plain(item: Item) -> Any:
    if isinstance(item, Node):
        return item.value
    return item if isinstance(item, bool | int | Decimal | str) else str(item)
