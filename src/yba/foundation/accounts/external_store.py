"""The SQL of identities elsewhere."""

from typing import LiteralString

KEEP_REQUEST: LiteralString = """
    INSERT INTO accounts.external_request (state_sha256, nonce, verifier, next, account_id, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
TAKE_REQUEST: LiteralString = """
    DELETE FROM accounts.external_request WHERE state_sha256 = $1
    RETURNING nonce, verifier, next, account_id, expires_at
"""
FORGET_REQUESTS: LiteralString = "DELETE FROM accounts.external_request WHERE expires_at < $1"

USE_IDENTITY: LiteralString = """
    UPDATE accounts.external_identity SET last_used_at = $3
     WHERE issuer = $1 AND subject = $2
    RETURNING issuer, subject, account_id, linked_at, last_used_at
"""
IDENTITIES_OF: LiteralString = """
    SELECT issuer, subject, account_id, linked_at, last_used_at
      FROM accounts.external_identity WHERE account_id = $1 ORDER BY linked_at
"""
# Whose it is afterwards: of two who link the same identity, the first keeps it.
LINK: LiteralString = """
    INSERT INTO accounts.external_identity AS i (issuer, subject, account_id, linked_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (issuer, subject) DO UPDATE SET account_id = i.account_id
    RETURNING account_id
"""
UNLINK: LiteralString = """
    DELETE FROM accounts.external_identity WHERE issuer = $1 AND account_id = $2
"""
