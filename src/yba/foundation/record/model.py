"""What the verbs of the record give back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Saved:
    """A resource as it now is: `Patient`, its id, its version."""

    type: str
    id: str
    version: int
    created: bool = False
    changed: bool = True

    @property
    def reference(self) -> str:
        """Return the literal reference, `Patient/<id>`."""
        return f"{self.type}/{self.id}"


@dataclass(slots=True)
class Version:
    """One state of one resource; `body` is None where it was deleted.

    Not frozen, because freezing costs more than the rest of its construction; nobody changes it.
    """

    type: str
    id: str
    version: int
    updated: int
    body: bytes | None
    patient: int | None = None
    # As filed: restricted categories among them.
    flags: int = 0
    # The body is of the resource with this id inside the one that is named.
    inside: str | None = None

    @property
    def deleted(self) -> bool:
        """Return whether this state is the deletion."""
        return self.body is None

    @property
    def etag(self) -> str:
        """Return the weak entity tag."""
        return f'W/"{self.version}"'


@dataclass(frozen=True, slots=True)
class Chart:
    """A patient and the current resources about them, newest clinical time first in each type."""

    patient_id: str
    resources: Mapping[str, Sequence[Any]] = field(default_factory=dict[str, Sequence[Any]])
    complete: bool = True

    def of(self, type_: type[R]) -> list[R]:
        """Return the resources of one type."""
        return list(cast("Sequence[R]", self.resources.get(type_.__name__, ())))

    @property
    def patient(self) -> Any:
        """Return the Patient, or None if it is not stored here."""
        found = self.resources.get("Patient")
        return found[0] if found else None
