-- A code that lets a citizen open her own account, handed out at the desk after
-- her card was seen. Only its hash is kept; used once, for some days.
CREATE TABLE accounts.invitation (
    code_sha256 bytea PRIMARY KEY,
    patient_id text NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
