"""What a running expression carries, and how a collection is read where one value is meant.

Standard: FHIRPath 2.0, "Singleton Evaluation of Collections".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.fhirpath.values import Collection, Item, Node, Quantity, system

Code: TypeAlias = "Callable[[Env], Collection]"
Function: TypeAlias = "Callable[[Env, Collection, tuple[Code, ...]], Collection]"


@dataclass(slots=True)
class Shared:
    """What is the same everywhere in one evaluation."""

    root: Node
    variables: Mapping[str, Collection]
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    resolve: Callable[[str], Node | None] | None = None
    conforms: Callable[[Node, str], bool | None] | None = None
    member_of: Callable[[Item, str], bool | None] | None = None
    traces: list[tuple[str, Collection]] = field(default_factory=list)


class Env:
    """The place of an evaluation: $this, $index, $total."""

    __slots__ = ("index", "shared", "this", "total")

    def __init__(
        self,
        shared: Shared,
        this: Collection,
        index: int | None = None,
        total: Collection | None = None,
    ) -> None:
        self.shared = shared
        self.this = this
        self.index = index
        self.total = total

    def at(self, this: Collection, index: int | None = None) -> Env:
        """Return the same evaluation with another $this."""
        return Env(self.shared, this, index, self.total)


def one(items: Collection) -> Any:
    """Return the System value of the only item (an element as it is), or None if there is none.

    Raises FhirPathError if there are several.
    """
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError("one value was expected, there are several")
    return system(items[0])


def truth(items: Collection) -> bool | None:
    """Return a collection as a condition: its boolean; true for one other value; None if empty."""
    value = one(items)
    return value if value is None or isinstance(value, bool) else True


def text(items: Collection) -> str | None:
    """Return the only item, which must be text, or None if there is none."""
    value = one(items)
    if value is not None and not isinstance(value, str):
        raise FhirPathError("text was expected")
    return value


def integer(items: Collection) -> int | None:
    """Return the only item, which must be a whole number, or None if there is none."""
    value = one(items)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise FhirPathError("a whole number was expected")
    return value


def number(items: Collection) -> int | Decimal | None:
    """Return the only item, which must be a number, or None if there is none."""
    value = one(items)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | Decimal)):
        raise FhirPathError("a number was expected")
    return value


def quantity(items: Collection) -> Quantity | None:
    """Return the only item, which must be a quantity, or None if there is none."""
    value = one(items)
    if value is not None and not isinstance(value, Quantity):
        raise FhirPathError("a quantity was expected")
    return value


def maybe(value: Any) -> Collection:
    """Return a collection of one value, empty for None."""
    return [] if value is None else [value]
