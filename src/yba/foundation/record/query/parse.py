"""From the query string to the tree. Refuses by name whatever it cannot honour."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import parse_qsl

from yba.fhir.index import SearchParam
from yba.foundation.record import settings
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS, plan_of
from yba.foundation.record.query import controls, filtering
from yba.foundation.record.query.compartments import lies_in, types_in
from yba.foundation.record.query.controls import LARGEST_PAGE, shown
from yba.foundation.record.query.listing import listed
from yba.foundation.record.query.tree import Chain, Condition, Has, Leaf, Search

__all__ = [
    "DEFAULT_PAGE", "LARGEST_PAGE", "condition_of", "from_pairs", "is_answered", "parse", "split", "unescape",
    "with_count",
]  # fmt: skip

DEFAULT_PAGE = 20
_MOST_CONDITIONS = 60
_MOST_VALUES = 500
_MOST_STEPS = 8
# What one chain over references of any type may grow to.
_MOST_LEAVES = 1000
_PROTOCOL = {"_format", "_pretty"}
_MODIFIERS = {
    "token": {"", "not", "missing", "of-type", "text", "in", "not-in", "above", "below"},
    "string": {"", "exact", "contains", "missing"},
    "reference": {"", "missing", "identifier", "above", "below"},
    "date": {"", "missing"},
    "number": {"", "missing"},
    "quantity": {"", "missing"},
    "uri": {"", "missing", "above", "below"},
    "composite": {"", "missing"},
    "special": {"", "missing"},
}
_OWN_MODIFIERS = {
    "_id": {"", "not", "missing"},
    "_lastUpdated": {"", "missing"},
    "_text": {""},
    "_content": {""},
}
# Special parameters that are conditions.
_ANSWERED = {"near", "_text", "_content"}
_SPLIT = {
    ",": re.compile(r"(?<!\\)((?:\\\\)*),"),
    "|": re.compile(r"(?<!\\)((?:\\\\)*)\|"),
    "$": re.compile(r"(?<!\\)((?:\\\\)*)\$"),
}
_ESCAPED = re.compile(r"\\([\\,|$])")


def split(text: str, at: str) -> list[str]:
    """Split at an unescaped `,`, `|` or `$`; the parts stay escaped."""
    if at not in text:
        return [text]
    pieces = _SPLIT[at].split(text)
    # The pattern keeps the even backslashes before the separator as every second piece.
    return [
        pieces[i] + (pieces[i + 1] if i + 1 < len(pieces) else "") for i in range(0, len(pieces), 2)
    ]


def unescape(text: str) -> str:
    """Undo the escapes of search values."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def parse(
    type_: str, query: str, *, lenient: bool = False, compartment: tuple[str, str] | None = None
) -> Search:
    """Read a query string. Raises UnsearchableQuery; with `lenient`, unknown parameters are noted.

    Without `type_` the search is over all types, or those that `_type` names; with a
    `compartment` (type and id) over what lies in it.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=False, errors="strict",
                          max_num_fields=200)  # fmt: skip
    except (UnicodeDecodeError, ValueError):
        raise UnsearchableQuery(reason="the query string cannot be read") from None
    return from_pairs(type_, pairs, lenient=lenient, compartment=compartment)


def from_pairs(
    type_: str,
    pairs: Iterable[tuple[str, str]],
    *,
    lenient: bool = False,
    compartment: tuple[str, str] | None = None,
) -> Search:
    """Read decoded parameters; see `parse`."""
    if type_ and type_ not in TYPE_NUMBERS:
        raise UnsearchableQuery(reason="there is no such resource type")
    given = list(pairs)
    search = Search(type_, count=DEFAULT_PAGE)
    search.place = "/".join([*(compartment or ()), *([type_] if type_ else [])])
    if not type_:
        if compartment:
            search.place += "/*"
        possible = types_in(compartment[0]) if compartment else TYPE_NAMES
        search.parts = [Search(name) for name in _types(given) if name in possible]
    for part in search.parts if search.parts is not None else [search]:
        if compartment:
            part.conditions.append(lies_in(part.type, *compartment))
    for name, value in given:
        if "\x00" in name or "\x00" in value:
            raise UnsearchableQuery(reason="a value contains a forbidden character")
        if name in _PROTOCOL:
            continue
        if name == "_type" and search.parts is not None:
            search.self_query.append((name, value))
        elif name[:1] != "_" or not controls.take(search, name, value, lenient=lenient):
            _add(search, name, value, lenient)
    controls.finish(search)
    return search


def _types(pairs: list[tuple[str, str]]) -> list[str]:
    """Return the types that every `_type` names, all types without one."""
    chosen = set(TYPE_NAMES)
    for name, value in pairs:
        if name == "_type" and value:
            named = value.split(",")
            if not chosen.issuperset(named) and not set(TYPE_NAMES).issuperset(named):
                raise UnsearchableQuery(reason="_type: there is no such resource type")
            chosen &= set(named)
    return sorted(chosen)


def _add(search: Search, name: str, value: str, lenient: bool) -> None:
    """Add a condition to the search, or to each of its parts."""
    parts = search.parts if search.parts is not None else [search]
    added: list[tuple[Search, Condition]] = []
    for part in parts:
        try:
            condition = condition_of(part.type, name, value)
        except UnsearchableQuery:
            if lenient and not _is_known(part.type, name):
                search.ignored.append(name)
                return
            raise
        if condition is not None:
            added.append((part, condition))
    for part, condition in added:
        part.conditions.append(condition)
        if len(part.conditions) > _MOST_CONDITIONS:
            raise UnsearchableQuery(reason=f"more than {_MOST_CONDITIONS} conditions")
    if added:
        search.self_query.append((name, value))


def is_answered(parameter: SearchParam) -> bool:
    """Return whether a parameter may stand in a query."""
    if parameter.code == "_content" and not settings.files_content():
        return False
    return parameter.kind != "special" or parameter.code in {"_filter", *_ANSWERED}


def _is_known(type_: str, name: str) -> bool:
    head = re.split(r"[:.]", name)[0]
    return head in plan_of(type_).parameters or head == "_list" or name.startswith("_has:")


class _Budget:
    """How much one condition may still grow."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _MOST_LEAVES

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooManyTypes


