-- Staff and citizens who may sign in; sessions and bearer tokens by hash only.
CREATE SCHEMA accounts;

CREATE TABLE accounts.account (
    id text PRIMARY KEY,
    login text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    name text NOT NULL,
    roles text[] NOT NULL,
    practitioner_id text,
    patient_id text,
    licence text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    failed_attempts int NOT NULL DEFAULT 0,
    locked_until timestamptz
);

CREATE UNIQUE INDEX account_patient ON accounts.account (patient_id)
    WHERE patient_id IS NOT NULL AND disabled_at IS NULL;

CREATE TABLE accounts.session (
    token_sha256 bytea PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts.account,
    kind text NOT NULL CHECK (kind IN ('browser', 'bearer')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);

CREATE INDEX session_account ON accounts.session (account_id);
