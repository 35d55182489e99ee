"""The SQL of second factors and of failed attempts."""

from typing import LiteralString, TypeAlias

Statement: TypeAlias = LiteralString

FACTORS_OF: LiteralString = """
    SELECT EXISTS (SELECT FROM accounts.totp
                    WHERE account_id = $1 AND confirmed_at IS NOT NULL) AS totp,
           (SELECT count(*) FROM accounts.passkey WHERE account_id = $1) AS passkeys,
           (SELECT count(*) FROM accounts.recovery_code
             WHERE account_id = $1 AND used_at IS NULL) AS recovery_codes
"""

BEGIN_TOTP: LiteralString = """
    INSERT INTO accounts.totp (account_id, sealed, created_at) VALUES ($1, $2, $3)
    ON CONFLICT (account_id) DO UPDATE
       SET sealed = excluded.sealed, created_at = excluded.created_at, last_step = 0
     WHERE totp.confirmed_at IS NULL
"""
WAITING_TOTP: LiteralString = """
    SELECT sealed, last_step FROM accounts.totp WHERE account_id = $1 AND confirmed_at IS NULL
"""
TOTP_OF: LiteralString = """
    SELECT sealed, last_step FROM accounts.totp
     WHERE account_id = $1 AND confirmed_at IS NOT NULL
"""
CONFIRM_TOTP: LiteralString = """
    UPDATE accounts.totp SET confirmed_at = $3, last_step = $2
     WHERE account_id = $1 AND confirmed_at IS NULL
"""
# Two who send the same code at once: the row is locked by the first, and the second changes nothing.
USE_STEP: LiteralString = """
    UPDATE accounts.totp SET last_step = $2 WHERE account_id = $1 AND last_step < $2
"""
REMOVE_TOTP: LiteralString = "DELETE FROM accounts.totp WHERE account_id = $1"

FORGET_CODES: LiteralString = "DELETE FROM accounts.recovery_code WHERE account_id = $1"
KEEP_CODES: LiteralString = """
    INSERT INTO accounts.recovery_code (code_sha256, account_id, created_at)
    SELECT code, $2, $3 FROM unnest($1::bytea[]) code
"""
USE_CODE: LiteralString = """
    UPDATE accounts.recovery_code SET used_at = $3
     WHERE code_sha256 = $1 AND account_id = $2 AND used_at IS NULL
"""

KEEP_CHALLENGE: LiteralString = """
    INSERT INTO accounts.challenge (holder_sha256, challenge, purpose, account_id, expires_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (holder_sha256) DO UPDATE
       SET challenge = excluded.challenge, purpose = excluded.purpose,
           account_id = excluded.account_id, expires_at = excluded.expires_at
"""
TAKE_CHALLENGE: LiteralString = """
    DELETE FROM accounts.challenge
     WHERE holder_sha256 = $1 AND purpose = $2
    RETURNING challenge, account_id, expires_at
"""
FORGET_CHALLENGES: LiteralString = "DELETE FROM accounts.challenge WHERE expires_at < $1"

ADD_PASSKEY: LiteralString = """
    INSERT INTO accounts.passkey (credential_id, account_id, public_key, sign_count, transports,
                                  name, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (credential_id) DO NOTHING
"""
PASSKEY: LiteralString = """
    SELECT credential_id, account_id, public_key, sign_count, transports, name, created_at,
           last_used_at
      FROM accounts.passkey WHERE credential_id = $1
       FOR UPDATE
"""
PASSKEYS_OF: LiteralString = """
    SELECT credential_id, account_id, public_key, sign_count, transports, name, created_at,
           last_used_at
      FROM accounts.passkey WHERE account_id = $1 ORDER BY created_at, credential_id
"""
PASSKEY_USED: LiteralString = """
    UPDATE accounts.passkey SET sign_count = $2, last_used_at = $3 WHERE credential_id = $1
"""
REMOVE_PASSKEY: LiteralString = """
    DELETE FROM accounts.passkey WHERE credential_id = $1 AND account_id = $2
"""

# Failures long past are forgotten with the first new one; nothing is counted, and no row comes back,
# while the bucket is locked. Whoever comes at the same moment waits for the row, and reads it anew.
PAY: LiteralString = """
    INSERT INTO accounts.attempt AS a (bucket, failed, since) VALUES ($1, 1, $2)
    ON CONFLICT (bucket) DO UPDATE
       SET failed = CASE WHEN a.since < $3 THEN 1 ELSE a.failed + 1 END,
           since = CASE WHEN a.since < $3 THEN $2 ELSE a.since END
     WHERE a.locked_until IS NULL OR a.locked_until <= $2
    RETURNING failed
"""
LOCKED_UNTIL: LiteralString = "SELECT locked_until FROM accounts.attempt WHERE bucket = $1"
# The lock goes if this very payment brought it, or if what is left would not have.
GIVE_BACK: LiteralString = """
    UPDATE accounts.attempt
       SET failed = greatest(failed - 1, 0),
           locked_until = CASE WHEN failed = $2 OR failed <= $3 THEN NULL ELSE locked_until END
     WHERE bucket = $1
"""
LOCK_BUCKET: LiteralString = "UPDATE accounts.attempt SET locked_until = $2 WHERE bucket = $1"
FORGET_ATTEMPTS: LiteralString = "DELETE FROM accounts.attempt WHERE bucket = $1"
