"""Functions on collections: existence, filtering, subsetting, combining, and walking the tree.

Standard: FHIRPath 2.0, "Existence", "Filtering and Projection", "Subsetting", "Combining", "Tree Navigation",
"Aggregates".
"""

# ruff: noqa: ARG001, ARG005  (all functions of the language have one signature)

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Final

from yba.fhir.fhirpath.comparing import contains, distinct, order
from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.fhirpath.evaluation import Code, Env, Function, integer, one, truth
from yba.fhir.fhirpath.values import Collection, Item, Node, all_children, system

_MOST_ITEMS = 1_000_000


def _holds(code: Code, env: Env, item: Item, index: int) -> bool:
    return truth(code(env.at([item], index))) is True


def _exists(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    if not arguments:
        return [bool(focus)]
    return [any(_holds(arguments[0], env, item, n) for n, item in enumerate(focus))]


def _all(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    return [all(_holds(arguments[0], env, item, n) for n, item in enumerate(focus))]


def _booleans(decide: Callable[[list[bool]], bool]) -> Function:
    def run(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
        values = [system(item) for item in focus]
        if not all(isinstance(value, bool) for value in values):
            raise FhirPathError("booleans were expected")
        return [decide(values)]

    return run


def _not(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    value = truth(focus)
    return [] if value is None else [not value]


def _subset_of(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    whole = arguments[0](env)
    return [all(contains(whole, item) for item in focus)]


def _superset_of(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    return [all(contains(focus, item) for item in arguments[0](env))]


def _where(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    return [item for n, item in enumerate(focus) if _holds(arguments[0], env, item, n)]


def _select(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    found: Collection = []
    for n, item in enumerate(focus):
        found += arguments[0](env.at([item], n))
    return found


def _repeat(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    found: Collection = []
    wanted = list(focus)
    while wanted:
        more: Collection = []
        for n, item in enumerate(wanted):
            more += arguments[0](env.at([item], n))
        wanted = [
            i for i in _new_ones(more, found) if not contains(found, i) or isinstance(i, Node)
        ]
        found += wanted
        if len(found) > _MOST_ITEMS:
            raise FhirPathError("repeat finds no end")
    return found


def _new_ones(items: Collection, known: Collection) -> Collection:
    """Return the items that were not met; elements are told apart by identity, as twins may stand in a tree."""
    seen = {id(i.value) for i in known if isinstance(i, Node)}
    nodes = [
        i for i in items if isinstance(i, Node) and (i.is_primitive or id(i.value) not in seen)
    ]
    return [*nodes, *distinct([i for i in items if not isinstance(i, Node)])]


def _sort_key(env: Env, code: Code, item: Item, index: int) -> Item | None:
    found = code(env.at([item], index))
    if len(found) > 1:
        raise FhirPathError("a sort key must be one value")
    return found[0] if found else None


def sort(env: Env, focus: Collection, keys: tuple[tuple[Code, bool], ...]) -> Collection:
    """Return the items in the order of the keys, each (code, descending); missing keys come last, or first."""
    rows = [
        ([_sort_key(env, code, item, n) for code, _ in keys], item) for n, item in enumerate(focus)
    ]

    def before(a: tuple[list[Item | None], Item], b: tuple[list[Item | None], Item]) -> int:
        for left, right, (_, descending) in zip(a[0], b[0], keys, strict=True):
            if left is None or right is None:
                answer = (left is None) - (right is None)
            else:
                answer = order(left, right) or 0
            if answer:
                return -answer if descending else answer
        return 0

    return [item for _, item in sorted(rows, key=cmp_to_key(before))]


def _single(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    one(focus)
    return focus


def _skip(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    count = integer(arguments[0](env))
    return focus if count is None else focus[max(count, 0) :]


def _take(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    count = integer(arguments[0](env))
    return [] if count is None else focus[: max(count, 0)]


def _intersect(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    other = arguments[0](env)
    return distinct([item for item in focus if contains(other, item)])


def _exclude(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    other = arguments[0](env)
    return [item for item in focus if not contains(other, item)]


def _aggregate(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    step, *start = arguments
    total = start[0](env) if start else []
    for n, item in enumerate(focus):
        total = step(Env(env.shared, [item], n, total))
    return total


def _children(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    return [child for item in focus for child in all_children(item)]


def _descendants(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    found: Collection = []
    level = focus
    while level:
        level = [child for item in level for child in all_children(item)]
        found += level
    return found


def _coalesce(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    return next((found for code in arguments if (found := code(env))), [])


FUNCTIONS: Final[dict[str, tuple[int, int, Function]]] = {
    "empty": (0, 0, lambda env, focus, arguments: [not focus]),
    "exists": (0, 1, _exists),
    "all": (1, 1, _all),
    "allTrue": (0, 0, _booleans(all)),
    "anyTrue": (0, 0, _booleans(any)),
    "allFalse": (0, 0, _booleans(lambda values: not any(values))),
    "anyFalse": (0, 0, _booleans(lambda values: not all(values))),
    "not": (0, 0, _not),
    "subsetOf": (1, 1, _subset_of),
    "supersetOf": (1, 1, _superset_of),
    "count": (0, 0, lambda env, focus, arguments: [len(focus)]),
    "distinct": (0, 0, lambda env, focus, arguments: distinct(focus)),
    "isDistinct": (0, 0, lambda env, focus, arguments: [len(distinct(focus)) == len(focus)]),
    "where": (1, 1, _where),
    "select": (1, 1, _select),
    "repeat": (1, 1, _repeat),
    "single": (0, 0, _single),
    "first": (0, 0, lambda env, focus, arguments: focus[:1]),
    "last": (0, 0, lambda env, focus, arguments: focus[-1:]),
    "tail": (0, 0, lambda env, focus, arguments: focus[1:]),
    "skip": (1, 1, _skip),
    "take": (1, 1, _take),
    "intersect": (1, 1, _intersect),
    "exclude": (1, 1, _exclude),
    "union": (1, 1, lambda env, focus, arguments: distinct([*focus, *arguments[0](env)])),
    "combine": (1, 2, lambda env, focus, arguments: [*focus, *arguments[0](env)]),
    "aggregate": (1, 2, _aggregate),
    "children": (0, 0, _children),
    "descendants": (0, 0, _descendants),
    "coalesce": (1, 20, _coalesce),
}
