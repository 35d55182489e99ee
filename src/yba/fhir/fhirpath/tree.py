"""The parts of an expression, as parsed. Frozen and comparable; nothing here evaluates.

Standard: FHIRPath 2.0 (N1), grammar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from yba.fhir.fhirpath.values import SystemValue


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the expression."""

    value: SystemValue


@dataclass(frozen=True, slots=True)
class Empty:
    """`{}`."""


@dataclass(frozen=True, slots=True)
class Member:
    """`focus.name`, or `name` alone when there is no focus."""

    focus: Tree | None
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """`focus.name(arguments)`, or `name(arguments)` alone."""

    focus: Tree | None
    name: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Indexed:
    """`focus[index]`."""

    focus: Tree
    index: Tree


@dataclass(frozen=True, slots=True)
class Unary:
    """`+operand` or `-operand`."""

    operator: str
    operand: Tree


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`operand is type` or `operand as type`."""

    operator: str
    operand: Tree
    type: str


@dataclass(frozen=True, slots=True)
class Special:
    """`$this`, `$index`, `$total`."""

    name: str


@dataclass(frozen=True, slots=True)
class External:
    """`%name`."""

    name: str


Tree: TypeAlias = (
    Literal | Empty | Member | Call | Indexed | Unary | Binary | TypeTest | Special | External
)
