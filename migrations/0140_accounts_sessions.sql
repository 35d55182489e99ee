-- Sessions that can be listed, proven again and ended one by one; second factors; attempts.
ALTER TABLE accounts.account
    ADD COLUMN departments text[] NOT NULL DEFAULT '{}',
    ADD COLUMN last_seen_at timestamptz;

-- `id` is shown in lists and traces; the token itself is stored nowhere.
ALTER TABLE accounts.session
    ADD COLUMN id text COLLATE "C",
    ADD COLUMN methods text[] NOT NULL DEFAULT '{}',
    ADD COLUMN proven_at timestamptz,
    ADD COLUMN last_seen_at timestamptz,
    ADD COLUMN device text NOT NULL DEFAULT '';
UPDATE accounts.session SET id = encode(token_sha256, 'hex');
ALTER TABLE accounts.session ALTER COLUMN id SET NOT NULL;
CREATE UNIQUE INDEX session_id ON accounts.session (id);
ALTER TABLE accounts.session DROP CONSTRAINT session_kind_check;
-- A pending session has passed the password and waits for the second factor.
ALTER TABLE accounts.session ADD CHECK (kind IN ('browser', 'bearer', 'pending'));

CREATE TABLE accounts.passkey (
    credential_id bytea PRIMARY KEY,
    account_id    text NOT NULL REFERENCES accounts.account,
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL,
    transports    text[] NOT NULL,
    name          text NOT NULL,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz
);
CREATE INDEX passkey_account ON accounts.passkey (account_id);

-- The seed is encrypted with a key that is not in the database.
CREATE TABLE accounts.totp (
    account_id   text PRIMARY KEY REFERENCES accounts.account,
    sealed       bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint NOT NULL DEFAULT 0
);

CREATE TABLE accounts.recovery_code (
    code_sha256 bytea PRIMARY KEY,
    account_id  text NOT NULL REFERENCES accounts.account,
    created_at  timestamptz NOT NULL,
    used_at     timestamptz
);
CREATE INDEX recovery_code_account ON accounts.recovery_code (account_id);

-- What a passkey must sign: used once, for minutes, by the browser it was given to.
CREATE TABLE accounts.challenge (
    holder_sha256 bytea PRIMARY KEY,
    challenge     bytea NOT NULL,
    purpose       text NOT NULL CHECK (purpose IN ('sign-in', 'add')),
    account_id    text,
    expires_at    timestamptz NOT NULL
);

-- Failures are counted by who asks from where, so that a stranger locks himself out.
CREATE UNLOGGED TABLE accounts.attempt (
    bucket       bytea PRIMARY KEY,
    failed       int NOT NULL,
    since        timestamptz NOT NULL,
    locked_until timestamptz
);
