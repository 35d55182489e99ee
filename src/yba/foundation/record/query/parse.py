"""From the query string to the tree. Refuses by name whatever it cannot honour."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import parse_qsl

from yba.fhir.index import SearchParam
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query.tree import Chain, Condition, Has, Include, Leaf, Search, Sort

LARGEST_PAGE = 1000
DEFAULT_PAGE = 20
_MOST_CONDITIONS = 60
_MOST_VALUES = 500
_PROTOCOL = {"_format", "_pretty"}
_MODIFIERS = {
    "token": {"", "not", "missing", "of-type"},
    "string": {"", "exact", "contains", "missing"},
    "reference": {"", "missing", "identifier"},
    "date": {"", "missing"},
    "number": {"", "missing"},
    "quantity": {"", "missing"},
    "uri": {"", "missing"},
    "composite": {""},
}
_ORDERED = {"string", "date", "number", "quantity"}
_SUMMARIES = {"", "true", "false", "count", "data", "text"}
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


def parse(type_: str, query: str, *, lenient: bool = False) -> Search:
    """Read a query string. Raises UnsearchableQuery; with `lenient`, unknown parameters are noted."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=False, errors="strict",
                          max_num_fields=200)  # fmt: skip
    except (UnicodeDecodeError, ValueError):
        raise UnsearchableQuery(reason="the query string cannot be read") from None
    return from_pairs(type_, pairs, lenient=lenient)


def from_pairs(type_: str, pairs: Iterable[tuple[str, str]], *, lenient: bool = False) -> Search:
    """Read decoded parameters; see `parse`."""
    if type_ not in TYPE_NUMBERS:
        raise UnsearchableQuery(reason="there is no such resource type")
    search = Search(type_, count=DEFAULT_PAGE)
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise UnsearchableQuery(reason="a value contains a forbidden character")
        if name in _PROTOCOL:
            continue
        if _control(search, name, value, lenient):
            if name != "_cursor":
                search.self_query.append((name, value))
            continue
        try:
            condition = condition_of(type_, name, value)
        except UnsearchableQuery:
            if lenient and not _is_known(type_, name):
                search.ignored.append(name)
                continue
            raise
        if condition is not None:
            search.conditions.append(condition)
            search.self_query.append((name, value))
    if len(search.conditions) > _MOST_CONDITIONS:
        raise UnsearchableQuery(reason=f"more than {_MOST_CONDITIONS} conditions")
    return search


def _is_known(type_: str, name: str) -> bool:
    return re.split(r"[:.]", name)[0] in plan_of(type_).parameters or name.startswith("_has:")


def _control(search: Search, name: str, value: str, lenient: bool) -> bool:
    """Take a result parameter; return whether it was one."""
    match name:
        case "_count":
            if not value.isascii() or not value.isdigit() or len(value) > 9:
                raise UnsearchableQuery(reason="_count must be a whole number")
            search.count = min(int(value), LARGEST_PAGE)
        case "_sort":
            search.sort = [_sort(search.type, key) for key in value.split(",") if key]
        case "_total":
            if value not in ("none", "estimate", "accurate"):
                raise UnsearchableQuery(reason="_total must be none, estimate or accurate")
            search.total = value
        case "_summary":
            if value not in _SUMMARIES:
                raise UnsearchableQuery(reason="_summary must be true, false, count, data or text")
            search.summary = "" if value == "false" else value
        case "_elements":
            search.elements = tuple(part for part in value.split(",") if part)
        case "_cursor":
            search.cursor = value
        case "_include" | "_revinclude":
            try:
                search.includes.append(_include(search.type, value, name == "_revinclude"))
            except UnsearchableQuery:
                if not lenient:
                    raise
                search.ignored.append(name)
        case _:
            return False
    return True


def _sort(type_: str, key: str) -> Sort:
    descending = key.startswith("-")
    parameter = plan_of(type_).parameters.get(key.lstrip("-"))
    if parameter is None or (parameter.kind not in _ORDERED and parameter.code != "_id"):
        raise UnsearchableQuery(reason=f"cannot sort {type_} by {_shown(key)}")
    return Sort(parameter, descending)


def _include(type_: str, value: str, reverse: bool) -> Include:
    parts = value.split(":")
    if len(parts) not in (2, 3) or parts[0] not in TYPE_NUMBERS:
        raise UnsearchableQuery(reason="_include must be Type:parameter or Type:parameter:Type")
    source, code = parts[0], parts[1]
    target = parts[2] if len(parts) == 3 else ""
    parameter = plan_of(source).parameters.get(code)
    if parameter is None or parameter.kind != "reference":
        raise UnsearchableQuery(reason=f"{source} has no reference parameter {_shown(code)}")
    if not reverse and source != type_:
        raise UnsearchableQuery(reason=f"_include must begin with {type_}:")
    if target and target not in TYPE_NUMBERS:
        raise UnsearchableQuery(reason="there is no such resource type")
    if reverse and parameter.targets and type_ not in parameter.targets:
        raise UnsearchableQuery(reason=f"{source}:{code} does not refer to {type_}")
    return Include(source, parameter, target, reverse)


