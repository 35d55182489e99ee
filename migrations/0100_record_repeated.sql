-- Answers to writes that were sent with an idempotency key: asked again with the same key, the same
-- answer is given and nothing is done twice. Kept for two days, then forgotten.

CREATE TABLE record.repeated (
    account     text NOT NULL,
    key         text NOT NULL,
    digest      bytea NOT NULL,
    answer      bytea NOT NULL,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (account, key)
);

CREATE INDEX repeated_by_age ON record.repeated (answered_at);
