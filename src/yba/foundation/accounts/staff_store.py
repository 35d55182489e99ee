"""The SQL of managing the accounts of staff."""

from typing import LiteralString

PEOPLE: LiteralString = """
    SELECT a.id, a.login, a.name, a.roles, a.departments, a.licence, a.created_at, a.last_seen_at,
           a.disabled_at,
           EXISTS (SELECT FROM accounts.passkey p WHERE p.account_id = a.id)
           OR EXISTS (SELECT FROM accounts.totp t
                       WHERE t.account_id = a.id AND t.confirmed_at IS NOT NULL) AS has_factor,
           (SELECT max(r.reviewed_at) FROM accounts.rights_review r
             WHERE r.account_id = a.id) AS reviewed_at,
           (SELECT f.reset_id FROM accounts.factor_reset f
             WHERE f.account_id = a.id AND f.confirmed_at IS NULL) AS reset_id,
           (SELECT f.asked_name FROM accounts.factor_reset f
             WHERE f.account_id = a.id AND f.confirmed_at IS NULL) AS reset_asked_by
      FROM accounts.account a
     WHERE a.patient_id IS NULL AND ($1::text IS NULL OR a.id = $1)
     ORDER BY a.disabled_at IS NOT NULL, a.login
     LIMIT $2
"""
INVITE_ACCOUNT: LiteralString = """
    INSERT INTO accounts.invitation (code_sha256, account_id, name, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5)
"""
# Earlier codes of the same account end with a new one.
END_INVITATIONS: LiteralString = """
    UPDATE accounts.invitation SET expires_at = $2
     WHERE account_id = $1 AND used_at IS NULL AND expires_at > $2
"""
IDLE: LiteralString = """
    SELECT id FROM accounts.account
     WHERE disabled_at IS NULL AND patient_id IS NULL AND NOT 'api' = ANY(roles)
       AND greatest(coalesce(last_seen_at, created_at), coalesce(enabled_at, created_at)) < $1
     ORDER BY id
"""
ENABLE: LiteralString = """
    UPDATE accounts.account SET disabled_at = NULL, enabled_at = $2
     WHERE id = $1 AND disabled_at IS NOT NULL
"""
# In one order and locked, so that of two administrators who cut each other off one stays.
ADMINISTRATORS: LiteralString = """
    SELECT id FROM accounts.account
     WHERE disabled_at IS NULL AND 'administrator' = ANY(roles)
     ORDER BY id FOR UPDATE
"""
REVIEW: LiteralString = """
    INSERT INTO accounts.rights_review (review_id, account_id, reviewer_id, reviewed_at, roles, verdict)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
ASK_RESET: LiteralString = """
    INSERT INTO accounts.factor_reset (reset_id, account_id, asked_by, asked_name, reason, asked_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (account_id) WHERE confirmed_at IS NULL DO NOTHING
"""
CONFIRM_RESET: LiteralString = """
    UPDATE accounts.factor_reset SET confirmed_by = $2, confirmed_at = $3
     WHERE reset_id = $1 AND confirmed_at IS NULL AND asked_by <> $2 AND account_id <> $2
    RETURNING account_id
"""
FORGET_PASSKEYS: LiteralString = "DELETE FROM accounts.passkey WHERE account_id = $1"
FORGET_TOTP: LiteralString = "DELETE FROM accounts.totp WHERE account_id = $1"
FORGET_CODES: LiteralString = "DELETE FROM accounts.recovery_code WHERE account_id = $1"
