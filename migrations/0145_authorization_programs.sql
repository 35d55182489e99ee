-- Programs and what persons grant them. Codes, tokens and secrets only as SHA-256 of random
-- values; signing keys sealed by a key outside the database. "authorization" is a word of SQL,
-- hence the quotes.
CREATE SCHEMA "authorization";

CREATE TABLE "authorization".client (
    id text PRIMARY KEY,
    name text NOT NULL,
    -- How it proves itself: none (public), client_secret_basic, client_secret_post, private_key_jwt.
    method text NOT NULL
        CHECK (method IN ('none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt')),
    secret_sha256 bytea,
    jwks jsonb,
    jwks_uri text,
    redirect_uris text[] NOT NULL DEFAULT '{}',
    logout_uris text[] NOT NULL DEFAULT '{}',
    launch_uri text,
    -- The widest that it may ever be granted.
    scopes text[] NOT NULL,
    grants text[] NOT NULL,
    -- An administrator has decided for the facility's staff: they are not asked again.
    is_trusted boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    disabled_at timestamptz,
    CHECK (method NOT LIKE 'client_secret%' OR secret_sha256 IS NOT NULL),
    CHECK (method <> 'private_key_jwt' OR (jwks IS NULL) <> (jwks_uri IS NULL))
);

-- What one person (or, without an account, the program itself) granted once: a family of tokens.
CREATE TABLE "authorization".grant_given (
    id text PRIMARY KEY,
    client_id text NOT NULL REFERENCES "authorization".client,
    account_id text,
    scopes text[] NOT NULL,
    audience text,
    patient_id text,
    encounter_id text,
    session_id text,
    methods text[] NOT NULL DEFAULT '{}',
    proven_at timestamptz,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_why text
);
CREATE INDEX grant_account ON "authorization".grant_given (account_id, created_at)
    WHERE revoked_at IS NULL;
CREATE INDEX grant_client ON "authorization".grant_given (client_id) WHERE revoked_at IS NULL;

CREATE TABLE "authorization".code (
    code_sha256 bytea PRIMARY KEY,
    grant_id text NOT NULL REFERENCES "authorization".grant_given,
    redirect_uri text NOT NULL,
    challenge text NOT NULL,
    nonce text,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE TABLE "authorization".access_token (
    token_sha256 bytea PRIMARY KEY,
    grant_id text NOT NULL REFERENCES "authorization".grant_given,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX access_token_grant ON "authorization".access_token (grant_id);

CREATE TABLE "authorization".refresh_token (
    token_sha256 bytea PRIMARY KEY,
    grant_id text NOT NULL REFERENCES "authorization".grant_given,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_token_grant ON "authorization".refresh_token (grant_id);

-- A patient's chart from which a program was opened.
CREATE TABLE "authorization".launch (
    launch_sha256 bytea PRIMARY KEY,
    client_id text NOT NULL REFERENCES "authorization".client,
    account_id text NOT NULL,
    patient_id text NOT NULL,
    encounter_id text,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

-- Requests pushed ahead (RFC 9126).
CREATE TABLE "authorization".pushed_request (
    request_sha256 bytea PRIMARY KEY,
    client_id text NOT NULL REFERENCES "authorization".client,
    parameters jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

-- Assertions that were seen; each counts once (RFC 7523 section 3, jti).
CREATE TABLE "authorization".assertion (
    client_id text NOT NULL REFERENCES "authorization".client,
    jti_sha256 bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, jti_sha256)
);

CREATE TABLE "authorization".signing_key (
    id text PRIMARY KEY,
    public jsonb NOT NULL,
    sealed text NOT NULL,
    created_at timestamptz NOT NULL,
    -- No longer signs from here on; still shown, until what it signed has expired.
    retired_at timestamptz
);
