"""The SQL of bulk jobs."""

from __future__ import annotations

from typing import LiteralString

ASK: LiteralString = """
    INSERT INTO record.bulk_job (job_id, kind, account_id, actor, request, wish, asked_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
TELL: LiteralString = "SELECT pg_notify('bulk', '')"
_COLUMNS: LiteralString = """
    job_id, kind, state, account_id, actor, request, wish, asked_at, attempts, transaction_time,
    progress, outcome, failure, expires_at
"""
OPEN_OF: LiteralString = """
    SELECT count(*) FROM record.bulk_job
     WHERE account_id = $1 AND state IN ('accepted', 'running')
"""
FIND: LiteralString = (
    "SELECT " + _COLUMNS + " FROM record.bulk_job"
    " WHERE job_id = $1 AND account_id = $2 AND state <> 'cancelled'"
    " AND (expires_at IS NULL OR expires_at > $3)"
)
OPEN: LiteralString = (
    "SELECT " + _COLUMNS + " FROM record.bulk_job"
    " WHERE state IN ('accepted', 'running') ORDER BY job_id"
)
CANCEL: LiteralString = """
    UPDATE record.bulk_job SET state = 'cancelled', expires_at = $2
     WHERE job_id = $1 AND state <> 'cancelled'
"""
# A job belongs to the connection that holds its lock, so it is free again when that dies.
HOLD: LiteralString = "SELECT pg_try_advisory_lock($1)"
BEGIN: LiteralString = """
    UPDATE record.bulk_job SET state = 'running', attempts = attempts + 1
     WHERE job_id = $1 AND state IN ('accepted', 'running')
"""
# Returns no row once the job was cancelled.
PROGRESS: LiteralString = """
    UPDATE record.bulk_job SET progress = $2 WHERE job_id = $1 AND state = 'running'
"""
COMPLETE: LiteralString = """
    UPDATE record.bulk_job
       SET state = 'complete', outcome = $2, progress = $3, transaction_time = $4, snapshot = $5,
           expires_at = $6
     WHERE job_id = $1 AND state = 'running'
"""
FAIL: LiteralString = """
    UPDATE record.bulk_job SET state = 'failed', failure = $2, expires_at = $3
     WHERE job_id = $1 AND state = 'running'
"""
OVER: LiteralString = """
    SELECT job_id FROM record.bulk_job
     WHERE state IN ('complete', 'failed', 'cancelled') AND expires_at <= $1 AND wish <> '{}'
     ORDER BY job_id
     LIMIT 1000
"""
# What is left of a job remembers which moment it showed, for exports that continue from there.
FORGET: LiteralString = "UPDATE record.bulk_job SET wish = '{}' WHERE job_id = ANY($1::bigint[])"
SNAPSHOT_OF: LiteralString = """
    SELECT snapshot FROM record.bulk_job
     WHERE transaction_time = $1 AND snapshot IS NOT NULL
     ORDER BY job_id DESC
     LIMIT 1
"""
MOMENT: LiteralString = """
    SELECT pg_current_snapshot()::text AS snapshot,
           date_trunc('milliseconds', statement_timestamp()) AS at
"""

# Current states of a type. $2, $3: changed at or after a moment, or not visible to an export that
# showed this moment. $4, $5: of these patients, by their column or by keys of other elements.
_CHANGED: LiteralString = """
    (r.updated >= $2::bigint OR $3::text IS NOT NULL
     AND r.xid >= pg_snapshot_xmin($3::text::pg_snapshot)
     AND NOT pg_visible_in_snapshot(r.xid, $3::text::pg_snapshot))
"""
ALL_OF_TYPE: LiteralString = (
    """
    SELECT r.type, r.rid, r.fid, r.version, r.updated, r.patient, r.body
      FROM record.resource r
     WHERE r.type = $1 AND r.flags & 1 = 0 /*guard r*/ AND """
    + _CHANGED
)
OF_PATIENTS: LiteralString = (
    ALL_OF_TYPE + " AND (r.patient = ANY($4::bigint[]) OR r.keys && $5::bigint[])"
)
BY_NAME: LiteralString = ALL_OF_TYPE + " AND r.rid = ANY($4::bigint[])"
# Deletions, each with the state before it, which tells whose it was.
DELETED_OF_TYPE: LiteralString = (
    """
    SELECT r.type, r.rid, r.fid, b.body
      FROM record.resource r
      LEFT JOIN LATERAL (
           SELECT h.body FROM record.history h
            WHERE $4 AND h.type = r.type AND h.rid = r.rid AND h.flags & 1 = 0
            ORDER BY h.version DESC LIMIT 1) b ON true
     WHERE r.type = $1 AND r.flags & 1 = 1 /*guard r*/ AND """
    + _CHANGED
)
