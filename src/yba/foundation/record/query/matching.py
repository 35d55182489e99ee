"""Whether one state of a resource meets a search, decided from the resource alone.

For who looks at states as they pass (subscriptions): a state may be superseded before it is looked
at, so the database cannot be asked. What needs other resources, terminology or full text is refused
by name before anything is promised (`refuse_undecidable`). The same values that are filed for a
search are compared (`fhir.index`), with the same reading of the question (`leaves`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from yba.fhir.index import Index, SearchParam, extract
from yba.foundation.record import settings
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import ordered
from yba.foundation.record.query.leaves.amount import bounds_of
from yba.foundation.record.query.leaves.asking import Arguments, Asking, Bounds, parts_of
from yba.foundation.record.query.leaves.date import moment
from yba.foundation.record.query.leaves.reference import places
from yba.foundation.record.query.parse import split, unescape
from yba.foundation.record.query.tree import Condition, Either, Every, Leaf, Negation, Search
from yba.kernel.text import fold

_DECIDABLE = {
    "token": {"", "not", "missing", "of-type"},
    "string": {"", "exact", "contains", "missing"},
    "reference": {"", "identifier", "missing"},
    "date": {"", "missing"},
    "number": {"", "missing"},
    "quantity": {"", "missing"},
    "uri": {"", "missing"},
}


@dataclass(slots=True)
class State:
    """One state of a resource, ready to be compared."""

    id: str
    updated: int
    index: Index


def state_of(resource: Any, *, updated: int) -> State:
    """Return a state; `updated` is its moment in microseconds."""
    return State(resource.id or "", updated, extract(resource, settings.zone()))


def refuse_undecidable(search: Search, *, now: datetime) -> None:
    """Raise UnsearchableQuery for a condition that a state alone cannot decide."""
    asking = Asking(Arguments(), zone=settings.zone(), now=now, base="")
    for condition in search.conditions:
        _refuse(asking, condition)


def _refuse(asking: Asking, condition: Condition) -> None:
    match condition:
        case Leaf():
            allowed = _DECIDABLE.get(condition.parameter.kind, set[str]())
            if condition.modifier not in allowed:
                code, modifier = condition.parameter.code, condition.modifier
                shown = f"{code}:{modifier}" if modifier else code
                raise UnsearchableQuery(reason=f"{shown} cannot be decided as changes pass")
            for value in condition.values:
                # Reads each value once, so that an unreadable one is refused now and not later.
                _leaf(asking, replace(condition, values=(value,)), State("-", 0, Index()))
        case Every() | Either():
            for inner in condition.inner:
                _refuse(asking, inner)
        case Negation():
            _refuse(asking, condition.inner)
        case _:
            raise UnsearchableQuery(reason="a chain or _has cannot be decided as changes pass")


def meets(search: Search, state: State, *, now: datetime, base: str = "") -> bool:
    """Return whether a state meets every condition of a search."""
    asking = Asking(Arguments(), zone=settings.zone(), now=now, base=base)
    return all(_meets(asking, condition, state) for condition in search.conditions)


def _meets(asking: Asking, condition: Condition, state: State) -> bool:
    match condition:
        case Leaf():
            return _leaf(asking, condition, state)
        case Every():
            return all(_meets(asking, inner, state) for inner in condition.inner)
        case Either():
            return any(_meets(asking, inner, state) for inner in condition.inner)
        case Negation():
            return not _meets(asking, condition.inner, state)
        case _:
            raise UnsearchableQuery(reason="this condition cannot be decided as changes pass")


def _leaf(asking: Asking, leaf: Leaf, state: State) -> bool:
    parameter, index = leaf.parameter, state.index
    if parameter.code == "_id":
        found = state.id in {unescape(value) for value in leaf.values}
        return found != (leaf.modifier == "not")
    if parameter.code == "_lastUpdated":
        return any(
            holds(moment(asking, "_lastUpdated", unescape(value)), state.updated, state.updated)
            for value in leaf.values
        )
    if leaf.modifier == "missing":
        return (not _has_value(parameter, index)) == (leaf.values[0] == "true")
    return _BY_KIND[parameter.kind](asking, leaf, index)


def _has_value(parameter: SearchParam, index: Index) -> bool:
    elements = set(parameter.elements)
    lists: tuple[Iterable[tuple[Any, ...]], ...] = (
        index.tokens, index.references, index.urls, index.logical, index.strings, index.dates,
        index.numbers, index.quantities, index.uris,
    )  # fmt: skip
    return any(item[0] in elements for values in lists for item in values)


def holds(bounds: Bounds, low: int, high: int) -> bool:
    """Return whether the range [low, high] of a value compares so with the range asked for."""
    a, b = bounds.low, bounds.high
    beyond = high > b if bounds.inclusive else high >= b
    within = low >= a and not beyond
    match bounds.prefix:
        case "eq":
            return within
        case "ne":
            return not within
        case "gt":
            return beyond
        case "lt":
            return low < a
        case "ge":
            return beyond or within
        case "le":
            return low < a or within
        case "sa":
            return low > b if bounds.inclusive else low >= b
        case "eb":
            return high < a
        case _:
            return low <= b and high >= a


def _token(_: Asking, leaf: Leaf, index: Index) -> bool:
    elements = set(leaf.parameter.elements)
    if leaf.modifier == "of-type":
        wanted = {tuple(parts_of(value)) for value in leaf.values}
        if any(len(one) != 3 for one in wanted):
            raise UnsearchableQuery(reason="of-type must be system|code|value")
        return any(
            (system or "", code, value) in wanted
            for element, system, code, value in index.identifiers
            if element in elements
        )
    found = any(_has_token(parts_of(value), elements, index) for value in leaf.values)
    return found != (leaf.modifier == "not")


def _has_token(parts: list[str], elements: set[int], index: Index) -> bool:
    if len(parts) > 2:
        raise UnsearchableQuery(reason="a code must be code, system|code, |code or system|")
    code = parts[-1]
    system = parts[0] if len(parts) == 2 else None
    return any(
        (not code or one[2] == code) and (system is None or (one[1] or "") == system)
        for one in index.tokens
        if one[0] in elements
    )


def _string(_: Asking, leaf: Leaf, index: Index) -> bool:
    elements = set(leaf.parameter.elements)
    texts = [text for element, text in index.strings if element in elements]
    wanted = [unescape(value) for value in leaf.values]
    match leaf.modifier:
        case "exact":
            return any(text in wanted for text in texts)
        case "contains":
            return any(fold(value) in fold(text) for value in wanted for text in texts)
        case _:
            return any(fold(text).startswith(fold(value)) for value in wanted for text in texts)


def _reference(asking: Asking, leaf: Leaf, index: Index) -> bool:
    elements = set(leaf.parameter.elements)
    if leaf.modifier == "identifier":
        wanted = {unescape(value).rpartition("|")[::2] for value in leaf.values}
        return any(
            (system or "", value) in wanted
            for element, system, value in index.logical
            if element in elements
        )
    targets = leaf.parameter.targets
    found = {
        (t, i) for e, t, i in index.references if e in elements and (not targets or t in targets)
    }
    urls = {url for element, url in index.urls if element in elements}
    wanted_places = [
        place for value in leaf.values for place in places(asking, leaf.parameter, unescape(value))
    ]
    return not found.isdisjoint(wanted_places) or any(unescape(v) in urls for v in leaf.values)


def _date(asking: Asking, leaf: Leaf, index: Index) -> bool:
    elements = set(leaf.parameter.elements)
    bounds = [moment(asking, leaf.parameter.code, unescape(value)) for value in leaf.values]
    return any(
        holds(one, low, high)
        for element, low, high in index.dates
        if element in elements
        for one in bounds
    )


def _number(_: Asking, leaf: Leaf, index: Index) -> bool:
    elements = set(leaf.parameter.elements)
    bounds = [bounds_of(leaf.parameter.code, unescape(value)) for value in leaf.values]
    return any(
        holds(one, ordered(low), ordered(high))
        for element, low, high in index.numbers
        if element in elements
        for one in bounds
    )


def _quantity(_: Asking, leaf: Leaf, index: Index) -> bool:
    """Compare amounts in the unit they are written in."""
    elements = set(leaf.parameter.elements)
    wanted: list[tuple[Bounds, str, str]] = []
    for value in leaf.values:
        parts = parts_of(value)
        if len(parts) > 3:
            raise UnsearchableQuery(
                reason="a quantity must be number, number|system|code or number||unit"
            )
        amount, system, unit = (*parts, "", "")[:3]
        wanted.append((bounds_of(leaf.parameter.code, amount), system, unit))
    return any(
        holds(bounds, ordered(low), ordered(high))
        and (not asked_system or system == asked_system)
        and (not asked or code == asked or (not asked_system and unit == asked))
        for element, low, high, system, code, unit in index.quantities
        if element in elements
        for bounds, asked_system, asked in wanted
    )


def _uri(_: Asking, leaf: Leaf, index: Index) -> bool:
    elements = set(leaf.parameter.elements)
    wanted = {unescape(part) for value in leaf.values for part in split(value, ",")}
    return any(element in elements and uri in wanted for element, uri in (*index.uris, *index.urls))


_BY_KIND: dict[str, Callable[[Asking, Leaf, Index], bool]] = {
    "token": _token, "string": _string, "reference": _reference, "date": _date,
    "number": _number, "quantity": _quantity, "uri": _uri,
}  # fmt: skip
