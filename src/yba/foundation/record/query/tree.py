"""The typed tree of a search."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from yba.fhir.index import SearchParam

Total: TypeAlias = Literal["none", "estimate", "accurate", ""]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One parameter with values, any of which may match."""

    type: str
    parameter: SearchParam
    modifier: str
    values: tuple[str, ...]


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


Condition: TypeAlias = Leaf | Chain | Has


@dataclass(frozen=True, slots=True)
class Sort:
    """One key of the order."""

    parameter: SearchParam
    descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """Resources to add: those referred to, or with `reverse` those that refer to the matches."""

    source: str
    parameter: SearchParam
    target: str
    reverse: bool


@dataclass(slots=True)
class Search:
    """A whole search as asked."""

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
