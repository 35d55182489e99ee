"""The SQL of search parameters that a site adds, and of filing again."""

from __future__ import annotations

from typing import LiteralString

STAMP: LiteralString = "SELECT version FROM record.parameter_stamp"
# Changes of parameters wait for each other here. A version that was rolled back never comes again.
COUNT_UP: LiteralString = """
    UPDATE record.parameter_stamp SET version = nextval('record.parameter_version')
"""

IN_FORCE: LiteralString = """
    SELECT number, id, url, code, kind, expression, types, targets, parts, state
      FROM record.parameter WHERE state <> 'withdrawn'
     ORDER BY number
"""
ADD: LiteralString = """
    INSERT INTO record.parameter (id, url, code, kind, expression, types, targets, parts, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'indexing')
    RETURNING number
"""
WITHDRAW: LiteralString = """
    UPDATE record.parameter SET state = 'withdrawn'
     WHERE id = $1 AND state <> 'withdrawn'
    RETURNING number, types
"""
FORGET_WORK: LiteralString = """
    DELETE FROM record.reindexing WHERE parameter = $1 AND finished_at IS NULL
"""
# A type that waits already is not asked for twice.
ASK: LiteralString = """
    INSERT INTO record.reindexing (type, parameter, asked_at)
    SELECT t, $2, $3 FROM unnest($1::smallint[]) t
     WHERE NOT EXISTS (SELECT FROM record.reindexing w
                        WHERE w.type = t AND w.parameter IS NOT DISTINCT FROM $2
                          AND w.barrier IS NULL AND w.finished_at IS NULL)
     ORDER BY t
"""
# Whoever writes goes first: the worker gives up soon and tries again.
YIELD: LiteralString = "SET LOCAL lock_timeout = '200ms'"
# The work that one worker takes, and others pass over.
TAKE: LiteralString = """
    SELECT number, type, parameter, barrier, position, done, total
      FROM record.reindexing
     WHERE finished_at IS NULL AND number <> ALL($1::bigint[])
     ORDER BY number
     LIMIT 1
       FOR UPDATE SKIP LOCKED
"""
# The barrier stands once no statement runs that saw the record before the wish was there.
SET_BARRIER: LiteralString = """
    UPDATE record.reindexing w SET barrier = pg_snapshot_xmax(pg_current_snapshot())
     WHERE w.number = $1
       AND NOT EXISTS (SELECT FROM pg_stat_activity a
                        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                          AND a.backend_xmin IS NOT NULL
                          AND age(a.backend_xmin) >= age(w.asked::xid))
"""
BARRIER_PASSED: LiteralString = """
    SELECT pg_snapshot_xmin(pg_current_snapshot()) >= barrier
      FROM record.reindexing WHERE number = $1
"""
TOTAL: LiteralString = """
    UPDATE record.reindexing w
       SET total = (SELECT count(*) FROM record.resource r
                     WHERE r.type = w.type AND r.flags & 1 = 0)
     WHERE number = $1
"""
BATCH: LiteralString = """
    SELECT type, rid, fid, version, updated, flags, body
      FROM record.resource
     WHERE type = $1 AND rid > $2 AND flags & 1 = 0
     ORDER BY rid
     LIMIT $3
       FOR UPDATE
"""
THESE: LiteralString = """
    SELECT r.type, r.rid, r.fid, r.version, r.updated, r.flags, r.body
      FROM record.resource r JOIN unnest($1::smallint[], $2::bigint[]) AS w (type, rid)
        ON r.type = w.type AND r.rid = w.rid
     WHERE r.flags & 1 = 0
     ORDER BY r.type, r.rid
       FOR UPDATE OF r
"""
PROGRESS: LiteralString = """
    UPDATE record.reindexing SET position = $2, done = done + $3 WHERE number = $1
"""
FINISH: LiteralString = """
    UPDATE record.reindexing SET finished_at = $2, total = done WHERE number = $1
"""
# A parameter is searchable when its last type is done.
ACTIVATE: LiteralString = """
    UPDATE record.parameter p SET state = 'active'
     WHERE p.number = $1 AND p.state = 'indexing'
       AND NOT EXISTS (SELECT FROM record.reindexing w
                        WHERE w.parameter = p.number AND w.finished_at IS NULL)
"""
STATUS: LiteralString = """
    SELECT w.number, w.type, w.parameter, p.id, p.code, w.done, w.total, w.barrier IS NOT NULL AS begun,
           w.asked_at, w.finished_at
      FROM record.reindexing w LEFT JOIN record.parameter p ON p.number = w.parameter
     WHERE w.finished_at IS NULL OR w.finished_at > $1
     ORDER BY w.number DESC
     LIMIT 1000
"""
# What a resource is found by, written again; its content, version and place in the feed stay.
REFILE: LiteralString = """
    WITH wanted AS MATERIALIZED (
        SELECT rid, type, patient, ts, te, present, flags, keys::bigint[] AS keys, code,
               labels::bigint[] AS labels
          FROM unnest($1::record.resource_row[])
    ), old_ranges AS (
        DELETE FROM record.range x USING wanted w WHERE x.rid = w.rid AND x.type = w.type
    ), old_strings AS (
        DELETE FROM record.string x USING wanted w WHERE x.rid = w.rid AND x.type = w.type
    ), old_codes AS (
        DELETE FROM record.coded x USING wanted w WHERE x.rid = w.rid AND x.type = w.type
    ), old_words AS (
        DELETE FROM record.words x USING wanted w WHERE x.rid = w.rid AND x.type = w.type
    ), ranges AS (
        INSERT INTO record.range (k, lo, hi, rid, type)
        SELECT * FROM unnest($2::record.range_row[])
    ), strings AS (
        INSERT INTO record.string (k, rid, type, v)
        SELECT * FROM unnest($3::record.string_row[])
    ), codes AS (
        INSERT INTO record.coded (k, ts, rid, type)
        SELECT * FROM unnest($5::record.coded_row[])
    ), terms AS (
        INSERT INTO record.term
        SELECT * FROM unnest($4::record.term_row[]) ORDER BY k
        ON CONFLICT (k) DO NOTHING
    )
    UPDATE record.resource r
       SET patient = w.patient, ts = w.ts, te = w.te, present = w.present, flags = w.flags,
           keys = w.keys, code = w.code, labels = w.labels
      FROM wanted w
     WHERE r.type = w.type AND r.rid = w.rid
"""
