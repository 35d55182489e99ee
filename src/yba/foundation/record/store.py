"""The SQL of schema record, searches excepted (those are composed in `query`)."""

from __future__ import annotations

from typing import LiteralString

# New resources with everything they are found by, in one statement. Rows that exist already are
# left alone and not returned; of the terms, those known to be committed come back.
INSERT: LiteralString = """
    WITH term AS (
        INSERT INTO record.term
        SELECT * FROM unnest($4::record.term_row[]) ORDER BY k
        ON CONFLICT (k) DO NOTHING
    ), fresh AS (
        INSERT INTO record.resource (rid, updated, patient, ts, te, present, version, type, flags,
                                     fid, keys, body, code, labels)
        SELECT rid, updated, patient, ts, te, present, version, type, flags, fid,
               keys::bigint[], body, code, labels::bigint[]
          FROM unnest($1::record.resource_row[])
        ON CONFLICT (type, rid) DO NOTHING
        RETURNING type, rid
    ), ranges AS (
        INSERT INTO record.range (k, lo, hi, rid, type)
        SELECT x.* FROM unnest($2::record.range_row[]) x JOIN fresh USING (type, rid)
    ), strings AS (
        INSERT INTO record.string (k, rid, type, v)
        SELECT x.* FROM unnest($3::record.string_row[]) x JOIN fresh USING (type, rid)
    ), codes AS (
        INSERT INTO record.coded (k, ts, rid, type)
        SELECT x.* FROM unnest($5::record.coded_row[]) x JOIN fresh USING (type, rid)
    )
    SELECT type, rid, (SELECT version FROM record.parameter_stamp) AS stamp FROM fresh
"""

# The same for rows whose ids were made for them a moment ago: nothing has to be compared.
INSERT_NEW: LiteralString = """
    WITH fresh AS (
        INSERT INTO record.resource (rid, updated, patient, ts, te, present, version, type, flags,
                                     fid, keys, body, code, labels)
        SELECT rid, updated, patient, ts, te, present, version, type, flags, fid,
               keys::bigint[], body, code, labels::bigint[]
          FROM unnest($1::record.resource_row[])
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
    SELECT version FROM record.parameter_stamp
"""

# Few resources have a narrative: its words follow in a statement of their own.
WORDS: LiteralString = """
    INSERT INTO record.words (rid, type, part, words)
    SELECT rid, type, part, words::tsvector FROM unnest($1::record.words_row[])
"""

# Few contain others: what stands inside, with everything it is found by, follows likewise. What
# the state before contained, a trigger has removed (migration 0180).
CONTAINED: LiteralString = """
    WITH inside AS (
        INSERT INTO record.contained (rid, updated, patient, ts, te, present, container,
                                      container_type, type, flags, fid, keys, labels, body)
        SELECT rid, updated, patient, ts, te, present, container, container_type, type, flags,
               fid, keys::bigint[], labels::bigint[], body
          FROM unnest($1::record.contained_row[])
    ), ranges AS (
        INSERT INTO record.range (k, lo, hi, rid, type)
        SELECT * FROM unnest($2::record.range_row[])
    )
    INSERT INTO record.string (k, rid, type, v)
    SELECT * FROM unnest($3::record.string_row[])
"""

TERMS: LiteralString = """
    INSERT INTO record.term
    SELECT * FROM unnest($1::record.term_row[]) ORDER BY k
    ON CONFLICT (k) DO NOTHING
"""

# Whether these terms are stored with the same value, and surely committed: their transaction is
# older than every one still running.
TERM_STATES: LiteralString = """
    SELECT t.k, t.scope, t.code,
           (t.scope, t.system, t.code, t.second_system, t.second_code, t.unit)
           IS DISTINCT FROM (n.scope, n.system, n.code, n.second_system, n.second_code, n.unit)
           AS differs,
           t.xmin::text::bigint
           < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint & 4294967295) AS committed
      FROM unnest($1::record.term_row[]) n JOIN record.term t USING (k)
"""

UNITS: LiteralString = """
    SELECT DISTINCT second_code FROM record.term
     WHERE scope = ANY($1::bigint[]) AND second_system = $2 AND second_code <> ''
     ORDER BY second_code
"""

TERM_KEYS: LiteralString = "SELECT k, scope, code FROM record.term LIMIT $1"

