"""The typed tree of a search."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from yba.fhir.index import SearchParam

Total: TypeAlias = Literal["none", "estimate", "accurate", ""]
Contained: TypeAlias = Literal["false", "true", "both"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What had to be looked up before a leaf can be asked; see `resolving`."""

    codes: frozenset[tuple[str, str]] = frozenset()
    """(system, code) of value sets and hierarchies."""
    value_sets: tuple[int, ...] = ()
    """Numbers of compiled value sets too large to be listed."""
    units: tuple[str, ...] = ()
    """UCUM codes that quantities of this parameter are written in."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One parameter with values, any of which may match."""

    type: str
    parameter: SearchParam
    modifier: str
    values: tuple[str, ...]
    resolved: Resolved | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """A reference whose target meets a condition; one inner condition per possible type."""

    type: str
    parameter: SearchParam
    inner: tuple[tuple[str, Condition], ...]


@dataclass(frozen=True, slots=True)
class Has:
    """Some resource of `source` refers here by `parameter` and meets a condition."""

    type: str
    source: str
    parameter: SearchParam
    inner: Condition


@dataclass(frozen=True, slots=True)
class Every:
    """All of several conditions."""

    type: str
    inner: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of several conditions; none of none."""

    type: str
    inner: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """What does not meet a condition."""

    type: str
    inner: Condition


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison that only `_filter` can ask for: one of the values compares so with this one."""

    type: str
    parameter: SearchParam
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Rows:
    """What a chain or `_has` came to: rows by their number, by their patient or by a key."""

    type: str
    rows: tuple[int, ...] = ()
    patients: tuple[int, ...] = ()
    keys: tuple[int, ...] = ()


Condition: TypeAlias = Leaf | Chain | Has | Every | Either | Negation | Comparison | Rows


@dataclass(frozen=True, slots=True)
class Sort:
    """One key of the order."""

    parameter: SearchParam
    descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """Resources to add: those referred to, or with `reverse` those that refer to what was found.

    `source` and `code` may be `*`. `iterate` follows what was added, too.
    """

    source: str
    code: str
    target: str
    reverse: bool
    iterate: bool


@dataclass(slots=True)
class Search:
    """A whole search as asked.

    A search over several types has no `type` of its own, and one of `parts` for each of them;
    only the conditions and the order of the parts are theirs.
    """

    type: str
    conditions: list[Condition] = field(default_factory=list[Condition])
    sort: list[Sort] = field(default_factory=list[Sort])
    includes: list[Include] = field(default_factory=list[Include])
    count: int = 20
    total: Total = ""
    summary: str = ""
    elements: tuple[str, ...] = ()
    cursor: str = ""
    ignored: list[str] = field(default_factory=list[str])
    self_query: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    place: str = ""
    """Where it was asked, below the base: `Observation`, `Patient/1/Observation`, or nothing."""
    parts: list[Search] | None = None
    contained: Contained = "false"
    """Whether resources that stand inside others are looked for: not, they alone, or all."""
    answer: Literal["container", "contained"] = "container"
    """What comes for a contained resource that matches."""
