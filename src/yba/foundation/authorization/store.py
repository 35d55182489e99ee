"""The SQL of programs, grants, codes, tokens and keys."""

from typing import LiteralString

_CLIENT: LiteralString = (
    "id, name, method, secret_sha256, jwks, jwks_uri, redirect_uris, logout_uris, launch_uri, scopes,"
    " grants, is_trusted, created_at, disabled_at"
)
_GRANT: LiteralString = (
    "g.id, g.client_id, g.account_id, g.scopes, g.audience, g.patient_id, g.encounter_id,"
    " g.session_id, g.methods, g.proven_at, g.created_at, g.expires_at, g.revoked_at"
)

ADD_CLIENT: LiteralString = """
    INSERT INTO "authorization".client (id, name, method, secret_sha256, jwks, jwks_uri, redirect_uris,
                                        logout_uris, launch_uri, scopes, grants, is_trusted, created_at,
                                        created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (id) DO NOTHING
"""
CLIENT: LiteralString = f"""
    SELECT {_CLIENT} FROM "authorization".client WHERE id = $1 AND disabled_at IS NULL
"""
CLIENTS: LiteralString = f"""
    SELECT {_CLIENT} FROM "authorization".client ORDER BY disabled_at IS NOT NULL, name, id LIMIT $1
"""
OPENED_FROM_CHARTS: LiteralString = f"""
    SELECT {_CLIENT} FROM "authorization".client
     WHERE launch_uri IS NOT NULL AND disabled_at IS NULL
     ORDER BY name, id LIMIT $1
"""
DISABLE_CLIENT: LiteralString = """
    UPDATE "authorization".client SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL
"""
RENEW: LiteralString = """
    UPDATE "authorization".client SET secret_sha256 = $2
     WHERE id = $1 AND disabled_at IS NULL AND method LIKE 'client_secret%'
"""
REDIRECTIONS: LiteralString = """
    SELECT DISTINCT unnest(redirect_uris) FROM "authorization".client WHERE disabled_at IS NULL
"""

ADD_GRANT: LiteralString = """
    INSERT INTO "authorization".grant_given (id, client_id, account_id, scopes, audience, patient_id,
                                             encounter_id, session_id, methods, proven_at, created_at,
                                             expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
REVOKE_GRANT: LiteralString = """
    UPDATE "authorization".grant_given SET revoked_at = $2, revoked_why = $3
     WHERE id = $1 AND revoked_at IS NULL
"""
REVOKE_OF_CLIENT: LiteralString = """
    UPDATE "authorization".grant_given SET revoked_at = $2, revoked_why = 'program'
     WHERE client_id = $1 AND revoked_at IS NULL
"""
REVOKE_OWN: LiteralString = """
    UPDATE "authorization".grant_given SET revoked_at = $3, revoked_why = 'person'
     WHERE account_id = $1 AND client_id = $2 AND revoked_at IS NULL
"""
REVOKE_OF_SESSION: LiteralString = """
    UPDATE "authorization".grant_given SET revoked_at = $2, revoked_why = 'session'
     WHERE session_id = $1 AND revoked_at IS NULL AND 'offline_access' <> ALL(scopes)
"""
GRANTS_OF: LiteralString = f"""
    SELECT {_GRANT} FROM "authorization".grant_given g
     WHERE g.account_id = $1 AND g.revoked_at IS NULL AND g.expires_at > $2
     ORDER BY g.created_at DESC, g.id LIMIT $3
"""
NAMES: LiteralString = """
    SELECT id, name FROM "authorization".client WHERE id = ANY($1::text[]) ORDER BY id
