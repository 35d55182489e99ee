"""The SQL of clinics, counters, tickets, queues and boards."""

from datetime import date, datetime
from typing import LiteralString

from yba.care.scheduling.model import BoardClinic, Clinic, ClinicLoad, QueueEntry, Ticket
from yba.plumbing.database import Tx

_PUT_CLINIC: LiteralString = """
    INSERT INTO scheduling.clinic (clinic_id, facility_code, code, name, room, department_code,
                                   ticket_prefix, exam_service_code, position, open)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (clinic_id) DO UPDATE
       SET code = excluded.code, name = excluded.name, room = excluded.room,
           department_code = excluded.department_code, ticket_prefix = excluded.ticket_prefix,
           exam_service_code = excluded.exam_service_code, position = excluded.position,
           open = excluded.open
"""

_CODE_TAKEN: LiteralString = """
    SELECT EXISTS (
        SELECT FROM scheduling.clinic
         WHERE facility_code = $1 AND code = $2 AND clinic_id <> $3
    )
"""

_CLINICS: LiteralString = """
    SELECT clinic_id, facility_code, code, name, room, department_code, ticket_prefix,
           exam_service_code, position, open
      FROM scheduling.clinic
     WHERE ($1::text IS NULL OR facility_code = $1) AND ($2::text IS NULL OR clinic_id = $2)
     ORDER BY position, code
     LIMIT 1000
"""

_LOAD: LiteralString = """
    SELECT c.clinic_id, c.facility_code, c.code, c.name, c.room, c.department_code,
           c.ticket_prefix, c.exam_service_code, c.position, c.open,
           count(*) FILTER (WHERE i.state = 'waiting')::int AS waiting,
           count(*) FILTER (WHERE i.state IN ('claimed', 'started'))::int AS in_room,
           coalesce(
               (array_agg(i.number ORDER BY i.changed_at DESC)
                FILTER (WHERE i.state IN ('claimed', 'started')))[1], ''
           ) AS now_serving,
           min(i.created_at) FILTER (WHERE i.state = 'waiting') AS oldest_waiting_since
      FROM scheduling.clinic c
      LEFT JOIN work.item_v1 i
        ON i.kind = 'visit' AND i.place = c.clinic_id AND i.created_at >= $1
       AND i.state IN ('waiting', 'claimed', 'started', 'absent')
     WHERE $2::text IS NULL OR c.facility_code = $2
     GROUP BY c.clinic_id
     ORDER BY c.position, c.code
     LIMIT 1000
"""

_NEXT_NUMBER: LiteralString = """
    INSERT INTO scheduling.counter (clinic_id, day, last) VALUES ($1, $2, 1)
    ON CONFLICT (clinic_id, day) DO UPDATE SET last = scheduling.counter.last + 1
    RETURNING last
"""

_ADD_TICKET: LiteralString = """
    INSERT INTO scheduling.ticket (item_id, clinic_id, day, sequence, encounter_id, patient_id,
                                   priority_reason, issued_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

_MOVE_TICKET: LiteralString = """
    UPDATE scheduling.ticket
       SET clinic_id = $2, day = $3, sequence = $4, called_at = NULL
     WHERE item_id = $1
"""

_CALLED: LiteralString = "UPDATE scheduling.ticket SET called_at = $2 WHERE item_id = $1"

_TICKET: LiteralString = """
    SELECT t.item_id, i.number, c.clinic_id, c.name AS clinic_name, c.room, t.priority_reason,
           t.issued_at,
           (SELECT count(*) FROM work.item_v1 w
             WHERE w.kind = 'visit' AND w.place = i.place AND w.state = 'waiting'
               AND w.created_at >= i.created_at - interval '1 day'
               AND (w.priority, w.item_id) < (i.priority, i.item_id))::int AS waiting_before
      FROM scheduling.ticket t
      JOIN work.item_v1 i ON i.item_id = t.item_id
      JOIN scheduling.clinic c ON c.clinic_id = t.clinic_id
     WHERE ($1::bigint IS NOT NULL AND t.item_id = $1)
        OR ($2::text IS NOT NULL AND t.encounter_id = $2)
     ORDER BY t.item_id DESC
     LIMIT 1
"""

_QUEUE: LiteralString = """
    SELECT i.item_id, i.number, i.state, i.priority, t.priority_reason, t.clinic_id,
           i.patient_id, coalesce(p.patient_number, '') AS patient_number,
           coalesce(p.name, '') AS patient_name, coalesce(p.birth_date, '') AS birth_date,
           coalesce(p.sex, '') AS sex, t.encounter_id, i.assigned_to,
           t.issued_at AS waiting_since,
           (SELECT count(*) FROM work.item_v1 r
             WHERE r.kind = 'laboratory' AND r.patient_id = i.patient_id
               AND r.state = 'finished' AND r.created_at >= t.issued_at)::int AS results_back
      FROM work.item_v1 i
      JOIN scheduling.ticket t ON t.item_id = i.item_id
      LEFT JOIN parties.person_v1 p ON p.patient_id = i.patient_id
     WHERE i.kind = 'visit' AND i.state IN ('waiting', 'claimed', 'started', 'absent')
       AND ($1::text IS NULL OR i.place = $1)
       AND ($2::text IS NULL OR i.assigned_to = $2 OR i.state = 'waiting')
       AND ($3::bigint IS NULL OR i.item_id = $3)
       AND i.created_at >= $4
     ORDER BY CASE i.state WHEN 'started' THEN 0 WHEN 'claimed' THEN 1 WHEN 'waiting' THEN 2
                           ELSE 3 END,
              i.priority, i.item_id
     LIMIT $5
