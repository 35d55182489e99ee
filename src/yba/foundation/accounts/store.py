"""The SQL of accounts and sessions."""

from typing import LiteralString

_COLUMNS: LiteralString = (
    "account.id, login, name, roles, practitioner_id, patient_id, licence, disabled_at, departments"
)

INSERT: LiteralString = """
    INSERT INTO accounts.account (id, login, password_hash, name, roles, practitioner_id,
                                  patient_id, licence, created_at, departments)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (login) DO NOTHING
"""
BY_ID: LiteralString = f"SELECT {_COLUMNS} FROM accounts.account WHERE id = $1"
BY_LOGIN: LiteralString = f"SELECT {_COLUMNS} FROM accounts.account WHERE login = $1"
ALL: LiteralString = f"SELECT {_COLUMNS} FROM accounts.account ORDER BY login LIMIT $1"
CREDENTIAL: LiteralString = """
    SELECT id, password_hash
      FROM accounts.account
     WHERE login = $1 AND disabled_at IS NULL
"""
CREDENTIAL_OF: LiteralString = """
    SELECT id, password_hash FROM accounts.account WHERE id = $1 AND disabled_at IS NULL
"""
SET_PASSWORD: LiteralString = "UPDATE accounts.account SET password_hash = $2 WHERE id = $1"  # noqa: S105
DISABLE: LiteralString = """
    UPDATE accounts.account SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL
"""
SET_DEPARTMENTS: LiteralString = "UPDATE accounts.account SET departments = $2 WHERE id = $1"
SET_ROLES: LiteralString = "UPDATE accounts.account SET roles = $2 WHERE id = $1"

OPEN_SESSION: LiteralString = """
    INSERT INTO accounts.session (token_sha256, account_id, kind, created_at, expires_at, id,
                                  methods, proven_at, last_seen_at, device)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $4, $9)
"""
# The session stays the same, with its end and its place in lists; only its token is another.
ROTATE: LiteralString = """
    UPDATE accounts.session
       SET token_sha256 = $2, methods = $3, proven_at = $4, last_seen_at = $4
     WHERE token_sha256 = $1 AND kind = 'browser' AND ended_at IS NULL AND expires_at > $4
"""
END_SESSION: LiteralString = """
    UPDATE accounts.session SET ended_at = $2 WHERE token_sha256 = $1 AND ended_at IS NULL
    RETURNING account_id
"""
END_SESSIONS: LiteralString = """
    UPDATE accounts.session SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL
"""
END_ONE: LiteralString = """
    UPDATE accounts.session SET ended_at = $3
     WHERE id = $1 AND account_id = $2 AND ended_at IS NULL
"""
END_OTHERS: LiteralString = """
    UPDATE accounts.session SET ended_at = $3
     WHERE account_id = $1 AND id <> $2 AND kind <> 'bearer' AND ended_at IS NULL
"""
SESSIONS_OF: LiteralString = """
    SELECT id, kind, device, created_at, last_seen_at, methods
      FROM accounts.session
     WHERE account_id = $1 AND ended_at IS NULL AND expires_at > $2 AND kind <> 'pending'
     ORDER BY last_seen_at DESC NULLS LAST, created_at DESC
     LIMIT 100
"""
IS_OPEN: LiteralString = """
    SELECT EXISTS (SELECT FROM accounts.session
                     JOIN accounts.account ON account.id = session.account_id
                    WHERE session.id = $1 AND ended_at IS NULL AND expires_at > $2
                      AND disabled_at IS NULL)
"""
# A browser session that nobody has used for a while is as good as ended.
WHO_HOLDS: LiteralString = f"""
    SELECT {_COLUMNS}, session.id AS session_id, session.methods, session.proven_at,
           session.last_seen_at
      FROM accounts.session
      JOIN accounts.account ON account.id = session.account_id
     WHERE token_sha256 = $1 AND kind = $2 AND ended_at IS NULL AND expires_at > $3
       AND (kind <> 'browser' OR coalesce(session.last_seen_at, session.created_at) > $4)
       AND disabled_at IS NULL
"""
SEEN: LiteralString = """
    UPDATE accounts.session SET last_seen_at = $2 WHERE token_sha256 = $1
"""
NAMES: LiteralString = "SELECT id, name FROM accounts.account WHERE id = ANY($1)"
SEEN_ACCOUNT: LiteralString = "UPDATE accounts.account SET last_seen_at = $2 WHERE id = $1"
# Whoever remembers callers forgets this one at once; see fhir_api/callers.
TELL_CALLERS: LiteralString = "SELECT pg_notify('yba_callers', $1)"

INVITE: LiteralString = """
    INSERT INTO accounts.invitation (code_sha256, patient_id, name, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5)
"""
USE_INVITATION: LiteralString = """
    UPDATE accounts.invitation SET used_at = $2
     WHERE code_sha256 = $1 AND used_at IS NULL AND expires_at > $2
    RETURNING patient_id, account_id, name
"""
OF_PATIENT: LiteralString = f"""
    SELECT {_COLUMNS} FROM accounts.account WHERE patient_id = $1 AND disabled_at IS NULL
"""