def _shown(name: str) -> str:
    """Return a parameter name that is safe to print in a message."""
    return name if re.fullmatch(r"[\w:.-]{1,60}", name, re.ASCII) else "that"


def condition_of(type_: str, name: str, value: str) -> Condition | None:
    """Read one `name=value`. None where FHIR says that an empty value asks nothing."""
    if name.startswith("_has:"):
        return _has(type_, name, value)
    head, _, rest = name.partition(".")
    if rest:
        return _chain(type_, head, rest, value)
    code, _, modifier = name.partition(":")
    parameter = plan_of(type_).parameters.get(code)
    if parameter is None or parameter.kind == "special":
        raise UnsearchableQuery(reason=f"{type_} has no search parameter {_shown(code)}")
    if parameter.kind == "reference" and modifier in TYPE_NUMBERS:
        return _typed_reference(type_, parameter, modifier, value)
    _refuse_modifier(parameter, modifier)
    if not value:
        return None
    values = tuple(split(value, ","))
    if len(values) > _MOST_VALUES:
        raise UnsearchableQuery(reason=f"more than {_MOST_VALUES} alternatives for {code}")
    if modifier == "missing" and value not in ("true", "false"):
        raise UnsearchableQuery(reason=f"{code}:missing must be true or false")
    return Leaf(type_, parameter, modifier, values)


def _refuse_modifier(parameter: SearchParam, modifier: str) -> None:
    allowed = _MODIFIERS[parameter.kind]
    if parameter.code in ("_id", "_lastUpdated"):
        allowed = {"", "not"} if parameter.code == "_id" else {""}
    if modifier not in allowed:
        raise UnsearchableQuery(
            reason=f"the modifier :{_shown(modifier)} is not supported for {parameter.code}"
        )


def _typed_reference(type_: str, parameter: SearchParam, target: str, value: str) -> Leaf:
    if parameter.targets and target not in parameter.targets:
        raise UnsearchableQuery(reason=f"{parameter.code} of {type_} never refers to {target}")
    values = (part if "/" in part else f"{target}/{part}" for part in split(value, ","))
    return Leaf(type_, parameter, "", tuple(values))


def _targets(type_: str, parameter: SearchParam, chosen: str) -> tuple[str, ...]:
    if chosen:
        if chosen not in TYPE_NUMBERS or (parameter.targets and chosen not in parameter.targets):
            raise UnsearchableQuery(
                reason=f"{parameter.code} of {type_} never refers to {_shown(chosen)}"
            )
        return (chosen,)
    return parameter.targets or tuple(TYPE_NUMBERS)


def _chain(type_: str, head: str, rest: str, value: str) -> Chain:
    code, _, chosen = head.partition(":")
    parameter = plan_of(type_).parameters.get(code)
    if parameter is None or parameter.kind != "reference":
        raise UnsearchableQuery(reason=f"{type_} has no reference parameter {_shown(code)}")
    if rest.count(".") > 2:
        raise UnsearchableQuery(reason="a chain of more than three steps")
    inner: list[tuple[str, Condition]] = []
    refused: UnsearchableQuery | None = None
    for target in _targets(type_, parameter, chosen):
        try:
            condition = condition_of(target, rest, value)
        except UnsearchableQuery as problem:
            refused = problem
            continue
        if condition is not None:
            inner.append((target, condition))
    if not inner:
        raise refused or UnsearchableQuery(reason="a chain without a value")
    return Chain(type_, parameter, tuple(inner))


def _has(type_: str, name: str, value: str) -> Has:
    parts = name.split(":", 3)
    if len(parts) != 4 or parts[1] not in TYPE_NUMBERS:
        raise UnsearchableQuery(reason="_has must be _has:Type:reference:parameter")
    source, code, rest = parts[1], parts[2], parts[3]
    parameter = plan_of(source).parameters.get(code)
    if parameter is None or parameter.kind != "reference":
        raise UnsearchableQuery(reason=f"{source} has no reference parameter {_shown(code)}")
    if parameter.targets and type_ not in parameter.targets:
        raise UnsearchableQuery(reason=f"{code} of {source} never refers to {type_}")
    if rest.startswith("_has:") and rest.count("_has:") > 2:
        raise UnsearchableQuery(reason="a _has of more than three steps")
    inner = condition_of(source, rest, value)
    if inner is None:
        raise UnsearchableQuery(reason="a _has without a value")
    return Has(type_, source, parameter, inner)


def with_count(search: Search, count: int) -> Search:
    """Return the same search with another page size."""
    return replace(search, count=count)
