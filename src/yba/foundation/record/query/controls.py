"""Parameters that shape the answer and select nothing: `_count`, `_sort`, `_include`, `_summary`…

Standard: FHIR R4 search, "Managing Returned Resources".
"""

from __future__ import annotations

import re

from yba.fhir.definitions import properties_of
from yba.fhir.index import SearchParam
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query.canonical import is_canonical
from yba.foundation.record.query.tree import Include, Search, Sort

LARGEST_PAGE = 1000
_MOST_INCLUDES = 50
_MOST_KEYS = 8
_MOST_TARGETS = 12
_IN_ORDER = frozenset(("string", "date", "number", "quantity", "token", "uri", "reference"))
_SUMMARIES = {"", "true", "false", "count", "data", "text"}
_TOTALS = {"none", "estimate", "accurate"}
_REPEATED = {"_include", "_revinclude"}


def shown(name: str) -> str:
    """Return a parameter name that is safe to print in a message."""
    return name if re.fullmatch(r"[\w:.-]{1,60}", name, re.ASCII) else "that"


def take(search: Search, name: str, value: str, *, lenient: bool) -> bool:
    """Take a result parameter; return whether it was one. Raises UnsearchableQuery.

    With `lenient`, what names something unknown is noted in `search.ignored`.
    """
    if name == "_cursor":
        search.cursor = value
        return True
    if name == "_totalMethod":
        # What fhirpy calls _total.
        name, value = "_total", "accurate" if value == "count" else value
    head = name.partition(":")[0]
    if head not in _READERS and head not in _REPEATED:
        return False
    if name != head and head not in _REPEATED:
        raise UnsearchableQuery(reason=f"{head} takes no modifier")
    if head not in _REPEATED and any(name == taken for taken, _ in search.self_query):
        raise UnsearchableQuery(reason=f"{head} may be given only once")
    try:
        if head in _REPEATED:
            _include(search, name, value)
        else:
            value = _READERS[head](search, value)
    except UnsearchableQuery:
        if not lenient or head not in ("_sort", "_elements", *_REPEATED):
            raise
        search.ignored.append(name)
        return True
    search.self_query.append((name, value))
    return True


def finish(search: Search) -> None:
    """Refuse what does not go together. Raises UnsearchableQuery."""
    if search.summary == "text" and search.includes:
        raise UnsearchableQuery(reason="_summary=text cannot be combined with _include")
    if search.contained != "false" and search.parts is not None:
        raise UnsearchableQuery(reason="_contained asks for one type")
    if search.contained != "false" and search.answer == "contained" and search.includes:
        raise UnsearchableQuery(
            reason="_include does not follow contained resources; ask for their containers"
        )
    if search.contained != "false" and not all(
        may_sort(search.type, key.parameter) for key in search.sort
    ):
        raise UnsearchableQuery(reason="contained resources cannot be sorted by this")
    for part in search.parts or ():
        part.sort = [_sort_of(part.type, key.parameter.code, key.descending) for key in search.sort]
        first = search.parts[0] if search.parts else part
        kinds = [(key.parameter.kind, other.parameter.kind)
                 for key, other in zip(part.sort, first.sort, strict=True)]  # fmt: skip
        if any(kind != other for kind, other in kinds) or not all(
            may_sort(part.type, key.parameter) for key in part.sort
        ):
            raise UnsearchableQuery(reason="these types cannot be sorted together")


def _count(search: Search, value: str) -> str:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise UnsearchableQuery(reason="_count must be a whole number")
    search.count = min(int(value), LARGEST_PAGE)
    return str(search.count)


def _sort(search: Search, value: str) -> str:
    keys = [key for key in value.split(",") if key]
    if len(keys) > _MOST_KEYS:
        raise UnsearchableQuery(reason=f"more than {_MOST_KEYS} keys to sort by")
    type_ = search.type or (search.parts[0].type if search.parts else "")
    search.sort = [
        _sort_of(type_, key[1:] if key[0] == "-" else key, key[0] == "-") for key in keys
    ]
    return value


def _sort_of(type_: str, code: str, descending: bool) -> Sort:
    parameter = plan_of(type_).parameters.get(code)
    if parameter is None or parameter.kind == "special" or not parameter.elements:
        raise UnsearchableQuery(reason=f"cannot sort {type_} by {shown(code)}")
    return Sort(parameter, descending)


def may_sort(type_: str, parameter: SearchParam) -> bool:
    """Return whether the index keeps the values of a parameter in a form that has an order.

    Others are read from the matches, as long as these are few; see `record.sorting`.
    """
    if parameter.code in ("_id", "_lastUpdated"):
        return True
    if parameter.kind not in _IN_ORDER or not parameter.elements:
        return False
    if parameter.kind == "reference":
        known = 0 < len(parameter.targets) <= _MOST_TARGETS
        return known and not is_canonical(type_, parameter)
    return not plan_of(type_).identifier_elements & {*parameter.elements}


