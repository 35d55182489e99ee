-- What was said on paper: who saw it signed, and its scan (a blob by hash) where there is one.
ALTER TABLE consent.decision
    ADD COLUMN witness text NOT NULL DEFAULT '',
    ADD COLUMN scan text COLLATE "C" NOT NULL DEFAULT ''
        CHECK (scan = '' OR scan ~ '^[0-9a-f]{64}$'),
    ADD COLUMN withdrawal_evidence text NOT NULL DEFAULT '',
    ADD COLUMN withdrawal_witness text NOT NULL DEFAULT '';
