"""A ViewDefinition as JSON into a `View`, with everything checked that can be checked without data.

Standard: SQL on FHIR 2.1, ViewDefinition; its invariants sql-name and sql-expressions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, cast

import msgspec

from yba.fhir import r4
from yba.fhir.definitions import PRIMITIVES, is_resource_type
from yba.fhir.fhirpath import FhirPathError, compile_expression, temporal
from yba.fhir.fhirpath.tree import External
from yba.fhir.views.errors import ViewError
from yba.fhir.views.tree import Column, Constant, ForEach, Path, Repeat, Selection, View

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")
_DEEPEST: Final = 32
_MOST_COLUMNS: Final = 1600  # what one table of PostgreSQL holds
_PREDEFINED: Final = frozenset(
    {"resource", "rootResource", "context", "rowIndex", "sct", "loinc", "ucum"}
)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
Object = Mapping[str, Any]


def read_view(definition: object) -> View:
    """Return what a ViewDefinition (decoded JSON, decimals as Decimal) says.

    Raises ViewError for the first thing that is wrong with it.
    """
    if not isinstance(definition, dict):
        raise ViewError("ViewDefinition: not an object")
    given = cast("Object", definition)
    kind = given.get("resourceType", "ViewDefinition")
    if kind != "ViewDefinition":
        raise ViewError("ViewDefinition.resourceType: not ViewDefinition")
    resource = given.get("resource")
    if not isinstance(resource, str) or not is_resource_type(resource):
        raise ViewError("ViewDefinition.resource: must name a resource type")
    name = given.get("name")
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ViewError("ViewDefinition.name: must be letters, digits and _")
    place = "ViewDefinition"
    constants = tuple(
        _constant(item, f"{place}.constant[{n}]") for n, item in _list(given, "constant", place)
    )
    known = {c.name for c in constants} | _PREDEFINED
    reader = _Reader(known)
    conditions = tuple(
        reader.path(_object(item, f"{place}.where[{n}]").get("path"), f"{place}.where[{n}].path")
        for n, item in _list(given, "where", place)
    )
    selections = tuple(reader.selections(given, "select", place, 0))
    if not selections:
        raise ViewError("ViewDefinition.select: at least one is needed")
    view = View(name, resource, constants, conditions, Selection(None, (), selections, ()))
    _refuse_repeated(view)
    return view


class _Reader:
    def __init__(self, known: set[str] | frozenset[str]) -> None:
        self.known = known

    def selections(self, given: Object, name: str, place: str, depth: int) -> Iterator[Selection]:
        if depth > _DEEPEST:
            raise ViewError(f"{place}: nested too deeply")
        for n, item in _list(given, name, place):
            yield self._selection(item, f"{place}.{name}[{n}]", depth)

    def _selection(self, item: object, place: str, depth: int) -> Selection:
        given = _object(item, place)
        columns = tuple(
            self._column(c, f"{place}.column[{n}]") for n, c in _list(given, "column", place)
        )
        found = Selection(
            self._iteration(given, place),
            columns,
            tuple(self.selections(given, "select", place, depth + 1)),
            tuple(self.selections(given, "unionAll", place, depth + 1)),
        )
        if not (found.columns or found.selections or found.branches):
            raise ViewError(f"{place}: selects nothing")
        names = [[c.name for c in branch.all_columns()] for branch in found.branches]
        if any(other != names[0] for other in names):
            raise ViewError(
                f"{place}.unionAll: branches must have the same columns in the same order"
            )
        return found

    def _iteration(self, given: Object, place: str) -> ForEach | Repeat | None:
        stated = [
            name for name in ("forEach", "forEachOrNull", "repeat") if given.get(name) is not None
        ]
        if len(stated) > 1:
            raise ViewError(f"{place}: only one of forEach, forEachOrNull and repeat")
        if not stated:
            return None
        name = stated[0]
        if name == "repeat":
            paths = tuple(
                self.path(p, f"{place}.repeat[{n}]") for n, p in _list(given, name, place)
            )
            if not paths:
                raise ViewError(f"{place}.repeat: at least one path is needed")
            return Repeat(paths)
        return ForEach(self.path(given[name], f"{place}.{name}"), name == "forEachOrNull")

    def _column(self, item: object, place: str) -> Column:
        given = _object(item, place)
        name, kind, collection = (
            given.get("name"),
            given.get("type"),
            given.get("collection", False),
        )
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ViewError(
                f"{place}.name: must begin with a letter and hold letters, digits and _"
            )
        if kind is not None and not isinstance(kind, str):
            raise ViewError(f"{place}.type: must be the name of a type")
        if not isinstance(collection, bool):
            raise ViewError(f"{place}.collection: must be true or false")
        return Column(name, self.path(given.get("path"), f"{place}.path"), kind, collection)

    def path(self, text: object, place: str) -> Path:
        """Return an expression. Raises ViewError if it is none or uses an unknown constant."""
        if not isinstance(text, str) or not text.strip():
            raise ViewError(f"{place}: must be an expression")
        try:
            tree = compile_expression(text).tree
        except FhirPathError as problem:
            raise ViewError(f"{place}: {problem}") from None
        unknown = {e.name for e in _externals(tree)} - self.known
        if unknown:
            raise ViewError(f"{place}: there is no constant %{min(unknown)}")
        return Path(text, tree, place)


def _externals(part: Any) -> Iterator[External]:
    if isinstance(part, External):
        if not part.name.startswith(("vs-", "ext-")):
            yield part
    elif isinstance(part, tuple):
        for one in cast("tuple[Any, ...]", part):
            yield from _externals(one)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _externals(getattr(part, field.name))


def _constant(item: object, place: str) -> Constant:
    given = _object(item, place)
    name = given.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _PREDEFINED:
        raise ViewError(f"{place}.name: must begin with a letter and hold letters, digits and _")
    values = [key for key in given if key.startswith("value")]
    if len(values) != 1:
        raise ViewError(f"{place}: one value is needed")
    key = values[0]
    kind = key[5:6].lower() + key[6:]
    value = _value(key, given[key])
    wrong = kind in ("date", "dateTime", "instant") and temporal.read(str(value)) is None
    if kind not in PRIMITIVES or value is None or wrong:
        raise ViewError(f"{place}.{key}: not a value of this type")
    return Constant(name, kind, value)


def _value(key: str, value: object) -> Any:
    """Return a value as the types of R4 have it, or None if it is not one of `key`'s type."""
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "constant", key: value}]}
    try:
        found = r4.decode_as(r4.Parameters, _ENCODER.encode(parameters))
    except r4.NotFhir:
        return None
    assert found.parameter is not None
    return getattr(found.parameter[0], key, None)


def _refuse_repeated(view: View) -> None:
    names = [column.name for column in view.columns]
    if len(names) > _MOST_COLUMNS:
        raise ViewError("ViewDefinition.select: too many columns")
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ViewError(f"ViewDefinition.select: more than one column is called {min(repeated)}")


def _list(given: Object, name: str, place: str) -> Iterator[tuple[int, object]]:
    value = given.get(name)
    if value is None:
        return
    if not isinstance(value, list):
        raise ViewError(f"{place}.{name}: must be a list")
    yield from enumerate(cast("list[object]", value))


def _object(item: object, place: str) -> Object:
    if not isinstance(item, dict):
        raise ViewError(f"{place}: must be an object")
    return cast("Object", item)
