"""The SQL of relations, emergencies and requests."""

from typing import LiteralString

RELATE: LiteralString = """
    INSERT INTO access.relation (patient, patient_id, holder, kind, extent, categories, overrides,
                                 why, since, until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10::timestamptz, 'infinity'))
    ON CONFLICT (patient, holder, kind, why) DO UPDATE
       SET until = CASE WHEN excluded.until > relation.until OR relation.until <= excluded.since
                        THEN excluded.until ELSE relation.until END,
           since = least(relation.since, excluded.since),
           extent = excluded.extent,
           categories = relation.categories | excluded.categories,
           overrides = relation.overrides OR excluded.overrides
"""
END: LiteralString = """
    UPDATE access.relation SET until = $3
     WHERE why = $1 AND kind = ANY($2::text[]) AND until > $3
"""
# Taken up again: what ends later than now has no end any more.
REOPEN: LiteralString = """
    UPDATE access.relation SET until = 'infinity' WHERE why = $1 AND kind = ANY($2::text[])
"""
END_HOLDER: LiteralString = """
    UPDATE access.relation SET until = $4
     WHERE patient = $1 AND holder = $2 AND kind = ANY($3::text[]) AND until > $4
"""
IS_RELATED: LiteralString = """
    SELECT EXISTS (SELECT FROM access.relation_v1
                    WHERE patient = $1 AND holder = ANY($2::text[])
                      AND since <= $3 AND until > $3)
"""
RELATED_AMONG: LiteralString = """
    SELECT DISTINCT patient FROM access.relation_v1
     WHERE patient = ANY($1::bigint[]) AND holder = ANY($2::text[])
       AND since <= $3 AND until > $3
"""
OF_PATIENT: LiteralString = """
    SELECT relation_id, holder, kind, extent, categories, overrides, why, since,
           nullif(until, 'infinity') AS until
      FROM access.relation
     WHERE patient = $1 AND until > $2
     ORDER BY since DESC, relation_id DESC
     LIMIT $3
"""
# For whoever compares the decision with its specification.
FACTS: LiteralString = """
    SELECT holder, extent, categories, overrides, since, nullif(until, 'infinity') AS until
      FROM access.relation_v1 WHERE patient = $1
"""
PROXIED: LiteralString = """
    SELECT DISTINCT patient_id FROM access.relation
     WHERE holder = $1 AND kind = 'proxy' AND since <= $2 AND until > $2
     ORDER BY patient_id
"""

BEGIN_EMERGENCY: LiteralString = """
    INSERT INTO access.emergency
           (patient_id, account_id, account_name, reason, began_at, ends_at, kind, purpose)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    RETURNING emergency_id
"""
_EMERGENCY: LiteralString = """
    emergency_id, patient_id, account_id, account_name, reason, began_at, ends_at, reviewer_name,
    reviewed_at, verdict, note, kind, purpose
"""
EMERGENCY_NOW: LiteralString = (
    "SELECT "
    + _EMERGENCY
    + """ FROM access.emergency
     WHERE patient_id = $1 AND account_id = $2 AND began_at <= $3 AND ends_at > $3
       AND kind = 'emergency'
     ORDER BY began_at DESC LIMIT 1
"""
)
EMERGENCIES: LiteralString = (
    "SELECT "
    + _EMERGENCY
    + """ FROM access.emergency
     ORDER BY verdict IS NOT NULL, began_at DESC LIMIT $1
"""
)
EMERGENCY_LOCKED: LiteralString = (
    "SELECT "
    + _EMERGENCY
    + """ FROM access.emergency
     WHERE emergency_id = $1 AND verdict IS NULL FOR UPDATE
"""
)
REVIEW: LiteralString = """
    UPDATE access.emergency
       SET verdict = $2, note = $3, reviewer_id = $4, reviewer_name = $5, reviewed_at = $6
     WHERE emergency_id = $1
"""
END_EMERGENCY: LiteralString = """
    UPDATE access.emergency SET ends_at = $3
     WHERE patient_id = $1 AND account_id = $2 AND ends_at > $3 AND kind = 'emergency'
"""

ASK: LiteralString = """
    INSERT INTO access.request (patient_id, account_id, account_name, purpose, reason, asked_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
    RETURNING request_id
"""
_REQUEST: LiteralString = """
    request_id, patient_id, account_id, account_name, purpose, reason, asked_at, decider_name,
    decided_at, granted, until
"""
REQUESTS: LiteralString = (
    "SELECT "
    + _REQUEST
    + """ FROM access.request
     ORDER BY granted IS NOT NULL, asked_at DESC LIMIT $1
"""
)
REQUEST_LOCKED: LiteralString = (
    "SELECT "
    + _REQUEST
    + """ FROM access.request
     WHERE request_id = $1 AND granted IS NULL FOR UPDATE
"""
)
REQUEST_OF: LiteralString = (
    "SELECT "
    + _REQUEST
    + """ FROM access.request
     WHERE patient_id = $1 AND account_id = $2 ORDER BY request_id DESC LIMIT 1
"""
)
DECIDE: LiteralString = """
    UPDATE access.request
       SET granted = $2, until = $3, decider_id = $4, decider_name = $5, decided_at = $6
     WHERE request_id = $1
"""
