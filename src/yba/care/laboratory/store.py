"""The SQL of laboratory.request and laboratory.result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from yba.care.laboratory.model import LabRequest, LabResult
from yba.plumbing.database import Tx

_ADD: LiteralString = """
    INSERT INTO laboratory.request (request_id, item_id, encounter_id, patient_id, service_code,
                                    service_name, urgent, state, ordered_at)
    VALUES ($1, 0, $2, $3, $4, $5, $6, 'ordered', $7)
    ON CONFLICT DO NOTHING
"""
_SET_ITEM: LiteralString = "UPDATE laboratory.request SET item_id = $2 WHERE request_id = $1"

_COLUMNS: LiteralString = """
    r.request_id, r.item_id, r.encounter_id, r.patient_id,
    coalesce(p.patient_number, '') AS patient_number, coalesce(p.name, '') AS patient_name,
    coalesce(p.birth_date, '') AS birth_date, coalesce(p.sex, '') AS sex, r.service_code,
    r.service_name, r.urgent, r.state, coalesce(r.specimen_number, '') AS specimen_number,
    r.ordered_at, r.collected_at, r.entered_by, r.verified_by
"""
_PENDING: LiteralString = f"""
    SELECT {_COLUMNS}
      FROM laboratory.request r
      LEFT JOIN parties.person_v1 p ON p.patient_id = r.patient_id
     WHERE r.state = ANY($1::text[])
     ORDER BY r.urgent DESC, r.ordered_at, r.request_id
     LIMIT $2
"""
_ONE: LiteralString = f"""
    SELECT {_COLUMNS}
      FROM laboratory.request r
      LEFT JOIN parties.person_v1 p ON p.patient_id = r.patient_id
     WHERE r.request_id = $1
"""
_LOCKED: LiteralString = """
    SELECT request_id, item_id, encounter_id, patient_id, service_code, service_name, state,
           collected_at, entered_at, entered_by, verified_by, report_id
      FROM laboratory.request
     WHERE request_id = $1
       FOR UPDATE
"""
_COLLECT: LiteralString = """
    UPDATE laboratory.request
       SET state = 'collected', collected_at = $2,
           specimen_number = $3 || lpad(nextval('laboratory.specimen_number')::text, 5, '0')
     WHERE request_id = $1
    RETURNING specimen_number
"""
_ENTERED: LiteralString = """
    UPDATE laboratory.request
       SET state = 'entered', entered_at = $2, entered_by = $3, verified_at = NULL,
           verified_by = '', correction_reason = coalesce(nullif($4, ''), correction_reason)
     WHERE request_id = $1
"""
_VERIFIED: LiteralString = """
    UPDATE laboratory.request SET state = 'verified', verified_at = $2, verified_by = $3
     WHERE request_id = $1
"""
_RELEASED: LiteralString = """
    UPDATE laboratory.request SET state = 'released', released_at = $2, report_id = $3
     WHERE request_id = $1
"""
_CANCELLED: LiteralString = """
    UPDATE laboratory.request SET state = 'cancelled'
     WHERE request_id = $1 AND state = 'ordered'
"""

_RESULTS: LiteralString = """
    SELECT result_id::text, request_id, index_code, name, value, unit, reference, flag,
           observation_id
      FROM laboratory.result
     WHERE request_id = $1 AND replaced_at IS NULL
     ORDER BY position
"""
_REPLACE: LiteralString = """
    UPDATE laboratory.result SET replaced_at = $3
     WHERE request_id = $1 AND index_code = ANY($2::text[]) AND replaced_at IS NULL
