"""What all interactions share: the record's ways in, who may do what, and the trail of reads.

The interactions themselves are functions in modules by kind: `reading` of one resource, `writes`,
`searches`, `histories`, `bundles`; `routing` chooses between them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from yba.foundation.record.bulk.importing import Importer
from yba.foundation.record.grouping import GroupWriter
from yba.foundation.record.model import Version
from yba.foundation.record.processing import Processor
from yba.foundation.record.query.guard import Guard
from yba.foundation.record.query.permitting import guard_for
from yba.kernel.actor import Actor
from yba.kernel.ids import encode_id
from yba.kernel.refusal import AccessRefused, Refusal
from yba.plumbing.database import Database
from yba.surfaces.fhir_api.connections import SearchConnections, WriteConnections
from yba.surfaces.fhir_api.exchange import Exchange
from yba.surfaces.fhir_api.reads import CoalescedReads
from yba.surfaces.fhir_api.trail import Trail

READ, WRITE = "fhir.read", "fhir.write"
WHAT = "fhir_api."


class NoSuchInteraction(Refusal):
    """A method that this place does not know; `allow` lists those it knows."""

    code = "fhir.no-such-interaction"
    status = 405
    message = "Not done: this interaction does not exist here. See /fhir/metadata."

    def __init__(self, allow: str = "") -> None:
        super().__init__()
        self.allow = allow


@dataclass(slots=True)
class Interactions:
    """What the interactions of one FHIR base work with."""

    database: Database
    base: str
    secret: bytes
    clock: Callable[[], datetime]
    reads: CoalescedReads
    searches: SearchConnections
    writing: WriteConnections
    writer: GroupWriter
    processor: Processor
    trail: Trail
    # Where the files of bulk jobs lie.
    data_dir: Path
    importer: Importer
    # Answers any request below the base: how entries of a bundle reach the other interactions.
    route: Callable[[Exchange, Actor], Awaitable[None]]

    def guard(self, actor: Actor, letter: str = "r") -> Guard | None:
        """Return what hides from the actor what she may not see; None where nothing is hidden.

        `letter` is that of a SMART scope: r read, s search, c create, u update, d delete.
        """
        return guard_for(actor, at=self.clock(), letter=letter, base=self.base)

    async def note_seen(self, actor: Actor, what: str, *found: Version) -> None:
        """Note in the trail that the actor saw these; `what` names the interaction.

        Raises AuditLogDown: then the answer must not go out.
        """
        seen: dict[str | None, list[str]] = {}
        for one in found:
            seen.setdefault(_patient_id(one.patient), []).append(f"{one.type}/{one.id}")
        if seen:
            await self.trail.note_all(actor, WHAT + what, seen)


@lru_cache(maxsize=65_536)
def _patient_id(row: int | None) -> str | None:
    return None if row is None or row < 0 else encode_id(row)


def permit(actor: Actor, permission: str) -> None:
    """Raise AccessRefused unless the actor may do this."""
    if not actor.may(permission):
        raise AccessRefused
