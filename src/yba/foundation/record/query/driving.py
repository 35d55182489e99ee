"""How the matches of one page are met: which condition leads to them, and in which order.

Main rule: whatever leads must give rows in the order of the answer, so that a page reads a page.
Newest clinical time first is the order of three indexes: (type, ts, rid), (patient, type, ts) and
(code, ts, rid). Only a condition that few rows meet is collected and sorted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query.chains import of_own_reference
from yba.foundation.record.query.leaves import Leaves
from yba.foundation.record.query.leaves.date import DAY
from yba.foundation.record.query.parse import split
from yba.foundation.record.query.tree import Condition, Leaf, Rows, Search

Kind: TypeAlias = Literal["collect", "patient", "code", "walk"]


@dataclass(frozen=True, slots=True)
class Driver:
    """What leads to the matches: everything collected, one condition's index, or the type itself."""

    kind: Kind
    condition: Condition | None = None
    patients: list[int] = field(default_factory=list[int])

    def answers(self, condition: Condition) -> bool:
        """Return whether what it leads to meets this condition by that alone."""
        if condition is not self.condition:
            return False
        return self.kind == "patient" or (
            self.kind == "code" and isinstance(condition, Leaf)
            and condition.parameter.kind == "token"
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """One ordered walk: from where, what holds on it, and its columns of time and row.

    With `over`, the walk is taken for each value k of that array.
    """

    source: str
    tests: tuple[str, ...] = ()
    over: str = ""
    ts: str = "r.ts"
    rid: str = "r.rid"

    def own(self, key: str) -> str:
        """Return this walk's column for a column of the order."""
        return {"r.ts": self.ts, "r.rid": self.rid}.get(key, key)


def is_by_time(search: Search) -> bool:
    """Return whether the answer is in the order of clinical time."""
    plan = plan_of(search.type)
    if not search.sort:
        return plan.by_time
    elements = frozenset(search.sort[0].parameter.elements)
    return len(search.sort) == 1 and bool(elements) and elements == plan.time_elements


def choose(search: Search, rare: list[bool], leaves: Leaves) -> Driver:
    """Return what leads, given which conditions few rows are expected to meet."""
    if not is_by_time(search):
        return Driver("collect" if any(rare) else "walk")
    patient = code = None
    for condition, is_rare in zip(search.conditions, rare, strict=True):
        rows = patients_of(condition, leaves)
        if rows:
            patient = patient or Driver("patient", condition, rows)
        elif code_leaf(condition) is not None:
            code = code or Driver("code", condition)
        elif is_rare:
            return Driver("collect")
    return patient or code or Driver("walk")


def patients_of(condition: Condition, leaves: Leaves) -> list[int]:
    """Return the rows of the patients a condition asks for, if it asks for nothing else."""
    if isinstance(condition, Leaf) and condition.parameter.kind == "reference":
        return leaves.patients(condition)
    if isinstance(condition, Rows) and not condition.keys and not condition.rows:
        return list(condition.patients)
    return []


def code_leaf(condition: Condition) -> Leaf | None:
    """Return the principal codes that a condition asks for, by itself or as part of a composite."""
    if not isinstance(condition, Leaf) or condition.modifier:
        return None
    plan, parameter = plan_of(condition.type), condition.parameter
    if plan.code_element is None:
        return None
    if parameter.kind == "token":
        return condition if parameter.elements == (plan.code_element,) else None
    if parameter.kind != "composite" or not set(parameter.elements) <= plan.rewritten:
        return None
    first = plan.parameters[parameter.components[0][0]]
    if first.elements != (plan.code_element,):
        return None
    values = tuple(dict.fromkeys(split(value, "$")[0] for value in condition.values))
    return Leaf(condition.type, first, "", values)


def is_remembered(driver: Driver, search: Search) -> bool:
    """Return whether one plan fits every value, because the shape of the statement decides it."""
    if not all(isinstance(condition, Leaf | Rows) for condition in search.conditions):
        return False
    return driver.kind != "walk" or (
        is_by_time(search) and all(_is_tested_on_the_row(c) for c in search.conditions)
    )


def _is_tested_on_the_row(condition: Condition) -> bool:
    if not isinstance(condition, Leaf):
        return False
    kind = condition.parameter.kind
    elements = frozenset(condition.parameter.elements)
    return kind == "token" or (kind == "date" and elements == plan_of(condition.type).time_elements)


def within(leaves: Leaves, search: Search, row: str) -> list[str]:
    """Return what "from" and "until" mean together, for those who look rows up without an order.

    Each alone leaves half of time to the planner; together they are a small part of an index.
    """
    low, high = leaves.window(search.conditions)
    if low is None or high is None:
        return []
    ts, te = f"{row}.ts", f"{row}.te"
    return [
        f"(({ts} >= {low} - {DAY} AND {ts} <= {high}) OR ({te} > {ts} + {DAY} AND {te} >= {low}))"
    ]


def ways(driver: Driver, leaves: Leaves, search: Search) -> tuple[list[Way], bool]:
    """Return the walks that together meet every match, and whether they may meet one twice."""
    start, twice = [Way("record.resource r")], False
    if driver.kind == "patient":
        rows = leaves.asking.arguments.add(driver.patients, "bigint[]")
        start = [Way("record.resource r", ("r.patient = k.k", of_own_reference("r")), rows)]
    elif driver.kind == "code" and driver.condition is not None:
        asked = code_leaf(driver.condition)
        assert asked is not None
        keys, lookups = leaves.token_keys(asked)
        keys = list(dict.fromkeys(keys))
        over = leaves.asking.key_array(keys, lookups)
        twice = len(keys) > 1 or bool(lookups)
        beside = "record.coded c JOIN record.resource r ON r.type = c.type AND r.rid = c.rid"
        start = [
            Way("record.resource r", ("r.code = k.k",), over),
            Way(beside, ("c.k = k.k",), over, "c.ts", "c.rid"),
        ]
    return [limited for way in start for limited in _in_time(way, leaves, search)], twice


def _in_time(way: Way, leaves: Leaves, search: Search) -> list[Way]:
    """Return the walk within the time asked for: what began then, and what lasted until then."""
    low, high = leaves.window(search.conditions)
    until = () if high is None else (f"{way.ts} <= {high}",)
    if low is None:
        return [replace(way, tests=(*way.tests, *until))]
    recent = replace(way, tests=(*way.tests, *until, f"{way.ts} >= {low} - {DAY}"))
    lasted = f"r.te > r.ts + {DAY} AND r.te >= {low}"
    earlier = replace(way, tests=(*way.tests, *until, f"{way.ts} < {low} - {DAY}", lasted))
    if not way.over:
        # What lasts long is rare: collected from an index of its own. OFFSET 0 keeps the planner
        # from walking all that began earlier.
        type_ = leaves.asking.arguments.add(TYPE_NUMBERS[search.type], "smallint")
        rare = f"SELECT * FROM record.resource r WHERE r.type = {type_} AND {lasted} OFFSET 0"
        earlier = replace(earlier, source=f"({rare}) r")
    return [recent, earlier]
