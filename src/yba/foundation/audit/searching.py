"""Searching the trail: by patient, person, time, purpose, action and verb, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from yba.foundation.audit.model import StoredEvent
from yba.plumbing.database import Tx

MOST_A_PAGE = 200

_SEARCH: LiteralString = """
    SELECT e.id, e.at, e.recorded_at, e.account_id, e.actor_name, e.actor_roles, e.facility,
           e.client_id, e.purpose, e.action, e.what, e.patient_id, e.resources, e.salt,
           e.erased_by
      FROM audit.event e
     WHERE e.salt IS NOT NULL
       AND ($1::text IS NULL OR e.patient_id = $1)
       AND ($2::text IS NULL OR e.account_id = $2)
       AND ($3::text IS NULL OR e.actor_name ILIKE '%' || $3 || '%')
       AND ($4::timestamptz IS NULL OR e.at >= $4)
       AND ($5::timestamptz IS NULL OR e.at < $5)
       AND ($6::text IS NULL OR e.purpose = $6)
       AND ($7::text IS NULL OR e.action = $7)
       AND ($8::text IS NULL OR e.what LIKE $8 || '%')
       AND ($9::bigint IS NULL OR e.id < $9)
       AND ($10::bigint IS NULL OR e.id = $10)
     ORDER BY e.id DESC
     LIMIT $11
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the trail; None asks for anything. `until` is not included."""

    patient_id: str | None = None
    account_id: str | None = None
    person: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    purpose: str | None = None
    action: str | None = None
    what: str | None = None
    before: int | None = None
    id: int | None = None
    count: int = 50


async def search(tx: Tx, question: Question) -> list[StoredEvent]:
    """Return what fits, newest first, at most 200; `before` continues below an id.

    Erased events fit no question.
    """
    return await tx.rows(
        StoredEvent,
        _SEARCH,
        question.patient_id,
        question.account_id,
        _literal(question.person),
        question.since,
        question.until,
        question.purpose,
        question.action,
        _literal(question.what),
        question.before,
        question.id,
        min(question.count, MOST_A_PAGE),
    )


def _literal(text: str | None) -> str | None:
    """Return what LIKE takes for exactly this text."""
    if text is None:
        return None
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