# Current states under lock, in one order for everybody so that writers cannot deadlock.
LOCK: LiteralString = """
    SELECT r.type, r.rid, r.fid, r.version, r.flags, r.updated, r.patient, r.body
      FROM record.resource r
      JOIN (SELECT * FROM unnest($1::smallint[], $2::bigint[]) AS w (type, rid)) w
        ON r.type = w.type AND r.rid = w.rid
     ORDER BY r.type, r.rid
       FOR UPDATE OF r
"""

# New states of existing rows; the old ones go to history. Deletions are rows with flag 1.
UPDATE: LiteralString = """
    WITH wanted AS MATERIALIZED (
        SELECT rid, updated, patient, ts, te, present, version, type, flags, fid,
               keys::bigint[] AS keys, body, code, labels::bigint[] AS labels
          FROM unnest($1::record.resource_row[])
    ), kept AS (
        INSERT INTO record.history (rid, updated, xid, version, type, flags, body, patient)
        SELECT r.rid, r.updated, r.xid, r.version, r.type, r.flags, r.body, r.patient
          FROM wanted w JOIN record.resource r ON r.type = w.type AND r.rid = w.rid
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
       SET updated = w.updated, xid = pg_current_xact_id(), patient = w.patient, ts = w.ts,
           te = w.te, present = w.present, version = w.version, flags = w.flags, fid = w.fid,
           keys = w.keys, body = w.body, code = w.code,
           labels = w.labels
      FROM wanted w
     WHERE r.type = w.type AND r.rid = w.rid
    RETURNING (SELECT version FROM record.parameter_stamp)
"""

READ_MANY: LiteralString = """
    SELECT r.type, r.rid, r.fid, r.version, r.updated, r.flags, r.patient, r.body
      FROM unnest($1::text::smallint[], $2::text::bigint[]) AS w (type, rid)
      JOIN record.resource r ON r.type = w.type AND r.rid = w.rid
     WHERE true /*guard r*/
"""

# Which of these an asker may see.
SEEN: LiteralString = """
    SELECT r.type, r.rid
      FROM unnest($1::smallint[], $2::bigint[]) AS w (type, rid)
      JOIN record.resource r ON r.type = w.type AND r.rid = w.rid
     WHERE true /*guard r*/
"""

# Which of these new states ($1: their numbers) an asker might see if they were stored.
WOULD_BE_SEEN: LiteralString = """
    SELECT w.n
      FROM (SELECT u.n, u.type, u.rid, u.patient, u.flags, u.ts, u.updated
              FROM unnest($1::int[], $2::smallint[], $3::bigint[], $4::bigint[], $5::smallint[],
                          $6::bigint[], $7::bigint[])
                AS u (n, type, rid, patient, flags, ts, updated)) w
     WHERE true /*guard state w*/
"""

VREAD: LiteralString = """
    SELECT h.type, h.rid, h.version, h.updated, h.flags, h.patient, h.body
      FROM record.history h JOIN record.resource r ON r.type = h.type AND r.rid = h.rid
     WHERE h.type = $1 AND h.rid = $2 AND h.version = $3 /*guard r*/ /*guard state h*/
    UNION ALL
    SELECT type, rid, version, updated, flags, patient, body FROM record.resource r
     WHERE type = $1 AND rid = $2 AND version = $3 /*guard r*/
"""

CHART: LiteralString = """
    SELECT type, rid, fid, body
      FROM record.resource r
     WHERE (patient = $1 AND type = ANY($2::smallint[]) OR type = $3 AND rid = $1)
       AND flags & 1 = 0 /*guard r*/
     ORDER BY type, ts DESC, rid DESC
     LIMIT $4
"""

# History, newest first, from a position (updated, version, rid) downwards.
HISTORY: LiteralString = """
    SELECT h.type, h.rid, r.fid, h.version, h.updated, h.flags, h.body
      FROM record.history h JOIN record.resource r ON r.type = h.type AND r.rid = h.rid
     WHERE h.type = ANY($1::smallint[]) AND ($2::bigint IS NULL OR h.rid = $2)
       AND h.updated >= $3 AND h.updated <= $4 AND (h.updated, h.rid, h.version) < ($5, $6, $7)
       /*guard r*/ /*guard state h*/
    UNION ALL
    SELECT type, rid, fid, version, updated, flags, body
      FROM record.resource r
     WHERE type = ANY($1::smallint[]) AND ($2::bigint IS NULL OR rid = $2)
       AND updated >= $3 AND updated <= $4 AND (updated, rid, version) < ($5, $6, $7)
       /*guard r*/
     ORDER BY 5 DESC, 2 DESC, 4 DESC
     LIMIT $8
"""

