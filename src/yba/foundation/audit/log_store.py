"""The SQL of the log: positions, tiles, bundles, checkpoints, witnesses, stamps."""

from typing import LiteralString

LOCK = 7_203_160

TRY_LOCK: LiteralString = "SELECT pg_try_advisory_xact_lock($1)"

BEGIN_LOG: LiteralString = """
    INSERT INTO audit.log (origin) VALUES ($1) ON CONFLICT DO NOTHING
"""

LOG: LiteralString = """
    SELECT origin, size, last_xid::text::bigint AS last_xid, last_id, beat_at, problem, is_renewing
      FROM audit.log
"""

ADVANCE: LiteralString = """
    UPDATE audit.log
       SET size = $1, last_xid = $2::text::xid8, last_id = $3, beat_at = $4, problem = NULL
"""

BEAT: LiteralString = "UPDATE audit.log SET beat_at = $1, problem = NULL"

PROBLEM: LiteralString = "UPDATE audit.log SET problem = $1"

# The count of transactions began anew (a restore): what was read up to here lies in its future.
HAS_FALLEN_BACK: LiteralString = """
    SELECT last_xid >= pg_snapshot_xmax(pg_current_snapshot()) FROM audit.log
"""

# Whatever is over by now may have no place; whatever runs now comes after this position.
RENEW: LiteralString = """
    UPDATE audit.log
       SET is_renewing = true, last_id = 0,
           last_xid = (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)::text::xid8
"""

RENEWED: LiteralString = "UPDATE audit.log SET size = $1, beat_at = $2, is_renewing = $3"

_EVENT: LiteralString = """
    e.id, e.at, e.recorded_at, e.account_id, e.actor_name, e.actor_roles, e.facility,
    e.client_id, e.purpose, e.action, e.what, e.patient_id, e.resources, e.salt, e.erased_by
"""

# Everything that is surely over and was not read yet; whatever committed late comes now.
NEXT: LiteralString = (
    "SELECT"
    + _EVENT
    + """, e.xid::text::bigint AS xid, l.position
      FROM audit.event e LEFT JOIN audit.leaf l ON l.event_id = e.id
     WHERE (e.xid, e.id) > ($1::text::xid8, $2)
       AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
     ORDER BY e.xid, e.id
     LIMIT $3
"""
)

UNFILED: LiteralString = (
    "SELECT"
    + _EVENT
    + """, e.xid::text::bigint AS xid, NULL::bigint AS position
      FROM audit.event e
     WHERE NOT EXISTS (SELECT FROM audit.leaf l WHERE l.event_id = e.id)
     ORDER BY e.xid, e.id
     LIMIT $1
"""
)

EDGES: LiteralString = """
    SELECT level, number, hashes FROM audit.tile
     WHERE (level, number) IN (SELECT * FROM unnest($1::int[], $2::bigint[]))
"""

BUNDLE: LiteralString = "SELECT entries FROM audit.bundle WHERE number = $1"

PUT_TILE: LiteralString = """
    INSERT INTO audit.tile (level, number, hashes) VALUES ($1, $2, $3)
        ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes
"""

PUT_BUNDLE: LiteralString = """
    INSERT INTO audit.bundle (number, entries) VALUES ($1, $2)
        ON CONFLICT (number) DO UPDATE SET entries = excluded.entries
"""

PUT_CHECKPOINT: LiteralString = """
    INSERT INTO audit.checkpoint (size, previous, at, note)
    VALUES ($1, (SELECT max(size) FROM audit.checkpoint), $2, $3)
        ON CONFLICT (size) DO NOTHING
"""

NEWEST_CHECKPOINT: LiteralString = """
    SELECT c.size, c.at, c.note,
           coalesce((SELECT string_agg(s.line, '' ORDER BY s.verifier_key)
                       FROM audit.cosignature s WHERE s.size = c.size), '') AS cosignatures
      FROM audit.checkpoint c
     ORDER BY c.size DESC
     LIMIT 1
"""

# The newest that a witness has confirmed.
NEWEST_WITNESSED: LiteralString = """
    SELECT c.size, c.at, c.note, string_agg(s.line, '' ORDER BY s.verifier_key) AS cosignatures
      FROM audit.checkpoint c JOIN audit.cosignature s ON s.size = c.size
     WHERE c.size = (SELECT max(size) FROM audit.cosignature)
     GROUP BY c.size
"""

CHECKPOINTS: LiteralString = """
    SELECT c.size, c.previous, c.at, c.note FROM audit.checkpoint c
     WHERE c.size > $1 ORDER BY c.size LIMIT 1000
"""

SIGNERS: LiteralString = "SELECT verifier_key FROM audit.signer ORDER BY from_size, at"

ADD_SIGNER: LiteralString = """
    INSERT INTO audit.signer (verifier_key, from_size, at)
    VALUES ($1, (SELECT size FROM audit.log), $2) ON CONFLICT DO NOTHING
"""

EVENTS_BETWEEN: LiteralString = (
    "SELECT l.position AS place, l.event_id,"
    + _EVENT
    + """
      FROM audit.leaf l LEFT JOIN audit.event e ON e.id = l.event_id
     WHERE l.position >= $1 AND l.position < $2
     ORDER BY l.position
"""
)