def _total(search: Search, value: str) -> str:
    if value not in _TOTALS:
        raise UnsearchableQuery(reason="_total must be none, estimate or accurate")
    search.total = value  # type: ignore[assignment]
    return value


def _summary(search: Search, value: str) -> str:
    if value not in _SUMMARIES:
        raise UnsearchableQuery(reason="_summary must be true, false, count, data or text")
    search.summary = "" if value == "false" else value
    return value


def _elements(search: Search, value: str) -> str:
    search.elements = elements_of(value, types_of(search))
    return value


def elements_of(value: str, types: list[str]) -> tuple[str, ...]:
    """Read `_elements`: names of elements, alone or as `Type.element`. Raises UnsearchableQuery."""
    # The type is no element, but always there; some clients name it.
    elements = tuple(part for part in value.split(",") if part and part != "resourceType")
    for part in elements:
        type_, dot, name = part.rpartition(".")
        if dot and type_ not in TYPE_NUMBERS:
            raise UnsearchableQuery(reason=f"_elements: {shown(part)} is no element of a resource")
        if not any(_has_element(t, name) for t in ([type_] if dot else types)):
            raise UnsearchableQuery(reason=f"_elements: there is no element {shown(name)}")
    return elements


def _has_element(type_: str, name: str) -> bool:
    return any(name in (found.name, found.element) for found in properties_of(type_).values())


def _contained(search: Search, value: str) -> str:
    if value not in ("", "false", "true", "both"):
        raise UnsearchableQuery(reason="_contained must be false, true or both")
    search.contained = value or "false"  # type: ignore[assignment]
    return value


def _contained_type(search: Search, value: str) -> str:
    if value not in ("", "container", "contained"):
        raise UnsearchableQuery(reason="_containedType must be container or contained")
    search.answer = value or "container"  # type: ignore[assignment]
    return value


def types_of(search: Search) -> list[str]:
    """Return the types that a search is over."""
    return [part.type for part in search.parts] if search.parts is not None else [search.type]


def _include(search: Search, name: str, value: str) -> None:
    head, _, modifier = name.partition(":")
    if modifier not in ("", "iterate", "recurse"):
        raise UnsearchableQuery(reason=f"the modifier :{shown(modifier)} is not one of {head}")
    found = include_of(value, head == "_revinclude", modifier != "")
    types = types_of(search)
    if not found.reverse and not found.iterate and found.source not in ("*", *types):
        raise UnsearchableQuery(
            reason=f"{head} must begin with {types[0]}:, or follow others by {head}:iterate"
        )
    if found.reverse and not found.iterate and not _may_refer(found, types):
        raise UnsearchableQuery(reason=f"{found.source}:{found.code} does not refer to {types[0]}")
    if len(search.includes) >= _MOST_INCLUDES:
        raise UnsearchableQuery(reason=f"more than {_MOST_INCLUDES} includes")
    search.includes.append(found)


def include_of(value: str, reverse: bool, iterate: bool) -> Include:
    """Read `*`, `Type:*`, `Type:parameter` or `Type:parameter:Target`. Raises UnsearchableQuery."""
    source, _, rest = value.partition(":")
    code, _, target = rest.partition(":")
    if source == "*" and not rest:
        return Include("*", "*", "", reverse, iterate)
    if source not in TYPE_NUMBERS or not code:
        raise UnsearchableQuery(reason="_include must be Type:parameter or Type:parameter:Type")
    if code != "*":
        parameter = plan_of(source).parameters.get(code)
        if parameter is None or parameter.kind != "reference":
            raise UnsearchableQuery(reason=f"{source} has no reference parameter {shown(code)}")
        if target and parameter.targets and target not in parameter.targets:
            raise UnsearchableQuery(reason=f"{source}:{code} never refers to {shown(target)}")
    if target and target not in TYPE_NUMBERS:
        raise UnsearchableQuery(reason="there is no such resource type")
    return Include(source, code, target, reverse, iterate)


def _may_refer(include: Include, types: list[str]) -> bool:
    if include.code == "*":
        return True
    targets = plan_of(include.source).parameters[include.code].targets
    return not targets or any(type_ in targets for type_ in types)


_READERS = {
    "_count": _count,
    "_sort": _sort,
    "_total": _total,
    "_summary": _summary,
    "_elements": _elements,
    "_contained": _contained,
    "_containedType": _contained_type,
}