# Every version in the order of transactions. Transactions still running, and all that started
# after the oldest of them, are left for the next call, so nothing that commits late is skipped.
CHANGES: LiteralString = """
    SELECT xid::text::bigint AS xid, type, rid, fid, version, updated, flags, patient, body
      FROM (
        (SELECT xid, type, rid, fid, version, updated, flags, patient, body
           FROM record.resource
          WHERE xid >= $1::text::xid8 AND xid < pg_snapshot_xmin(pg_current_snapshot())
            AND (xid, type, rid, version) > ($1::text::xid8, $2::smallint, $3::bigint, $4::int)
          ORDER BY xid, type, rid, version
          LIMIT $5)
        UNION ALL
        (SELECT h.xid, h.type, h.rid, r.fid, h.version, h.updated, h.flags, r.patient, h.body
           FROM (SELECT xid, type, rid, version, updated, flags, body
                   FROM record.history
                  WHERE xid >= $1::text::xid8 AND xid < pg_snapshot_xmin(pg_current_snapshot())
                    AND (xid, type, rid, version)
                        > ($1::text::xid8, $2::smallint, $3::bigint, $4::int)
                  ORDER BY xid, type, rid, version
                  LIMIT $5) h
           JOIN record.resource r ON r.type = h.type AND r.rid = h.rid)
      ) v
     ORDER BY v.xid, type, rid, version
     LIMIT $5
"""
# After a restore the server counts transactions from the beginning, so what was written in another
# count is brought into this one: below $1 what was followed already, $1 itself what was not.
RENUMBER: tuple[LiteralString, ...] = (
    """
    UPDATE record.resource
       SET xid = CASE WHEN xid < $2::text::xid8 THEN '3'::xid8 ELSE $1::text::xid8 END
    """,
    """
    UPDATE record.history
       SET xid = CASE WHEN xid < $2::text::xid8 THEN '3'::xid8 ELSE $1::text::xid8 END
    """,
)
# A backup may be older than the tables of subscriptions.
HAS_SUBSCRIPTIONS: LiteralString = "SELECT to_regclass('record.subscription_feed') IS NOT NULL"
FOLLOWED_UP_TO: LiteralString = "SELECT xid FROM record.subscription_feed"
FOLLOW_FROM: LiteralString = """
    UPDATE record.subscription_feed SET xid = $1, type = 0, rid = 0, version = 0
"""
FORGET_SNAPSHOTS: LiteralString = """
    UPDATE record.bulk_job SET snapshot = NULL WHERE snapshot IS NOT NULL
"""
THIS_TRANSACTION: LiteralString = "SELECT pg_current_xact_id()::text::bigint"
FEED_END: LiteralString = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

# History of types from a moment on. A state whose transaction came after one that is stamped at
# or after the moment was not visible when that one was seen: it is given too, for ten minutes.
HISTORY_SINCE: LiteralString = """
    WITH first AS MATERIALIZED (
        SELECT x.xid
          FROM unnest($1::smallint[]) AS n (type)
         CROSS JOIN LATERAL (
               (SELECT xid FROM record.resource r WHERE r.type = n.type AND updated >= $2
                 ORDER BY updated LIMIT 1000)
               UNION ALL
               (SELECT xid FROM record.history h WHERE h.type = n.type AND updated >= $2
                 ORDER BY updated LIMIT 1000)) x
         ORDER BY x.xid
         LIMIT 1
    )
    SELECT h.type, h.rid, r.fid, h.version, h.updated, h.flags, h.body
      FROM record.history h JOIN record.resource r ON r.type = h.type AND r.rid = h.rid
     WHERE h.type = ANY($1::smallint[]) AND h.updated >= $2 - 600000000 AND h.updated <= $3
       AND (h.updated >= $2 OR h.xid >= (SELECT xid FROM first))
       AND h.xid < pg_snapshot_xmin(pg_current_snapshot())
       AND (h.updated, h.rid, h.version) < ($4, $5, $6) /*guard r*/ /*guard state h*/
    UNION ALL
    SELECT type, rid, fid, version, updated, flags, body
      FROM record.resource r
     WHERE type = ANY($1::smallint[]) AND updated >= $2 - 600000000 AND updated <= $3
       AND (updated >= $2 OR xid >= (SELECT xid FROM first))
       AND xid < pg_snapshot_xmin(pg_current_snapshot())
       AND (updated, rid, version) < ($4, $5, $6) /*guard r*/
     ORDER BY 5 DESC, 2 DESC, 4 DESC
     LIMIT $7
"""

