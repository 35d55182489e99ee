"""The SQL of the schema `archive`. Steps and what belongs to them are only ever added."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import LiteralString

from yba.care.archive.model import Destruction, Hold, Line, Record, Step
from yba.plumbing.database import Tx

_HELD: LiteralString = """
    EXISTS (SELECT FROM archive.hold h WHERE h.encounter_id = r.encounter_id
               AND NOT EXISTS (SELECT FROM archive.hold_end e WHERE e.hold_id = h.hold_id))
"""
_SELECT: LiteralString = (
    """
    SELECT r.encounter_id, r.patient_id, r.claim_key, r.state, r.cancelled, r.begun_at,
           r.ended_on, r.retention, r.keep_until, r.changed_at, """
    + _HELD
    + """ AS held,
           EXISTS (SELECT FROM archive.destruction_line l
                    WHERE l.encounter_id = r.encounter_id) AS listed
      FROM archive.record r
"""
)
_ONE: LiteralString = _SELECT + " WHERE r.encounter_id = $1"
_LOCKED: LiteralString = _SELECT + " WHERE r.encounter_id = $1 FOR UPDATE OF r"
_OF_PATIENT: LiteralString = (
    _SELECT + " WHERE r.patient_id = $1 ORDER BY r.begun_at DESC, r.encounter_id LIMIT $2"
)
_LIST: LiteralString = (
    _SELECT
    + """
     WHERE ($1 = '' OR r.state = $1)
       AND ($2 = '' OR r.claim_key = $2 OR r.encounter_id = $2)
       AND (NOT $3 OR """
    + _HELD
    + """)
       AND ($4::date IS NULL OR (r.state = 'archived' AND r.keep_until < $4))
     ORDER BY r.begun_at DESC, r.encounter_id LIMIT $5 OFFSET $6
"""
)
_DUE: LiteralString = (
    _SELECT
    + " WHERE r.state = 'archived' AND r.keep_until < $1 AND NOT "
    + _HELD
    + """ AND NOT EXISTS (SELECT FROM archive.destruction_line l WHERE l.encounter_id = r.encounter_id)
     ORDER BY r.keep_until, r.encounter_id LIMIT $2
"""
)
_COUNTS: LiteralString = """
    SELECT state, count(*)::int AS count FROM archive.record GROUP BY state ORDER BY state
"""
_CLOSED_FOR_GOOD: LiteralString = """
    SELECT encounter_id FROM archive.record
     WHERE encounter_id = ANY($1) AND state IN ('archived', 'destroyed')
"""
_INSERT: LiteralString = """
    INSERT INTO archive.record (encounter_id, patient_id, claim_key, begun_at, changed_at)
    VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING
"""
_MOVE: LiteralString = """
    UPDATE archive.record SET state = $2, changed_at = $3 WHERE encounter_id = $1
"""
_MARK: LiteralString = """
    UPDATE archive.record SET cancelled = $2, changed_at = $3 WHERE encounter_id = $1
"""
_KEEP: LiteralString = """
    UPDATE archive.record SET ended_on = $2, retention = $3, keep_until = $4, changed_at = $5
     WHERE encounter_id = $1
"""
_DESTROY: LiteralString = """
    UPDATE archive.record SET state = 'destroyed', patient_id = '', changed_at = $2
     WHERE encounter_id = $1
"""
_STEP: LiteralString = """
    INSERT INTO archive.step (encounter_id, number, what, state, reason, account_id, person, at)
    SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7
      FROM archive.step WHERE encounter_id = $1
"""
_STEPS: LiteralString = """
    SELECT number, what, state, reason, account_id, person, at
      FROM archive.step WHERE encounter_id = $1 ORDER BY number LIMIT 500
"""
_CIRCUMSTANCE: LiteralString = """
    INSERT INTO archive.circumstance (encounter_id, kind, source, known_at)
    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_CIRCUMSTANCES: LiteralString = """
    SELECT kind FROM archive.circumstance WHERE encounter_id = $1 ORDER BY kind
"""
_ANNEX: LiteralString = """
    INSERT INTO archive.annex (encounter_id, document_id, reason, at)
    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_ANNEXES: LiteralString = """
    SELECT document_id FROM archive.annex WHERE encounter_id = $1 ORDER BY at, document_id LIMIT 500
