"""What the privacy officer decided about reports, and which records she has flagged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

VERDICTS = ("justified", "unjustified", "open")

_KEEP: LiteralString = """
    INSERT INTO audit.review (suspicion, verdict, note, reviewer_id, reviewer_name, at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""

_REVIEWS: LiteralString = """
    SELECT DISTINCT ON (suspicion) suspicion, verdict, note, reviewer_name, at
      FROM audit.review WHERE suspicion = ANY ($1::text[])
     ORDER BY suspicion, review_id DESC
"""

_FLAG: LiteralString = """
    INSERT INTO audit.flagged (patient_id, flagged_by, at) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING
"""
_UNFLAG: LiteralString = "DELETE FROM audit.flagged WHERE patient_id = $1"
_FLAGGED: LiteralString = "SELECT patient_id FROM audit.flagged ORDER BY patient_id"


@dataclass(frozen=True, slots=True)
class Review:
    """The newest decision about one report."""

    suspicion: str
    verdict: str
    note: str
    reviewer_name: str
    at: datetime


async def keep(
    tx: Tx, *, actor: Actor, suspicion: str, verdict: str, note: str, at: datetime
) -> None:
    """Keep a decision; earlier ones stay."""
    await tx.execute(_KEEP, suspicion, verdict, note, actor.account_id, actor.name, at)


async def reviews(tx: Tx, *, suspicions: Sequence[str]) -> dict[str, Review]:
    """Return the newest decision about each of these."""
    found = await tx.rows(Review, _REVIEWS, list(suspicions))
    return {review.suspicion: review for review in found}


async def flag(tx: Tx, *, actor: Actor, patient_id: str, on: bool, at: datetime) -> None:
    """Flag a record, or no longer."""
    if on:
        await tx.execute(_FLAG, patient_id, actor.account_id, at)
    else:
        await tx.execute(_UNFLAG, patient_id)


async def flagged(tx: Tx) -> frozenset[str]:
    """Return the flagged patients."""
    return frozenset(await tx.values(_FLAGGED))