class TooManyTypes(UnsearchableQuery):
    """A chain over references that may point to too many types."""

    def __init__(self) -> None:
        super().__init__(reason="a chain over too many types; name them as in subject:Patient.name")


def condition_of(
    type_: str, name: str, value: str, *, depth: int = 0, budget: _Budget | None = None
) -> Condition | None:
    """Read one `name=value`. None where FHIR says that an empty value asks nothing."""
    budget = budget or _Budget()
    if depth > _MOST_STEPS:
        raise UnsearchableQuery(reason=f"more than {_MOST_STEPS} steps")
    if name.startswith("_has:"):
        return _has(type_, name, value, depth, budget)
    head, _, rest = name.partition(".")
    if rest:
        return _chain(type_, head, rest, value, depth, budget)
    budget.spend()
    if name == "_list":
        return listed(type_, split(value, ","))
    if name == "_filter":
        return filtering.condition_of_filter(type_, value) if value else None
    code, _, modifier = name.partition(":")
    parameter = plan_of(type_).parameters.get(code)
    if parameter is None or (parameter.kind == "special" and code not in _ANSWERED):
        raise UnsearchableQuery(reason=f"{type_} has no search parameter {shown(code)}")
    if parameter.kind == "reference" and modifier in TYPE_NUMBERS:
        return _typed_reference(type_, parameter, modifier, value)
    _refuse_modifier(parameter, modifier)
    # An alternative without a value asks nothing, where a name beginning with "" would be every name.
    values = tuple(part for part in split(value, ",") if part)
    if not values:
        return None
    if len(values) > _MOST_VALUES:
        raise UnsearchableQuery(reason=f"more than {_MOST_VALUES} alternatives for {code}")
    if modifier == "missing" and value not in ("true", "false"):
        raise UnsearchableQuery(reason=f"{code}:missing must be true or false")
    return Leaf(type_, parameter, modifier, values)


def _refuse_modifier(parameter: SearchParam, modifier: str) -> None:
    allowed = _MODIFIERS[parameter.kind]
    # Of a row's own columns there is always a value; of words nobody knows whether there are any.
    allowed = _OWN_MODIFIERS.get(parameter.code, allowed)
    if modifier not in allowed:
        raise UnsearchableQuery(
            reason=f"the modifier :{shown(modifier)} is not supported for {parameter.code}"
        )


def _typed_reference(type_: str, parameter: SearchParam, target: str, value: str) -> Leaf | None:
    if parameter.targets and target not in parameter.targets:
        raise UnsearchableQuery(reason=f"{parameter.code} of {type_} never refers to {target}")
    values = [part if "/" in part else f"{target}/{part}" for part in split(value, ",") if part]
    if len(values) > _MOST_VALUES:
        raise UnsearchableQuery(
            reason=f"more than {_MOST_VALUES} alternatives for {parameter.code}"
        )
    return Leaf(type_, parameter, "", tuple(values)) if values else None


def _targets(type_: str, parameter: SearchParam, chosen: str) -> tuple[str, ...]:
    if chosen:
        if chosen not in TYPE_NUMBERS or (parameter.targets and chosen not in parameter.targets):
            raise UnsearchableQuery(
                reason=f"{parameter.code} of {type_} never refers to {shown(chosen)}"
            )
        return (chosen,)
    return parameter.targets or tuple(TYPE_NUMBERS)


def _chain(
    type_: str, head: str, rest: str, value: str, depth: int, budget: _Budget
) -> Chain | None:
    code, _, chosen = head.partition(":")
    parameter = _reference(type_, code)
    inner: list[tuple[str, Condition]] = []
    refused: UnsearchableQuery | None = None
    understood = False
    for target in _targets(type_, parameter, chosen):
        try:
            condition = condition_of(target, rest, value, depth=depth + 1, budget=budget)
        except TooManyTypes:
            raise
        except UnsearchableQuery as problem:
            refused = problem
            continue
        understood = True
        if condition is not None:
            inner.append((target, condition))
    if not understood:
        raise refused or UnsearchableQuery(reason=f"{shown(head)} refers to nothing")
    return Chain(type_, parameter, tuple(inner)) if inner else None


def _has(type_: str, name: str, value: str, depth: int, budget: _Budget) -> Has | None:
    parts = name.split(":", 3)
    if len(parts) != 4 or parts[1] not in TYPE_NUMBERS:
        raise UnsearchableQuery(reason="_has must be _has:Type:reference:parameter")
    source, code, rest = parts[1], parts[2], parts[3]
    parameter = _reference(source, code)
    if parameter.targets and type_ not in parameter.targets:
        raise UnsearchableQuery(reason=f"{code} of {source} never refers to {type_}")
    inner = condition_of(source, rest, value, depth=depth + 1, budget=budget)
    return Has(type_, source, parameter, inner) if inner is not None else None


def _reference(type_: str, code: str) -> SearchParam:
    parameter = plan_of(type_).parameters.get(code)
    if parameter is None or parameter.kind != "reference":
        raise UnsearchableQuery(reason=f"{type_} has no reference parameter {shown(code)}")
    return parameter


def with_count(search: Search, count: int) -> Search:
    """Return the same search with another page size."""
    return replace(search, count=count)