"""
_HOLD: LiteralString = """
    INSERT INTO archive.hold (hold_id, encounter_id, ordered_by, reason, account_id, at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
_HOLDS: LiteralString = """
    SELECT h.hold_id, h.encounter_id, r.claim_key, h.ordered_by, h.reason, h.at, e.at AS ended_at
      FROM archive.hold h
      JOIN archive.record r ON r.encounter_id = h.encounter_id
      LEFT JOIN archive.hold_end e ON e.hold_id = h.hold_id
     WHERE ($1::text IS NULL OR h.encounter_id = $1) AND ($2 OR e.at IS NULL)
     ORDER BY h.at DESC, h.hold_id LIMIT 500
"""
_HOLD_END: LiteralString = """
    INSERT INTO archive.hold_end (hold_id, reason, account_id, at) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
"""
_READER: LiteralString = """
    INSERT INTO archive.reader
           (reader_id, encounter_id, account_id, ground, may_copy, purpose, given_by, at, until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_MAY_COPY: LiteralString = """
    SELECT may_copy FROM archive.reader
     WHERE encounter_id = $1 AND account_id = $2 AND at <= $3 AND until > $3
     ORDER BY at DESC, reader_id DESC LIMIT 1
"""
_PROPOSE: LiteralString = """
    INSERT INTO archive.destruction (destruction_id, proposed_by, proposer, proposed_at, reason)
    VALUES ($1, $2, $3, $4, $5)
"""
_LINE: LiteralString = """
    INSERT INTO archive.destruction_line
           (destruction_id, encounter_id, claim_key, retention, keep_until)
    VALUES ($1, $2, $3, $4, $5)
"""
_LINES: LiteralString = """
    SELECT encounter_id, claim_key, retention, keep_until FROM archive.destruction_line
     WHERE destruction_id = $1 ORDER BY keep_until, encounter_id LIMIT 5000
"""
_DESTRUCTIONS: LiteralString = """
    SELECT d.destruction_id, d.proposed_by, d.proposer, d.proposed_at, d.reason,
           a.person AS approver, a.at AS approved_at, x.person AS executor, x.at AS done_at,
           x.resources, x.documents, x.minutes,
           (SELECT count(*)::int FROM archive.destruction_line l
             WHERE l.destruction_id = d.destruction_id) AS lines
      FROM archive.destruction d
      LEFT JOIN archive.destruction_approval a ON a.destruction_id = d.destruction_id
      LEFT JOIN archive.destruction_done x ON x.destruction_id = d.destruction_id
     WHERE $1::text IS NULL OR d.destruction_id = $1
     ORDER BY d.proposed_at DESC, d.destruction_id LIMIT 200
"""
_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended($1, 170))"
_APPROVE: LiteralString = """
    INSERT INTO archive.destruction_approval (destruction_id, account_id, person, at)
    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_DONE: LiteralString = """
    INSERT INTO archive.destruction_done
           (destruction_id, account_id, person, at, resources, documents, minutes)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_MOST = 500


async def record(tx: Tx, encounter_id: str, *, lock: bool = False) -> Record | None:
    """Return one record; `lock` keeps others from changing it until `tx` ends."""
    return await tx.row(Record, _LOCKED if lock else _ONE, encounter_id)


async def of_patient(tx: Tx, patient_id: str) -> list[Record]:
    """Return the records of a patient, newest first."""
    return await tx.rows(Record, _OF_PATIENT, patient_id, _MOST)


async def listed(
    tx: Tx, *, state: str, key: str, held: bool, due_on: date | None, limit: int, offset: int
) -> list[Record]:
    """Return the records that match, newest first; an empty filter matches all."""
    return await tx.rows(Record, _LIST, state, key, held, due_on, limit, offset)


async def due(tx: Tx, *, on: date, limit: int) -> list[Record]:
    """Return archived records whose period has passed, neither held nor on a list."""
    return await tx.rows(Record, _DUE, on, limit)


async def counts(tx: Tx) -> dict[str, int]:
    """Return how many records stand in each state."""
    return {row["state"]: row["count"] for row in await tx.connection.fetch(_COUNTS)}


async def begin(tx: Tx, *, encounter_id: str, patient_id: str, claim_key: str, at: datetime) -> int:
    """Add a record; returns 0 if it is there already."""
    return await tx.execute(_INSERT, encounter_id, patient_id, claim_key, at)


async def move(tx: Tx, encounter_id: str, state: str, at: datetime) -> None:
    """Move a record on."""
    await tx.execute(_MOVE, encounter_id, state, at)


async def mark_cancelled(tx: Tx, encounter_id: str, cancelled: bool, at: datetime) -> None:
    """Set or take away the visible mark of a cancelled record."""
    await tx.execute(_MARK, encounter_id, cancelled, at)


async def keep(
    tx: Tx, encounter_id: str, *, ended_on: date, retention: str, until: date, at: datetime
) -> None:
    """Write how long a record is kept."""
    await tx.execute(_KEEP, encounter_id, ended_on, retention, until, at)


async def destroyed(tx: Tx, encounter_id: str, at: datetime) -> None:
    """Leave of a record only that it was."""
    await tx.execute(_DESTROY, encounter_id, at)


async def add_step(
    tx: Tx,
    encounter_id: str,
    *,
    what: str,
    state: str,
    reason: str,
    who: tuple[str, str],
    at: datetime,
) -> None:
    """Add one step; `who` is account id and name."""
    await tx.execute(_STEP, encounter_id, what, state, reason, who[0], who[1], at)


async def steps(tx: Tx, encounter_id: str) -> list[Step]:
    """Return what happened to a record, in order."""
    return await tx.rows(Step, _STEPS, encounter_id)


async def add_circumstance(tx: Tx, encounter_id: str, kind: str, source: str, at: datetime) -> int:
    """Add a circumstance; returns 0 if it is known already."""
    return await tx.execute(_CIRCUMSTANCE, encounter_id, kind, source, at)


async def circumstances(tx: Tx, encounter_id: str) -> list[str]:
    """Return the kinds that apply to a record."""
    return await tx.values(_CIRCUMSTANCES, encounter_id)


async def add_annex(
    tx: Tx, encounter_id: str, *, document_id: str, reason: str, at: datetime
) -> int:
    """Add an annex; returns 0 if it is there already."""
    return await tx.execute(_ANNEX, encounter_id, document_id, reason, at)


async def annexes(tx: Tx, encounter_id: str) -> list[str]:
    """Return the documents that came after archiving."""
    return await tx.values(_ANNEXES, encounter_id)


async def add_hold(
    tx: Tx,
    *,
    hold_id: str,
    encounter_id: str,
    ordered_by: str,
    reason: str,
    account: str,
    at: datetime,
) -> None:
    """Place a hold."""
    await tx.execute(_HOLD, hold_id, encounter_id, ordered_by, reason, account, at)


async def holds(tx: Tx, *, encounter_id: str | None = None, ended: bool = False) -> list[Hold]:
    """Return holds, newest first; ended ones only if asked for."""
    return await tx.rows(Hold, _HOLDS, encounter_id, ended)


async def end_hold(tx: Tx, *, hold_id: str, reason: str, account: str, at: datetime) -> int:
    """End a hold; returns 0 if it has ended already."""
    return await tx.execute(_HOLD_END, hold_id, reason, account, at)


async def add_reader(
    tx: Tx, *, reader_id: str, encounter_id: str, account_id: str, ground: str, may_copy: bool,
    purpose: str, given_by: str, at: datetime, until: datetime,
) -> None:  # fmt: skip
    """Let an account read one record."""
    await tx.execute(
        _READER, reader_id, encounter_id, account_id, ground, may_copy, purpose, given_by, at, until
    )


async def may_copy(tx: Tx, encounter_id: str, account_id: str, at: datetime) -> bool | None:
    """Return whether a reader may copy; None if the account is no reader now."""
    return await tx.value(_MAY_COPY, encounter_id, account_id, at)


async def propose(
    tx: Tx,
    *,
    destruction_id: str,
    who: tuple[str, str],
    reason: str,
    records: list[Record],
    at: datetime,
) -> None:
    """Write a list for destruction."""
    await tx.execute(_PROPOSE, destruction_id, who[0], who[1], at, reason)
    await tx.execute_many(
        _LINE,
        [
            (destruction_id, one.encounter_id, one.claim_key, one.retention, one.keep_until)
            for one in records
        ],
    )


async def lines(tx: Tx, destruction_id: str) -> list[Line]:
    """Return the records of a list."""
    return await tx.rows(Line, _LINES, destruction_id)


async def destructions(tx: Tx) -> list[Destruction]:
    """Return the lists for destruction, newest first."""
    return await tx.rows(Destruction, _DESTRUCTIONS, None)


async def destruction(tx: Tx, destruction_id: str, *, lock: bool = False) -> Destruction | None:
    """Return one list; `lock` lets nobody else work on it until `tx` ends."""
    if lock:
        await tx.execute(_LOCK, destruction_id)
    return await tx.row(Destruction, _DESTRUCTIONS, destruction_id)


async def approve(tx: Tx, destruction_id: str, *, who: tuple[str, str], at: datetime) -> int:
    """Write the approval; returns 0 if there is one."""
    return await tx.execute(_APPROVE, destruction_id, who[0], who[1], at)


async def done(
    tx: Tx, destruction_id: str, *, who: tuple[str, str], resources: int, documents: int,
    minutes: str, at: datetime,
) -> None:  # fmt: skip
    """Write that a list was carried out."""
    await tx.execute(_DONE, destruction_id, who[0], who[1], at, resources, documents, minutes)


async def closed_for_good(tx: Tx, *, encounter_ids: Sequence[str]) -> list[str]:
    """Return those of the visits whose record is archived or destroyed."""
    return await tx.values(_CLOSED_FOR_GOOD, list(encounter_ids))
