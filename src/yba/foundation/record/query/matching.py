"""Whether one state of a resource meets a search, decided from the resource alone.

For who looks at states as they pass (subscriptions): a state may be superseded before it is looked
at, so the database cannot be asked. What needs other resources, terminology or full text is refused
by name before anything is promised (`compiled`). The same values that are filed for a
search are compared (`fhir.index`), with the same reading of the question (`leaves`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from yba.fhir.index import Index, SearchParam, extract
from yba.foundation.record import settings
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import ordered
from yba.foundation.record.query.leaves.amount import bounds_of
from yba.foundation.record.query.leaves.asking import Arguments, Asking, Bounds, parts_of
from yba.foundation.record.query.leaves.date import moment
from yba.foundation.record.query.leaves.reference import identifier, places
from yba.foundation.record.query.parse import unescape
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


Test: TypeAlias = Callable[["State"], bool]


@dataclass(slots=True)
class State:
    """One state of a resource, ready to be compared, at the moment of asking."""

    id: str
    updated: int
    index: Index
    # (element, code) of every token: most questions are decided by them alone.
    codes: frozenset[tuple[int, str]] = frozenset()


def state_of(resource: Any, *, updated: int) -> State:
    """Return a state; `updated` is its moment in microseconds."""
    index = extract(resource, settings.zone())
    codes = frozenset((token[0], token[2]) for token in index.tokens)
    return State(resource.id or "", updated, index, codes)


def meets(search: Search, state: State, *, now: datetime, base: str = "") -> bool:
    """Return whether a state meets every condition of a search."""
    return compiled(search, now=now, base=base)(state)


def compiled(search: Search, *, now: datetime, base: str = "") -> Test:
    """Return the test of a state: every value is read here, once.

    `now` is what `ap` compares dates with; `base` the server's own address in references.
    Raises UnsearchableQuery for a condition that a state alone cannot decide, and for a value
    that cannot be read.
    """
    asking = Asking(Arguments(), zone=settings.zone(), now=now, base=base)
    # Codes first: they are cheap and decide most.
    ordered_conditions = sorted(
        search.conditions,
        key=lambda one: not (isinstance(one, Leaf) and one.parameter.kind == "token"),
    )
    return _all([_test(asking, condition) for condition in ordered_conditions])


def needed_codes(search: Search) -> frozenset[tuple[int, str]]:
    """Return (element, code) pairs of which a state must have one to meet a search; or nothing.

    Who asks many questions of one state finds those worth asking by them.
    """
    for condition in search.conditions:
        if isinstance(condition, Leaf) and condition.parameter.kind == "token":
            codes = [parts_of(value)[-1] for value in condition.values]
            if condition.modifier == "" and condition.parameter.code != "_id" and all(codes):
                elements = condition.parameter.elements
                return frozenset((element, code) for code in codes for element in elements)
    return frozenset()


def _all(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def test(state: State) -> bool:
        for one in tests:  # noqa: SIM110 (a generator costs more than the tests)
            if not one(state):
                return False
        return True

    return test


def _test(asking: Asking, condition: Condition) -> Test:
    match condition:
        case Leaf():
            return _leaf(asking, condition)
        case Every():
            return _all([_test(asking, inner) for inner in condition.inner])
        case Either():
            tests = [_test(asking, inner) for inner in condition.inner]
            return lambda state: any(test(state) for test in tests)
        case Negation():
            inner = _test(asking, condition.inner)
            return lambda state: not inner(state)
        case _:
            raise UnsearchableQuery(reason="a chain or _has cannot be decided as changes pass")


def _leaf(asking: Asking, leaf: Leaf) -> Test:
    parameter, modifier = leaf.parameter, leaf.modifier
    if modifier not in _DECIDABLE.get(parameter.kind, set[str]()):
        shown = f"{parameter.code}:{modifier}" if modifier else parameter.code
        raise UnsearchableQuery(reason=f"{shown} cannot be decided as changes pass")
    if parameter.code in ("_id", "_lastUpdated") and modifier == "missing":
        return lambda _: leaf.values[0] == "false"
    if parameter.code == "_id":
        ids = {unescape(value) for value in leaf.values}
        return lambda state: (state.id in ids) != (modifier == "not")
    if parameter.code == "_lastUpdated":
        moments = [moment(asking, "_lastUpdated", unescape(value)) for value in leaf.values]
        return lambda state: any(holds(one, state.updated, state.updated) for one in moments)
    if modifier == "missing":
        wanted = leaf.values[0] == "true"
        return lambda state: (not _has_value(parameter, state.index)) == wanted
    return _BY_KIND[parameter.kind](asking, leaf)


def _has_value(parameter: SearchParam, index: Index) -> bool:
    elements = set(parameter.elements)
    lists: tuple[Iterable[tuple[Any, ...]], ...] = (
        index.tokens, index.references, index.urls, index.logical, index.strings, index.dates,
        index.numbers, index.quantities, index.uris, index.inside,
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


def _token(_: Asking, leaf: Leaf) -> Test:
    elements = frozenset(leaf.parameter.elements)
    if leaf.modifier == "of-type":
        types = {tuple(parts_of(value)) for value in leaf.values}
        if any(len(one) != 3 for one in types):
            raise UnsearchableQuery(reason="of-type must be system|code|value")
        return lambda state: any(
            (system or "", code, value) in types
            for element, system, code, value in state.index.identifiers
            if element in elements
        )
    wanted: set[tuple[str | None, str]] = set()
    for parts in (parts_of(value) for value in leaf.values):
        if len(parts) > 2:
            raise UnsearchableQuery(reason="a code must be code, system|code, |code or system|")
        wanted.add((parts[0] if len(parts) == 2 else None, parts[-1]))
    codes = frozenset((element, code) for _, code in wanted for element in elements)
    by_code = all(code for _, code in wanted)
    negated = leaf.modifier == "not"

    def test(state: State) -> bool:
        if by_code and codes.isdisjoint(state.codes):
            return negated
        return negated != any(
            (not code or token[2] == code) and (system is None or (token[1] or "") == system)
            for token in state.index.tokens
            if token[0] in elements
            for system, code in wanted
        )

    return test


def _string(_: Asking, leaf: Leaf) -> Test:
    elements, modifier = frozenset(leaf.parameter.elements), leaf.modifier
    wanted = [unescape(value) for value in leaf.values]
    folded = [fold(value) for value in wanted]

    def one(text: str) -> bool:
        match modifier:
            case "exact":
                return text in wanted
            case "contains":
                plain = fold(text)
                return any(value in plain for value in folded)
            case _:
                plain = fold(text)
                return any(plain.startswith(value) for value in folded)

    return lambda state: any(one(text) for e, text in state.index.strings if e in elements)


def _reference(asking: Asking, leaf: Leaf) -> Test:
    elements, targets = frozenset(leaf.parameter.elements), leaf.parameter.targets
    if leaf.modifier == "identifier":
        named = {identifier(value) for value in leaf.values}
        return lambda state: any(
            not named.isdisjoint(((system or "", value), (None, value), (system or "-", "")))
            for element, system, value in state.index.logical
            if element in elements
        )
    texts = {unescape(value) for value in leaf.values}
    wanted = {place for text in texts for place in places(asking, leaf.parameter, text)}

    def test(state: State) -> bool:
        index = state.index
        return any(
            element in elements and (not targets or type_ in targets) and (type_, id_) in wanted
            for element, type_, id_ in index.references
        ) or any(element in elements and url in texts for element, url in index.urls)

    return test


def _date(asking: Asking, leaf: Leaf) -> Test:
    elements = frozenset(leaf.parameter.elements)
    bounds = [moment(asking, leaf.parameter.code, unescape(value)) for value in leaf.values]
    return lambda state: any(
        holds(one, low, high)
        for element, low, high in state.index.dates
        if element in elements
        for one in bounds
    )


def _number(_: Asking, leaf: Leaf) -> Test:
    elements = frozenset(leaf.parameter.elements)
    bounds = [bounds_of(leaf.parameter.code, unescape(value)) for value in leaf.values]
    return lambda state: any(
        holds(one, ordered(low), ordered(high))
        for element, low, high in state.index.numbers
        if element in elements
        for one in bounds
    )


def _quantity(_: Asking, leaf: Leaf) -> Test:
    """Compare amounts in the unit they are written in."""
    elements = frozenset(leaf.parameter.elements)
    wanted: list[tuple[Bounds, str, str]] = []
    for parts in (parts_of(value) for value in leaf.values):
        if len(parts) > 3:
            raise UnsearchableQuery(
                reason="a quantity must be number, number|system|code or number||unit"
            )
        amount, system, unit = (*parts, "", "")[:3]
        wanted.append((bounds_of(leaf.parameter.code, amount), system, unit))
    return lambda state: any(
        (not asked_system or system == asked_system)
        and (not asked or code == asked or (not asked_system and unit == asked))
        and holds(bounds, ordered(low), ordered(high))
        for element, low, high, system, code, unit in state.index.quantities
        if element in elements
        for bounds, asked_system, asked in wanted
    )


def _uri(_: Asking, leaf: Leaf) -> Test:
    elements = frozenset(leaf.parameter.elements)
    wanted = {unescape(value) for value in leaf.values}
    return lambda state: any(
        element in elements and uri in wanted
        for element, uri in (*state.index.uris, *state.index.urls)
    )


_BY_KIND: dict[str, Callable[[Asking, Leaf], Test]] = {
    "token": _token, "string": _string, "reference": _reference, "date": _date,
    "number": _number, "quantity": _quantity, "uri": _uri,
}  # fmt: skip
