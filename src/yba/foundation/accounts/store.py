"""The SQL of accounts and sessions."""

from typing import LiteralString

_COLUMNS: LiteralString = (
    "account.id, login, name, roles, practitioner_id, patient_id, licence, disabled_at"
)

INSERT: LiteralString = """
    INSERT INTO accounts.account (id, login, password_hash, name, roles, practitioner_id,
                                  patient_id, licence, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (login) DO NOTHING
"""
BY_ID: LiteralString = f"SELECT {_COLUMNS} FROM accounts.account WHERE id = $1"
BY_LOGIN: LiteralString = f"SELECT {_COLUMNS} FROM accounts.account WHERE login = $1"
ALL: LiteralString = f"SELECT {_COLUMNS} FROM accounts.account ORDER BY login LIMIT $1"
CREDENTIAL: LiteralString = """
    SELECT id, password_hash, failed_attempts, locked_until
      FROM accounts.account
     WHERE login = $1 AND disabled_at IS NULL
       FOR UPDATE
"""
FAILED: LiteralString = """
    UPDATE accounts.account SET failed_attempts = failed_attempts + 1, locked_until = $2
     WHERE id = $1
"""
SUCCEEDED: LiteralString = """
    UPDATE accounts.account SET failed_attempts = 0, locked_until = NULL WHERE id = $1
"""
SET_PASSWORD: LiteralString = "UPDATE accounts.account SET password_hash = $2 WHERE id = $1"  # noqa: S105
DISABLE: LiteralString = """
    UPDATE accounts.account SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL
"""
OPEN_SESSION: LiteralString = """
    INSERT INTO accounts.session (token_sha256, account_id, kind, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5)
"""
END_SESSION: LiteralString = """
    UPDATE accounts.session SET ended_at = $2 WHERE token_sha256 = $1 AND ended_at IS NULL
"""
END_SESSIONS: LiteralString = """
    UPDATE accounts.session SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL
"""
WHO_HOLDS: LiteralString = f"""
    SELECT {_COLUMNS}
      FROM accounts.session
      JOIN accounts.account ON account.id = session.account_id
     WHERE token_sha256 = $1 AND kind = $2 AND ended_at IS NULL AND expires_at > $3
       AND disabled_at IS NULL
"""

INVITE: LiteralString = """
    INSERT INTO accounts.invitation (code_sha256, patient_id, name, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5)
"""
USE_INVITATION: LiteralString = """
    UPDATE accounts.invitation SET used_at = $2
     WHERE code_sha256 = $1 AND used_at IS NULL AND expires_at > $2
    RETURNING patient_id, name
"""
OF_PATIENT: LiteralString = f"""
    SELECT {_COLUMNS} FROM accounts.account WHERE patient_id = $1 AND disabled_at IS NULL
"""
