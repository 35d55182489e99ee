"""What is asked for in bulk, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from yba.kernel.actor import Actor

State: TypeAlias = Literal["accepted", "running", "complete", "failed", "cancelled"]
Kind: TypeAlias = Literal["export", "import"]
Level: TypeAlias = Literal["system", "patient", "group"]


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What an export is to hold. `since` is microseconds since 1970."""

    level: Level
    group_id: str = ""
    types: tuple[str, ...] = ()
    since: int | None = None
    # (type, query); several of one type are alternatives.
    filters: tuple[tuple[str, str], ...] = ()
    elements: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    # Parameters that were left out because the asker allowed it.
    ignored: tuple[str, ...] = ()
    # Restricted categories of health data that who asked may not see.
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to import: ndjson at an address, a file of the inbox, or one sent to us."""

    url: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class ImportWish:
    """What an import is to read."""

    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """One file that is ready: its name in the job's folder."""

    name: str
    type: str
    count: int
    size: int
    # Of an import: the source it belongs to.
    source: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The files of a finished job."""

    output: tuple[Written, ...] = ()
    deleted: tuple[Written, ...] = ()
    error: tuple[Written, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is."""

    resources: int = 0
    bytes: int = 0
    # Of how many bytes, where that is known.
    total_bytes: int = 0
    steps: int = 0
    total_steps: int = 0
    refused: int = 0
    # Of an import: how many lines of the present source are done, and how long its error file is.
    line: int = 0
    error_bytes: int = 0

    def text(self) -> str:
        """Return it for people, without personal data, below 100 letters (`X-Progress`)."""
        parts = [f"{self.resources} resources, {self.bytes} bytes"]
        if self.total_bytes:
            parts.append(f"{min(100, 100 * self.bytes // self.total_bytes)}%")
        elif self.total_steps:
            parts.append(f"step {self.steps} of {self.total_steps}")
        return ", ".join(parts)


@dataclass(slots=True)
class Job:
    """One bulk job as it stands."""

    id: str
    number: int
    kind: Kind
    state: State
    actor: Actor
    request: str
    wish: dict[str, Any]
    asked_at: datetime
    attempts: int = 0
    transaction_time: datetime | None = None
    progress: Progress = field(default_factory=Progress)
    outcome: Outcome = field(default_factory=Outcome)
    failure: str = ""
    expires_at: datetime | None = None