"""
_ADD_RESULTS: LiteralString = """
    INSERT INTO laboratory.result (request_id, index_code, position, name, value, unit, reference,
                                   flag, entered_at, entered_by, observation_id)
    SELECT $1, index_code, position, name, value, unit, reference, flag, $9, $10, observation_id
      FROM unnest($2::text[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[],
                  $8::text[], $11::text[])
           AS new (index_code, position, name, value, unit, reference, flag, observation_id)
"""
_SET_OBSERVATIONS: LiteralString = """
    UPDATE laboratory.result r
       SET observation_id = new.observation_id
      FROM unnest($2::text[], $3::text[]) AS new (index_code, observation_id)
     WHERE r.request_id = $1 AND r.index_code = new.index_code AND r.replaced_at IS NULL
"""
_POLICY: LiteralString = "SELECT single_verifier FROM laboratory.policy"
_SET_POLICY: LiteralString = "UPDATE laboratory.policy SET single_verifier = $1"


@dataclass(frozen=True)
class RequestRow:
    """The state machine of one request."""

    request_id: str
    item_id: int
    encounter_id: str
    patient_id: str
    service_code: str
    service_name: str
    state: str
    collected_at: datetime | None
    entered_at: datetime | None
    entered_by: str
    verified_by: str
    report_id: str


async def add(
    tx: Tx,
    *,
    request_id: str,
    encounter_id: str,
    patient_id: str,
    service_code: str,
    service_name: str,
    urgent: bool,
    at: datetime,
) -> bool:
    """Insert a request; False if it is known."""
    added = await tx.execute(
        _ADD, request_id, encounter_id, patient_id, service_code, service_name, urgent, at
    )
    return added == 1


async def set_item(tx: Tx, *, request_id: str, item_id: int) -> None:
    """Remember the work item."""
    await tx.execute(_SET_ITEM, request_id, item_id)


async def pending(tx: Tx, *, states: Sequence[str], limit: int) -> list[LabRequest]:
    """Return the worklist, urgent first, with patients."""
    return await tx.rows(LabRequest, _PENDING, list(states), limit)


async def request(tx: Tx, request_id: str) -> LabRequest | None:
    """Return one line of the worklist."""
    return await tx.row(LabRequest, _ONE, request_id)


async def locked(tx: Tx, request_id: str) -> RequestRow | None:
    """Return a request and lock it until the end of `tx`."""
    return await tx.row(RequestRow, _LOCKED, request_id)


async def collect(tx: Tx, *, request_id: str, prefix: str, at: datetime) -> str:
    """Mark a specimen as taken and give it its number."""
    return await tx.value(_COLLECT, request_id, at, prefix)


async def entered(
    tx: Tx, *, request_id: str, account_id: str, at: datetime, reason: str = ""
) -> None:
    """Mark values as entered; an earlier verification no longer counts."""
    await tx.execute(_ENTERED, request_id, at, account_id, reason)


async def verified(tx: Tx, *, request_id: str, account_id: str, at: datetime) -> None:
    """Mark values as verified."""
    await tx.execute(_VERIFIED, request_id, at, account_id)


async def released(tx: Tx, *, request_id: str, report_id: str, at: datetime) -> None:
    """Mark a request as released."""
    await tx.execute(_RELEASED, request_id, at, report_id)


async def cancelled(tx: Tx, *, request_id: str) -> None:
    """Drop a request of which nothing was taken yet."""
    await tx.execute(_CANCELLED, request_id)


async def results(tx: Tx, request_id: str) -> list[LabResult]:
    """Return the current values of a request in printing order."""
    return await tx.rows(LabResult, _RESULTS, request_id)


async def put_results(
    tx: Tx,
    *,
    request_id: str,
    results: Sequence[LabResult],
    positions: Sequence[int],
    account_id: str,
    at: datetime,
) -> None:
    """Replace values; the former ones stay, marked as replaced."""
    await tx.execute(_REPLACE, request_id, [r.index_code for r in results], at)
    await tx.execute(
        _ADD_RESULTS,
        request_id,
        [r.index_code for r in results],
        list(positions),
        [r.name for r in results],
        [r.value for r in results],
        [r.unit for r in results],
        [r.reference for r in results],
        [r.flag for r in results],
        at,
        account_id,
        [r.observation_id for r in results],
    )


async def set_observations(tx: Tx, *, request_id: str, results: Sequence[LabResult]) -> None:
    """Remember under which ids the record keeps the values."""
    await tx.execute(
        _SET_OBSERVATIONS,
        request_id,
        [r.index_code for r in results],
        [r.observation_id for r in results],
    )


async def is_single_verifier(tx: Tx) -> bool:
    """Whether this site lets one person enter and verify."""
    return await tx.value(_POLICY)


async def set_single_verifier(tx: Tx, allowed: bool) -> None:
    """Change the policy of the site."""
    await tx.execute(_SET_POLICY, allowed)