"""

ADD_CODE: LiteralString = """
    INSERT INTO "authorization".code (code_sha256, grant_id, redirect_uri, challenge, nonce, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
CODE: LiteralString = """
    SELECT grant_id, redirect_uri, challenge, nonce, expires_at, used_at
      FROM "authorization".code WHERE code_sha256 = $1 FOR UPDATE
"""
USE_CODE: LiteralString = 'UPDATE "authorization".code SET used_at = $2 WHERE code_sha256 = $1'
GRANT: LiteralString = f"""
    SELECT {_GRANT} FROM "authorization".grant_given g WHERE g.id = $1 FOR UPDATE
"""

ADD_ACCESS: LiteralString = """
    INSERT INTO "authorization".access_token (token_sha256, grant_id, scopes, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5)
"""
ACCESS: LiteralString = """
    SELECT t.grant_id, t.scopes, t.created_at AS issued_at, t.expires_at, g.client_id, c.name AS client_name,
           g.account_id, g.audience, g.patient_id, g.encounter_id, g.session_id, g.methods, g.proven_at
      FROM "authorization".access_token t
      JOIN "authorization".grant_given g ON g.id = t.grant_id
      JOIN "authorization".client c ON c.id = g.client_id
     WHERE t.token_sha256 = $1 AND t.revoked_at IS NULL AND t.expires_at > $2
       AND g.revoked_at IS NULL AND g.expires_at > $2 AND c.disabled_at IS NULL
"""
REVOKE_ACCESS: LiteralString = """
    UPDATE "authorization".access_token t SET revoked_at = $3
      FROM "authorization".grant_given g
     WHERE t.token_sha256 = $1 AND g.id = t.grant_id AND g.client_id = $2 AND t.revoked_at IS NULL
"""
ADD_REFRESH: LiteralString = """
    INSERT INTO "authorization".refresh_token (token_sha256, grant_id, scopes, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5)
"""
REFRESH: LiteralString = """
    SELECT grant_id, scopes, expires_at, used_at
      FROM "authorization".refresh_token WHERE token_sha256 = $1 FOR UPDATE
"""
USE_REFRESH: LiteralString = """
    UPDATE "authorization".refresh_token SET used_at = $2 WHERE token_sha256 = $1
"""

ADD_LAUNCH: LiteralString = """
    INSERT INTO "authorization".launch (launch_sha256, client_id, account_id, patient_id, encounter_id,
                                        expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
LAUNCH: LiteralString = """
    SELECT patient_id, encounter_id FROM "authorization".launch
     WHERE launch_sha256 = $1 AND client_id = $2 AND account_id = $3 AND expires_at > $4
       AND used_at IS NULL
"""
USE_LAUNCH: LiteralString = """
    UPDATE "authorization".launch SET used_at = $2 WHERE launch_sha256 = $1 AND used_at IS NULL
"""
PUSH: LiteralString = """
    INSERT INTO "authorization".pushed_request (request_sha256, client_id, parameters, expires_at)
    VALUES ($1, $2, $3, $4)
"""
PUSHED: LiteralString = """
    SELECT parameters FROM "authorization".pushed_request
     WHERE request_sha256 = $1 AND client_id = $2 AND expires_at > $3 AND used_at IS NULL
"""
USE_PUSHED: LiteralString = """
    UPDATE "authorization".pushed_request SET used_at = $2
     WHERE request_sha256 = $1 AND used_at IS NULL
"""
ADD_ASSERTION: LiteralString = """
    INSERT INTO "authorization".assertion (client_id, jti_sha256, expires_at)
    VALUES ($1, $2, $3)
    ON CONFLICT (client_id, jti_sha256) DO NOTHING
"""

KEYS: LiteralString = """
    SELECT id, public, sealed, created_at, retired_at FROM "authorization".signing_key
     WHERE retired_at IS NULL OR retired_at > $1
     ORDER BY created_at DESC, id DESC
"""
ADD_KEY: LiteralString = """
    INSERT INTO "authorization".signing_key (id, public, sealed, created_at) VALUES ($1, $2, $3, $4)
"""
RETIRE_KEYS: LiteralString = """
    UPDATE "authorization".signing_key SET retired_at = $2 WHERE id <> $1 AND retired_at IS NULL
"""
ONE_KEYMAKER: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('authorization.signing_key'))"

# What nobody can use any more: kept for a day, so that a late second use is still told apart.
SWEEP: tuple[LiteralString, ...] = (
    'DELETE FROM "authorization".assertion WHERE expires_at < $1',
    'DELETE FROM "authorization".launch WHERE expires_at < $1',
    'DELETE FROM "authorization".pushed_request WHERE expires_at < $1',
    'DELETE FROM "authorization".access_token WHERE expires_at < $1',
    'DELETE FROM "authorization".grant_given WHERE account_id IS NULL AND expires_at < $1',
)
TELL: LiteralString = "SELECT pg_notify('yba_callers', $1)"
