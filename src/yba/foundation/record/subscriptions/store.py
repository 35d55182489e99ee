"""The SQL of subscriptions."""

from __future__ import annotations

from typing import LiteralString

# Only one worker follows the feed; its connection holds this lock.
HOLD: LiteralString = "SELECT pg_try_advisory_lock(7203042, 1)"
POSITION: LiteralString = "SELECT xid, type, rid, version FROM record.subscription_feed"
BEGIN: LiteralString = "INSERT INTO record.subscription_feed (xid) VALUES ($1)"
MOVE: LiteralString = """
    UPDATE record.subscription_feed SET xid = $1, type = $2, rid = $3, version = $4
"""
# Versions of some types (all, if NULL) after a position and before a transaction.
FEED: LiteralString = """
    SELECT xid::text::bigint AS xid, type, rid, fid, version, updated, flags, body
      FROM (
        (SELECT xid, type, rid, fid, version, updated, flags, body
           FROM record.resource
          WHERE xid >= $1::text::xid8 AND xid < $6::text::xid8
            AND (xid, type, rid, version) > ($1::text::xid8, $2::smallint, $3::bigint, $4::int)
            AND ($7::smallint[] IS NULL OR type = ANY($7))
          ORDER BY xid, type, rid, version
          LIMIT $5)
        UNION ALL
        (SELECT h.xid, h.type, h.rid, r.fid, h.version, h.updated, h.flags, h.body
           FROM (SELECT xid, type, rid, version, updated, flags, body
                   FROM record.history
                  WHERE xid >= $1::text::xid8 AND xid < $6::text::xid8
                    AND (xid, type, rid, version)
                        > ($1::text::xid8, $2::smallint, $3::bigint, $4::int)
                    AND ($7::smallint[] IS NULL OR type = ANY($7))
                  ORDER BY xid, type, rid, version
                  LIMIT $5) h
           JOIN record.resource r ON r.type = h.type AND r.rid = h.rid)
      ) v
     ORDER BY v.xid, type, rid, version
     LIMIT $5
"""
BEFORE: LiteralString = """
    SELECT h.type, h.rid, h.version, h.updated, h.flags, h.body
      FROM unnest($1::smallint[], $2::bigint[], $3::int[]) AS w (type, rid, version)
      JOIN record.history h ON h.type = w.type AND h.rid = w.rid AND h.version = w.version
"""
# Subscriptions that were stored before anybody followed the feed.
EARLIER: LiteralString = """
    SELECT xid::text::bigint AS xid, type, rid, fid, version, updated, flags, body
      FROM record.resource
     WHERE type = $1 AND flags & 1 = 0 AND xid < $2::text::xid8
     ORDER BY rid
"""

_COLUMNS: LiteralString = "id, version, state, events, delivered, attempts, due_at, told_at, error"
OPEN: LiteralString = (
    "SELECT " + _COLUMNS + " FROM record.subscription WHERE state <> 'off' ORDER BY id"
)
FIND: LiteralString = (
    "SELECT " + _COLUMNS + " FROM record.subscription WHERE id = ANY($1::text[]) ORDER BY id"
)
SOME: LiteralString = "SELECT " + _COLUMNS + " FROM record.subscription ORDER BY id LIMIT $1"
DUE: LiteralString = (
    "SELECT " + _COLUMNS + " FROM record.subscription"
    " WHERE state <> 'off' AND (state = 'requested' OR delivered < events OR id = ANY($2::text[]))"
    " AND (due_at IS NULL OR due_at <= $1) ORDER BY due_at NULLS FIRST, id LIMIT 500"
)
TAKE_UP: LiteralString = """
    INSERT INTO record.subscription (id, version, state, error) VALUES ($1, $2, $3, $4)
    ON CONFLICT (id) DO UPDATE
       SET version = excluded.version, state = excluded.state, error = excluded.error,
           attempts = 0, due_at = NULL
     WHERE subscription.version < excluded.version
"""
DROP: LiteralString = "DELETE FROM record.subscription WHERE id = $1"
COUNT: LiteralString = """
    UPDATE record.subscription SET events = events + $2 WHERE id = $1 RETURNING events
"""
ADD_EVENT: LiteralString = """
    INSERT INTO record.subscription_event (subscription, number, at, type, id, version, action)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
TELL: LiteralString = "SELECT pg_notify('subscription', '')"
EVENTS: LiteralString = """
    SELECT number, at, type, id, version, action
      FROM record.subscription_event
     WHERE subscription = $1 AND number >= $2 AND number <= $3
     ORDER BY number
     LIMIT $4
"""
ARRIVED: LiteralString = """
    UPDATE record.subscription
       SET delivered = greatest(delivered, $2), attempts = 0, due_at = NULL, told_at = $3,
           error = ''
     WHERE id = $1 AND version = $4
"""
FAILED: LiteralString = """
    UPDATE record.subscription SET attempts = $2, due_at = $3, error = $4
     WHERE id = $1 AND version = $5
"""
HAS_BECOME: LiteralString = """
    UPDATE record.subscription SET state = $2, version = $3 WHERE id = $1 AND version = $4
"""
FORGET: LiteralString = """
    DELETE FROM record.subscription_event e USING record.subscription s
     WHERE s.id = e.subscription AND e.number <= s.delivered AND e.at < $1
"""

OWN: LiteralString = """
    INSERT INTO record.subscription_owner (id, client_id) VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE SET client_id = excluded.client_id
"""
DISOWN: LiteralString = "DELETE FROM record.subscription_owner WHERE id = $1"
OWNED: LiteralString = "SELECT id FROM record.subscription_owner WHERE client_id = $1 ORDER BY id"
END: LiteralString = "UPDATE record.subscription SET state = 'off' WHERE id = ANY($1::text[])"

BIND: LiteralString = """
    INSERT INTO record.subscription_binding (token_hash, subscriptions, expires_at)
    VALUES ($1, $2, $3)
"""
BOUND: LiteralString = """
    SELECT subscriptions FROM record.subscription_binding
     WHERE token_hash = $1 AND expires_at > $2
"""
UNBIND: LiteralString = "DELETE FROM record.subscription_binding WHERE expires_at <= $1"
