-- Members of staff set their own password with a code, too; a lost factor is taken away by two.
ALTER TABLE accounts.invitation ALTER COLUMN patient_id DROP NOT NULL;
ALTER TABLE accounts.invitation ADD COLUMN account_id text REFERENCES accounts.account;
ALTER TABLE accounts.invitation ADD CHECK ((patient_id IS NULL) <> (account_id IS NULL));

CREATE TABLE accounts.factor_reset (
    reset_id     bigint PRIMARY KEY,
    account_id   text NOT NULL REFERENCES accounts.account,
    asked_by     text NOT NULL,
    asked_name   text NOT NULL,
    reason       text NOT NULL CHECK (reason <> ''),
    asked_at     timestamptz NOT NULL,
    confirmed_by text,
    confirmed_at timestamptz,
    CHECK (confirmed_by IS DISTINCT FROM asked_by)
);
CREATE UNIQUE INDEX factor_reset_open ON accounts.factor_reset (account_id)
    WHERE confirmed_at IS NULL;
ALTER TABLE accounts.account ADD COLUMN enabled_at timestamptz;
