"""The SQL of what is hidden and what is shared."""

from typing import LiteralString

HIDE: LiteralString = """
    INSERT INTO consent.restriction (restriction_id, patient_id, patient, scope, target,
           from_account, from_department, from_name, since, until, account_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
HIDE_ROWS: LiteralString = """
    INSERT INTO consent.restricted_row (restriction_id, type, rid)
    SELECT $1, type, rid FROM unnest($2::smallint[], $3::bigint[]) AS row (type, rid)
    ON CONFLICT DO NOTHING
"""
_RESTRICTION: LiteralString = """
    SELECT restriction_id, patient_id, scope, target, from_account, from_department, from_name,
           since, until, ended_at
      FROM consent.restriction
"""
RESTRICTION: LiteralString = _RESTRICTION + " WHERE restriction_id = $1"
RESTRICTIONS: LiteralString = (
    _RESTRICTION + " WHERE patient_id = $1 ORDER BY restriction_id DESC LIMIT 200"
)
GROWING: LiteralString = (
    _RESTRICTION
    + """ WHERE patient_id = $1 AND scope IN ('visit', 'category') AND ended_at IS NULL
            AND (until IS NULL OR until > $2)
          ORDER BY restriction_id"""
)
END_RESTRICTION: LiteralString = """
    UPDATE consent.restriction SET ended_at = $2 WHERE restriction_id = $1 AND ended_at IS NULL
"""
SHARE: LiteralString = """
    INSERT INTO consent.share (share_id, patient_id, patient, secret_sha256, pin_hash, parts,
           since, until, account_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_SHARE: LiteralString = """
    SELECT share_id, patient_id, parts, since, until, ended_at, wrong_pins,
           (SELECT count(*) FROM consent.share_opening o WHERE o.share_id = share.share_id)::int
               AS openings
      FROM consent.share
"""
SHARES: LiteralString = _SHARE + " WHERE patient_id = $1 ORDER BY share_id DESC LIMIT 50"
SHARE_BY_ID: LiteralString = _SHARE + " WHERE share_id = $1"
LOCKED_SHARE: LiteralString = """
    SELECT share_id, patient_id, parts, since, until, ended_at, wrong_pins, 0 AS openings, pin_hash
      FROM consent.share WHERE secret_sha256 = $1 FOR UPDATE
"""
WRONG_PIN: LiteralString = (
    "UPDATE consent.share SET wrong_pins = wrong_pins + 1 WHERE share_id = $1"
)
END_SHARE: LiteralString = """
    UPDATE consent.share SET ended_at = $2 WHERE share_id = $1 AND ended_at IS NULL AND until > $2
"""
OPEN: LiteralString = """
    INSERT INTO consent.share_opening (opening_id, share_id, ticket_sha256, viewer_name,
           viewer_place, viewer_purpose, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
OPENING: LiteralString = """
    SELECT share_id, viewer_name, viewer_place, viewer_purpose, at
      FROM consent.share_opening WHERE ticket_sha256 = $1
"""
OPENINGS: LiteralString = """
    SELECT share_id, viewer_name, viewer_place, viewer_purpose, o.at
      FROM consent.share_opening o JOIN consent.share USING (share_id)
     WHERE patient_id = $1 ORDER BY opening_id DESC LIMIT 200
"""
