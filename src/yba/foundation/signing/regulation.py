"""The facility's own regulation: who signs which paper in what order, and who holds the offices.

Both are dated: a new line counts from its day on, and what was in force stays
readable. The author comes first and the organisation's seal last.

Law: Circular 13/2025/TT-BYT (the facility's own regulation), Decree 30/2020.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from yba.foundation.audit import service as audit
from yba.foundation.signing import store
from yba.foundation.signing.errors import RegulationImpossible
from yba.foundation.signing.model import SignerRole
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.refusal import AccessRefused
from yba.plumbing.database import Tx

# Between the author and the seal, in the order in which they sign.
OFFICES = (SignerRole.REVIEWER, SignerRole.CO_SIGNER, SignerRole.HEAD)


@dataclass(frozen=True, slots=True)
class RegulationLine:
    """Who signs a kind of paper, in order, from a day on."""

    kind: str
    valid_from: date
    roles: list[str]
    source: str


@dataclass(frozen=True, slots=True)
class Officer:
    """Who holds an office from a day on."""

    role: str
    holder_id: str
    holder_name: str
    valid_from: date


async def regulation(tx: Tx) -> list[RegulationLine]:
    """Return every line that was ever decided, by kind, newest first."""
    return await tx.rows(RegulationLine, store.REGULATION)


async def officers(tx: Tx) -> list[Officer]:
    """Return who held and holds the offices, by office, newest first."""
    return await tx.rows(Officer, store.OFFICERS)


async def decide_order(
    tx: Tx,
    *,
    actor: Actor,
    kind: str,
    offices: Sequence[SignerRole],
    sealed: bool,
    valid_from: date,
    source: str,
    at: datetime,
) -> None:
    """Let papers of `kind` be signed by their author, then `offices`, then the seal.

    Papers that wait already keep the order they were opened with. Raises
    RegulationImpossible for a past day or without a source, AccessRefused.
    """
    _require(actor)
    if valid_from < local_date(at) or not source.strip() or not set(offices) <= set(OFFICES):
        raise RegulationImpossible
    roles = [SignerRole.AUTHOR, *(one for one in OFFICES if one in offices)]
    if sealed:
        roles.append(SignerRole.ORGANISATION)
    names = [one.value for one in roles]
    await tx.execute(store.DECIDE_ORDER, kind, valid_from, names, source.strip())
    await audit.record(tx, actor=actor, action="C", what="signing.decide_order", at=at)


async def appoint(
    tx: Tx,
    *,
    actor: Actor,
    role: SignerRole,
    holder_id: str,
    holder_name: str,
    valid_from: date,
    at: datetime,
) -> None:
    """Let somebody hold an office from a day on. Raises RegulationImpossible, AccessRefused."""
    _require(actor)
    if valid_from < local_date(at) or role not in OFFICES or not holder_id:
        raise RegulationImpossible
    await tx.execute(store.APPOINT, role.value, holder_id, holder_name, valid_from)
    await audit.record(tx, actor=actor, action="C", what="signing.appoint", at=at)


def _require(actor: Actor) -> None:
    if not actor.may("admin.write"):
        raise AccessRefused
