"""The SQL of orders.prescription."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString

from yba.plumbing.database import Tx

_ADD: LiteralString = """
    INSERT INTO orders.prescription (code, encounter_id, patient_id, kind, state, days,
                                     collect_until, advice, issued_at, prescriber_id, prescriber,
                                     prescriber_licence, replaces)
    VALUES ($1, $2, $3, $4, 'issued', $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT DO NOTHING
"""

_COLUMNS: LiteralString = """
    p.code, p.encounter_id, p.patient_id, p.kind, p.state, p.days, p.collect_until, p.advice,
    p.issued_at, p.prescriber_id, p.prescriber, p.prescriber_licence, p.sent_at,
    coalesce(p.replaces, '') AS replaces,
    coalesce((SELECT min(n.code) FROM orders.prescription n WHERE n.replaces = p.code), '')
        AS replaced_by
"""

_ONE: LiteralString = f"SELECT {_COLUMNS} FROM orders.prescription p WHERE p.code = $1"
_LOCKED: LiteralString = (
    f"SELECT {_COLUMNS} FROM orders.prescription p WHERE p.code = $1 FOR UPDATE OF p"
)
_OF_VISIT: LiteralString = f"""
    SELECT {_COLUMNS}
      FROM orders.prescription p
     WHERE p.encounter_id = $1
     ORDER BY p.issued_at, p.kind, p.code
     LIMIT 100
"""
_SET_STATE: LiteralString = """
    UPDATE orders.prescription
       SET state = $2, sent_at = coalesce($3, sent_at)
     WHERE code = $1
"""


@dataclass(frozen=True)
class PrescriptionRow:
    """What is known of a prescription beside its lines."""

    code: str
    encounter_id: str
    patient_id: str
    kind: str
    state: str
    days: int
    collect_until: date
    advice: str
    issued_at: datetime
    prescriber_id: str
    prescriber: str
    prescriber_licence: str
    sent_at: datetime | None
    replaces: str
    replaced_by: str


async def add(tx: Tx, row: PrescriptionRow) -> bool:
    """Insert a prescription; False if its code is taken."""
    added = await tx.execute(
        _ADD,
        row.code,
        row.encounter_id,
        row.patient_id,
        row.kind,
        row.days,
        row.collect_until,
        row.advice,
        row.issued_at,
        row.prescriber_id,
        row.prescriber,
        row.prescriber_licence,
        row.replaces or None,
    )
    return added == 1


async def prescription(tx: Tx, code: str, *, lock: bool = False) -> PrescriptionRow | None:
    """Return one prescription, locked for change if asked."""
    return await tx.row(PrescriptionRow, _LOCKED if lock else _ONE, code)


async def prescriptions_of(tx: Tx, encounter_id: str) -> list[PrescriptionRow]:
    """Return the prescriptions of a visit in the order of issue."""
    return await tx.rows(PrescriptionRow, _OF_VISIT, encounter_id)


async def set_state(tx: Tx, *, code: str, state: str, sent_at: datetime | None = None) -> None:
    """Move a prescription to another state."""
    await tx.execute(_SET_STATE, code, state, sent_at)