# How often the commonest keys occur, and how many rows there are of each type.
COMMON_KEYS: LiteralString = """
    SELECT unnest(most_common_elems::text::bigint[]) AS k,
           unnest(most_common_elem_freqs[1:array_length(most_common_elems::text::bigint[], 1)]) AS f
      FROM pg_stats
     WHERE schemaname = 'record' AND tablename = 'resource' AND attname = 'keys'
"""
TYPE_SHARES: LiteralString = """
    SELECT unnest(most_common_vals::text::int[]) AS type, unnest(most_common_freqs) AS share
      FROM pg_stats
     WHERE schemaname = 'record' AND tablename = 'resource' AND attname = 'type'
"""
ROW_ESTIMATE: LiteralString = """
    SELECT greatest(reltuples, 0)::float8 FROM pg_class WHERE oid = 'record.resource'::regclass
"""

TRY_UPKEEP: LiteralString = "SELECT pg_try_advisory_lock(hashtextextended('record.upkeep', 0))"
HAS_GROWN: LiteralString = """
    SELECT s.n_mod_since_analyze > greatest(c.reltuples, 0) / 2
      FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
     WHERE s.relid = 'record.resource'::regclass
"""
ANALYZE: tuple[LiteralString, ...] = (
    "ANALYZE record.resource",
    "ANALYZE record.contained",
    "ANALYZE record.range",
    "ANALYZE record.string",
    "ANALYZE record.coded",
    "ANALYZE record.term",
)

LOCK_CONDITIONS: LiteralString = """
    SELECT pg_advisory_xact_lock(k) FROM (SELECT k FROM unnest($1::bigint[]) k ORDER BY k) o
"""

# Which resources carry these keys: at most two each, for conditional references.
BY_KEYS: LiteralString = """
    SELECT w.n, r.rid, r.fid, r.body
      FROM unnest($1::int[], $2::smallint[], $3::bigint[]) AS w (n, type, k)
     CROSS JOIN LATERAL (
           SELECT rid, fid, body FROM record.resource r
            WHERE r.keys @> ARRAY[w.k] AND r.type = w.type AND r.flags & 1 = 0 /*guard r*/
            LIMIT 2) r
"""

# When the transaction began, for traces of callers that give no moment.
MOMENT: LiteralString = "SELECT now()"

# One step through a patient's compartment in a fixed order: the patient herself (part 0), and rows
# after a position, by the patient column and by the other elements that make the compartment.
# OFFSET 0 keeps the planner from walking a whole type in order for keys that are rare.
PATIENT_COMPARTMENT: LiteralString = """
    WITH own AS (
        SELECT type, rid, fid, version, updated, flags, patient, ts, body
          FROM record.resource r
         WHERE patient = $2 AND NOT (type = $1 AND rid = $2) AND flags & 1 = 0 /*guard r*/
           AND (type, ts, rid) > ($3, $4, $5)
           AND ($6::smallint[] IS NULL OR type = ANY($6)) AND updated >= $7
           AND (ts = $10 OR te >= $8 AND ts <= $9 OR type = ANY($11::smallint[]))
         ORDER BY type, ts, rid
         LIMIT $12
    ), named AS (
        SELECT type, rid, fid, version, updated, flags, patient, ts, body
          FROM (SELECT * FROM record.resource WHERE keys && $13::bigint[] OFFSET 0) r
         WHERE patient IS DISTINCT FROM $2 AND flags & 1 = 0 /*guard r*/
           AND (type, ts, rid) > ($3, $4, $5)
           AND ($6::smallint[] IS NULL OR type = ANY($6)) AND updated >= $7
           AND (ts = $10 OR te >= $8 AND ts <= $9 OR type = ANY($11::smallint[]))
         ORDER BY type, ts, rid
         LIMIT $12
    )
    SELECT 0 AS part, type, rid, fid, version, updated, flags, patient, ts, body
      FROM record.resource r WHERE type = $1 AND rid = $2 /*guard r*/
    UNION ALL
    SELECT * FROM (
        SELECT 1, * FROM (SELECT * FROM own UNION ALL SELECT * FROM named) both_kinds
         ORDER BY type, ts, rid
         LIMIT $12) step
"""

