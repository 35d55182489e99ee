-- Bulk exports and imports: what was asked for, how far it is, what came out.
CREATE TABLE record.bulk_job (
    job_id bigint PRIMARY KEY,                                -- a snowflake, hence in order of asking
    kind text NOT NULL CHECK (kind IN ('export', 'import')),
    state text NOT NULL DEFAULT 'accepted'
        CHECK (state IN ('accepted', 'running', 'complete', 'failed', 'cancelled')),
    account_id text NOT NULL,                                 -- whoever asked; only they see it
    actor jsonb NOT NULL,
    request text NOT NULL,                                    -- the address as it was asked
    wish jsonb NOT NULL,
    asked_at timestamptz NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    transaction_time timestamptz,                             -- the moment an export shows
    snapshot text,                                            -- and what was visible then
    progress jsonb NOT NULL DEFAULT '{}',
    outcome jsonb,
    failure text,                                             -- a refusal's code and reason
    expires_at timestamptz
);
CREATE INDEX bulk_job_open ON record.bulk_job (job_id) WHERE state IN ('accepted', 'running');
CREATE INDEX bulk_job_moment ON record.bulk_job (transaction_time)
    WHERE transaction_time IS NOT NULL;
