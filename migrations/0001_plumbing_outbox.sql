-- Events on their way to listeners: one row per (event, listener), written in
-- the transaction that made the event true.
CREATE TABLE plumbing.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event text NOT NULL,
    listener text NOT NULL,
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts smallint NOT NULL DEFAULT 0,
    done_at timestamptz,
    error text
);

CREATE INDEX outbox_waiting ON plumbing.outbox (id) WHERE done_at IS NULL;