# The same for a compartment that only keys make, such as an encounter's.
KEYED_COMPARTMENT: LiteralString = """
    SELECT 0 AS part, type, rid, fid, version, updated, flags, patient, ts, body
      FROM record.resource r WHERE type = $1 AND rid = $2 /*guard r*/
    UNION ALL
    SELECT * FROM (
        SELECT 1, type, rid, fid, version, updated, flags, patient, ts, body
          FROM (SELECT * FROM record.resource WHERE keys && $13::bigint[] OFFSET 0) r
         WHERE NOT (type = $1 AND rid = $2) AND flags & 1 = 0 /*guard r*/
           AND (type, ts, rid) > ($3, $4, $5)
           AND ($6::smallint[] IS NULL OR type = ANY($6)) AND updated >= $7
           AND (ts = $10 OR te >= $8 AND ts <= $9 OR type = ANY($11::smallint[]))
         ORDER BY type, ts, rid
         LIMIT $12) step
"""

NEXT_PATIENT: LiteralString = """
    SELECT rid, fid FROM record.resource r
     WHERE type = $1 AND rid > $2 AND flags & 1 = 0 /*guard r*/
     ORDER BY rid
     LIMIT 1
"""

# What a compartment refers to beyond itself: resources of no patient, or of this one ($4).
OUTSIDE_COMPARTMENT: LiteralString = """
    SELECT r.type, r.rid, r.fid, r.version, r.updated, r.patient, r.body
      FROM unnest($1::smallint[], $2::bigint[]) AS w (type, rid)
      JOIN record.resource r ON r.type = w.type AND r.rid = w.rid
     WHERE r.flags & 1 = 0 AND NOT r.keys && $3::bigint[]
       AND (r.patient IS NULL OR r.patient = $4) /*guard r*/
"""

# History, with the moment until which each state was the current one: states of a period ($4, $5),
# and of certain rows ($9, $10).
HISTORY_WITHIN: LiteralString = """
    SELECT type, rid, fid, version, updated, flags, body
      FROM (SELECT h.type, h.rid, r.fid, h.version, h.updated, h.flags, h.body,
                   CASE WHEN r.version = h.version + 1 THEN r.updated ELSE
                        (SELECT n.updated FROM record.history n
                          WHERE n.type = h.type AND n.rid = h.rid AND n.version = h.version + 1)
                   END AS until
              FROM record.history h JOIN record.resource r ON r.type = h.type AND r.rid = h.rid
             WHERE true /*guard r*/ /*guard state h*/
            UNION ALL
            SELECT type, rid, fid, version, updated, flags, body, NULL FROM record.resource r
             WHERE true /*guard r*/) s
     WHERE type = ANY($1::smallint[]) AND ($2::bigint IS NULL OR rid = $2)
       AND updated >= $3 AND updated < $5 AND (until IS NULL OR until > $4)
       AND (updated, rid, version) < ($6, $7, $8)
       AND ($9::smallint[] IS NULL
            OR (type, rid) IN (SELECT * FROM unnest($9::smallint[], $10::bigint[])))
     ORDER BY updated DESC, rid DESC, version DESC
     LIMIT $11
"""

NEWEST: LiteralString = """
    SELECT version FROM record.resource r WHERE type = $1 AND rid = $2 /*guard r*/
"""

# Which of these states (numbered $1) are deletions.
DELETIONS: LiteralString = """
    SELECT w.n
      FROM unnest($1::int[], $2::smallint[], $3::bigint[], $4::int[]) AS w (n, type, rid, version)
      JOIN record.history h ON h.type = w.type AND h.rid = w.rid AND h.version = w.version
     WHERE h.flags & 1 = 1
"""

# The first transaction that had not begun yet, and the oldest that is still running.
SNAPSHOT_END: LiteralString = """
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""
OLDEST_RUNNING: LiteralString = """
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint
"""

# Answers to writes with an idempotency key.
REPEATED: LiteralString = """
    SELECT digest, answer FROM record.repeated WHERE account = $1 AND key = $2
"""
KEEP_REPEATED: LiteralString = """
    INSERT INTO record.repeated (account, key, digest, answer, answered_at)
    VALUES ($1, $2, $3, $4, $5)
"""
FORGET_REPEATED: LiteralString = """
    DELETE FROM record.repeated WHERE (account, key) IN (
        SELECT account, key FROM record.repeated WHERE answered_at < $1 LIMIT 100
           FOR UPDATE SKIP LOCKED)
"""
