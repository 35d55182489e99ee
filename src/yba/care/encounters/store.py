"""The SQL of encounters.visit."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from yba.plumbing.database import Tx

_OPEN: LiteralString = """
    INSERT INTO encounters.visit (encounter_id, patient_id, claim_key, idempotency_key, state,
                                  facility_code, clinic_id, opened_at)
    VALUES ($1, $2, $3, $4, 'arrived', $5, $6, $7)
    ON CONFLICT DO NOTHING
"""

_COLUMNS: LiteralString = """
    encounter_id, patient_id, claim_key, state, facility_code, clinic_id, item_id,
    practitioner_id, note_id, follow_up_id, opened_at, closed_at
"""

_VISIT: LiteralString = f"SELECT {_COLUMNS} FROM encounters.visit WHERE encounter_id = $1"
_LOCKED: LiteralString = (
    f"SELECT {_COLUMNS} FROM encounters.visit WHERE encounter_id = $1 FOR UPDATE"
)
_BY_KEY: LiteralString = f"SELECT {_COLUMNS} FROM encounters.visit WHERE idempotency_key = $1"
_BY_CLAIM_KEY: LiteralString = f"SELECT {_COLUMNS} FROM encounters.visit WHERE claim_key = $1"

_OPEN_OF: LiteralString = f"""
    SELECT {_COLUMNS}
      FROM encounters.visit
     WHERE patient_id = $1 AND state IN ('arrived', 'in-progress')
     ORDER BY opened_at DESC
     LIMIT 20
"""

_SET_ITEM: LiteralString = """
    UPDATE encounters.visit SET item_id = $2, clinic_id = $3 WHERE encounter_id = $1
"""
_SET_STATE: LiteralString = """
    UPDATE encounters.visit
       SET state = $2, closed_at = $3,
           practitioner_id = coalesce(nullif($4, ''), practitioner_id)
     WHERE encounter_id = $1
"""
_SET_NOTE: LiteralString = "UPDATE encounters.visit SET note_id = $2 WHERE encounter_id = $1"
_SET_FOLLOW_UP: LiteralString = (
    "UPDATE encounters.visit SET follow_up_id = $2 WHERE encounter_id = $1"
)


@dataclass(frozen=True)
class VisitRow:
    """The state machine of one visit."""

    encounter_id: str
    patient_id: str
    claim_key: str
    state: str
    facility_code: str
    clinic_id: str
    item_id: int | None
    practitioner_id: str
    note_id: str
    follow_up_id: str
    opened_at: datetime
    closed_at: datetime | None


async def open_visit(
    tx: Tx,
    *,
    encounter_id: str,
    patient_id: str,
    claim_key: str,
    idempotency_key: str | None,
    facility_code: str,
    clinic_id: str,
    at: datetime,
) -> bool:
    """Insert a visit; False if its key is known or the person waits there already.

    Waits for a parallel transaction that inserts the same.
    """
    added = await tx.execute(
        _OPEN,
        encounter_id,
        patient_id,
        claim_key,
        idempotency_key,
        facility_code,
        clinic_id,
        at,
    )
    return added == 1


async def visit(tx: Tx, encounter_id: str) -> VisitRow | None:
    """Return a visit."""
    return await tx.row(VisitRow, _VISIT, encounter_id)


async def locked(tx: Tx, encounter_id: str) -> VisitRow | None:
    """Return a visit and lock it until the end of `tx`."""
    return await tx.row(VisitRow, _LOCKED, encounter_id)


async def by_idempotency_key(tx: Tx, key: str) -> VisitRow | None:
    """Return the visit that was opened under a form's key."""
    return await tx.row(VisitRow, _BY_KEY, key)


async def by_claim_key(tx: Tx, key: str) -> VisitRow | None:
    """Return the visit with a claim key (MA_LK)."""
    return await tx.row(VisitRow, _BY_CLAIM_KEY, key)


async def open_visits_of(tx: Tx, patient_id: str) -> list[VisitRow]:
    """Return the visits of a person that are not closed."""
    return await tx.rows(VisitRow, _OPEN_OF, patient_id)


async def set_item(tx: Tx, *, encounter_id: str, item_id: int, clinic_id: str) -> None:
    """Remember the ticket, and at which clinic it now waits."""
    await tx.execute(_SET_ITEM, encounter_id, item_id, clinic_id)


async def set_state(
    tx: Tx,
    *,
    encounter_id: str,
    state: str,
    closed_at: datetime | None = None,
    practitioner_id: str = "",
) -> None:
    """Move a visit to another state."""
    await tx.execute(_SET_STATE, encounter_id, state, closed_at, practitioner_id)


async def set_note(tx: Tx, *, encounter_id: str, note_id: str) -> None:
    """Remember where the record keeps the note."""
    await tx.execute(_SET_NOTE, encounter_id, note_id)


async def set_follow_up(tx: Tx, *, encounter_id: str, follow_up_id: str) -> None:
    """Remember where the record keeps the follow-up."""
    await tx.execute(_SET_FOLLOW_UP, encounter_id, follow_up_id)