"""

_BOARD: LiteralString = """
    SELECT c.clinic_id, c.name, c.room,
           coalesce(array_agg(i.number ORDER BY i.changed_at DESC)
               FILTER (WHERE i.state IN ('claimed', 'started')), '{}') AS now_serving,
           coalesce((array_agg(i.number ORDER BY i.priority, i.item_id)
               FILTER (WHERE i.state = 'waiting'))[1:$3], '{}') AS next_numbers,
           coalesce(array_agg(i.number ORDER BY i.item_id)
               FILTER (WHERE i.state = 'absent'), '{}') AS absent_numbers,
           count(*) FILTER (WHERE i.state = 'waiting')::int AS waiting,
           max(i.changed_at) FILTER (WHERE i.state = 'claimed') AS called_at
      FROM scheduling.clinic c
      LEFT JOIN work.item_v1 i
        ON i.kind = 'visit' AND i.place = c.clinic_id AND i.created_at >= $1
       AND i.state IN ('waiting', 'claimed', 'started', 'absent')
     WHERE c.open AND ($2::text[] IS NULL OR c.clinic_id = ANY($2))
     GROUP BY c.clinic_id
     ORDER BY c.position, c.code
     LIMIT 200
"""


async def put_clinic(tx: Tx, clinic: Clinic) -> None:
    """Insert or change a clinic."""
    await tx.execute(
        _PUT_CLINIC,
        clinic.clinic_id,
        clinic.facility_code,
        clinic.code,
        clinic.name,
        clinic.room,
        clinic.department_code,
        clinic.ticket_prefix,
        clinic.exam_service_code,
        clinic.position,
        clinic.open,
    )


async def is_code_taken(tx: Tx, clinic: Clinic) -> bool:
    """Whether another clinic of the facility has the code."""
    return await tx.value(_CODE_TAKEN, clinic.facility_code, clinic.code, clinic.clinic_id)


async def clinics(
    tx: Tx, *, facility_code: str | None = None, clinic_id: str | None = None
) -> list[Clinic]:
    """Return clinics in the order of the desk."""
    return await tx.rows(Clinic, _CLINICS, facility_code, clinic_id)


async def load(tx: Tx, *, since: datetime, facility_code: str | None) -> list[ClinicLoad]:
    """Return clinics with what has waited there since `since`."""
    return await tx.rows(ClinicLoad, _LOAD, since, facility_code)


async def next_number(tx: Tx, *, clinic_id: str, day: date) -> int:
    """Take the next number of the day; the counter stays locked until the end of `tx`."""
    return await tx.value(_NEXT_NUMBER, clinic_id, day)


async def add_ticket(
    tx: Tx,
    *,
    item_id: int,
    clinic_id: str,
    day: date,
    sequence: int,
    encounter_id: str,
    patient_id: str,
    priority_reason: str,
    at: datetime,
) -> None:
    """Remember a ticket."""
    await tx.execute(
        _ADD_TICKET,
        item_id,
        clinic_id,
        day,
        sequence,
        encounter_id,
        patient_id,
        priority_reason,
        at,
    )


async def move_ticket(tx: Tx, *, item_id: int, clinic_id: str, day: date, sequence: int) -> None:
    """Give a ticket the number of another clinic."""
    await tx.execute(_MOVE_TICKET, item_id, clinic_id, day, sequence)


async def note_call(tx: Tx, *, item_id: int, at: datetime) -> None:
    """Remember when a ticket was last called."""
    await tx.execute(_CALLED, item_id, at)


async def ticket(
    tx: Tx, *, item_id: int | None = None, encounter_id: str | None = None
) -> Ticket | None:
    """Return a ticket by its work item or its visit."""
    return await tx.row(Ticket, _TICKET, item_id, encounter_id)


async def queue(
    tx: Tx,
    *,
    since: datetime,
    clinic_id: str | None = None,
    account_id: str | None = None,
    item_id: int | None = None,
    limit: int = 300,
) -> list[QueueEntry]:
    """Return open tickets with their patients: in the room, called, waiting, absent."""
    return await tx.rows(QueueEntry, _QUEUE, clinic_id, account_id, item_id, since, limit)


async def board(
    tx: Tx, *, since: datetime, clinic_ids: list[str] | None, show: int
) -> list[BoardClinic]:
    """Return the rows of the public board."""
    return await tx.rows(BoardClinic, _BOARD, since, clinic_ids, show)