TILE: LiteralString = "SELECT hashes FROM audit.tile WHERE level = $1 AND number = $2"

# Rows that were read by the sequencer, so it says, and have no place.
WITHOUT_PLACE: LiteralString = """
    SELECT e.id, e.at FROM audit.event e, audit.log g
     WHERE (e.xid, e.id) <= (g.last_xid, g.last_id) AND NOT g.is_renewing
       AND NOT EXISTS (SELECT FROM audit.leaf l WHERE l.event_id = e.id)
     ORDER BY e.id LIMIT 100
"""

WAITING: LiteralString = """
    SELECT count(*) FROM audit.event e, audit.log g
     WHERE ((e.xid, e.id) > (g.last_xid, g.last_id) OR g.is_renewing)
       AND NOT EXISTS (SELECT FROM audit.leaf l WHERE l.event_id = e.id)
"""

BEYOND: LiteralString = """
    SELECT (SELECT count(*) FROM audit.leaf WHERE position >= $1)
         + (SELECT count(*) FROM audit.bundle WHERE number > ($1 - 1) / 256)
         + (SELECT count(*) FROM audit.tile WHERE level = 0 AND number > ($1 - 1) / 256)
"""

ERASURES: LiteralString = """
    SELECT e.id, e.resources, l.position IS NOT NULL AS is_filed
      FROM audit.event e LEFT JOIN audit.leaf l ON l.event_id = e.id
     WHERE e.what = 'audit.erase' AND e.id = ANY ($1::bigint[])
"""

ERASE: LiteralString = """
    UPDATE audit.event e
       SET salt = NULL, account_id = '', actor_name = '', actor_roles = '{}', facility = '',
           client_id = NULL, purpose = '', what = '', patient_id = NULL, resources = '{}',
           at = date_trunc('second', at), erased_by = $2
     WHERE e.id = ANY ($1::bigint[]) AND e.salt IS NOT NULL AND e.what <> 'audit.erase'
       AND EXISTS (SELECT FROM audit.leaf l WHERE l.event_id = e.id)
"""

ALLOW_ERASING: LiteralString = "SET LOCAL audit.erasing = 'on'"
FORBID_ERASING: LiteralString = "SET LOCAL audit.erasing = 'off'"

STAMPS: LiteralString = "SELECT day, size, token, at, event_id FROM audit.stamp ORDER BY day"

HAS_STAMP: LiteralString = "SELECT EXISTS (SELECT FROM audit.stamp WHERE day = $1)"

PUT_STAMP: LiteralString = """
    INSERT INTO audit.stamp (day, size, token, at, event_id) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING
"""

NOTE: LiteralString = "SELECT note FROM audit.checkpoint WHERE size = $1"

COSIGNATURES: LiteralString = """
    SELECT size, verifier_key, line FROM audit.cosignature ORDER BY size, verifier_key
"""

WITNESSES: LiteralString = """
    SELECT verifier_key, url, confirmed_size, problem FROM audit.witness ORDER BY verifier_key
"""

ADD_WITNESS: LiteralString = """
    INSERT INTO audit.witness (verifier_key, url, added_at) VALUES ($1, $2, $3)
        ON CONFLICT (verifier_key) DO UPDATE SET url = excluded.url
"""

CONFIRMED: LiteralString = """
    UPDATE audit.witness SET confirmed_size = $2, problem = $3 WHERE verifier_key = $1
"""

PUT_COSIGNATURE: LiteralString = """
    INSERT INTO audit.cosignature (size, verifier_key, line) VALUES ($1, $2, $3)
        ON CONFLICT (size, verifier_key) DO UPDATE SET line = excluded.line
"""

WATCH: LiteralString = """
    INSERT INTO audit.watched (origin, verifier_key) VALUES ($1, $2)
        ON CONFLICT (origin) DO UPDATE SET verifier_key = excluded.verifier_key
"""

# Locked: two checkpoints of one log are confirmed one after the other.
WATCHED: LiteralString = """
    SELECT origin, verifier_key, size, root FROM audit.watched WHERE origin = $1 FOR UPDATE
"""

ALL_WATCHED: LiteralString = """
    SELECT origin, verifier_key, size, at FROM audit.watched ORDER BY origin
"""

SAW: LiteralString = """
    UPDATE audit.watched SET size = $2, root = $3, note = $4, at = $5 WHERE origin = $1
"""

EVENTS_OF_PATIENT: LiteralString = (
    "SELECT l.position AS place, l.event_id,"
    + _EVENT
    + """
      FROM audit.event e LEFT JOIN audit.leaf l ON l.event_id = e.id
     WHERE e.patient_id = $1
     ORDER BY e.id DESC
     LIMIT $2
"""
)

EVENT: LiteralString = (
    "SELECT l.position AS place, l.event_id,"
    + _EVENT
    + """
      FROM audit.event e LEFT JOIN audit.leaf l ON l.event_id = e.id
     WHERE e.id = $1
"""
)
