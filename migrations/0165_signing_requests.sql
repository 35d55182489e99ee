-- Signing in order, by several people, for one another, and for a long time.

-- A certificate of a licensed authority comes with its issuers and a title.
ALTER TABLE signing.certificate
    ADD COLUMN chain bytea[] NOT NULL DEFAULT '{}',
    ADD COLUMN title text NOT NULL DEFAULT '',
    DROP CONSTRAINT certificate_key_place_check,
    ADD CONSTRAINT certificate_key_place_check
        CHECK (key_place IN ('software', 'pkcs11', 'remote', 'agent'));

-- What was known of the certificate when it signed, and for whom it signed.
ALTER TABLE signing.signature
    ADD COLUMN on_behalf_of text NOT NULL DEFAULT '',
    ADD COLUMN certificate_state text NOT NULL DEFAULT 'unknown',
    DROP CONSTRAINT signature_role_check,
    ADD CONSTRAINT signature_role_check
        CHECK (role IN ('author', 'reviewer', 'head', 'co-signer', 'organisation')),
    DROP CONSTRAINT signature_level_check,
    ADD CONSTRAINT signature_level_check CHECK (level IN ('B-B', 'B-T', 'B-LT', 'B-LTA'));

-- Who signs which paper, and in what order: the facility's regulation
-- (Circular 13/2025/TT-BYT asks for one). The newest line in force counts.
CREATE TABLE signing.regulation (
    kind           text COLLATE "C" NOT NULL,     -- of a paper, as its context calls it
    valid_from     date NOT NULL,
    roles          text[] NOT NULL CHECK (cardinality(roles) > 0),
    source         text NOT NULL DEFAULT '',
    PRIMARY KEY (kind, valid_from)
);
INSERT INTO signing.regulation (kind, valid_from, roles, source) VALUES
    ('outpatient-record', '2025-07-21', '{author,organisation}', 'Thông tư 13/2025/TT-BYT điều 3'),
    ('laboratory-report', '2025-07-21', '{author,organisation}', 'Thông tư 13/2025/TT-BYT điều 3'),
    ('prescription', '2025-07-21', '{author}', 'Thông tư 26/2025/TT-BYT');

-- A paper that waits for signatures.
CREATE TABLE signing.request (
    request_id     bigint PRIMARY KEY,
    kind           text COLLATE "C" NOT NULL,
    about          text COLLATE "C" NOT NULL,     -- what its context composes it from
    encounter_id   text COLLATE "C" NOT NULL,
    patient_id     text COLLATE "C" NOT NULL,
    summary        text NOT NULL,                 -- what the signer reads in the list
    document       text COLLATE "C" NOT NULL DEFAULT '',  -- a FHIR reference, once there is one
    state          text NOT NULL DEFAULT 'open'
                   CHECK (state IN ('open', 'signed', 'refused', 'withdrawn')),
    opened_at      timestamptz NOT NULL,
    closed_at      timestamptz,
    CHECK ((state = 'open') = (closed_at IS NULL))
);
CREATE UNIQUE INDEX request_open ON signing.request (kind, about) WHERE state = 'open';
CREATE INDEX request_of_encounter ON signing.request (encounter_id);

CREATE TABLE signing.step (
    request_id     bigint NOT NULL REFERENCES signing.request,
    position       smallint NOT NULL CHECK (position >= 1),
    role           text NOT NULL
                   CHECK (role IN ('author', 'reviewer', 'head', 'co-signer', 'organisation')),
    holder_id      text COLLATE "C" NOT NULL,     -- practitioner, or facility of a seal
    holder_name    text NOT NULL,
    state          text NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'signed', 'refused')),
    signed_by      text COLLATE "C" NOT NULL DEFAULT '',  -- another than the holder: delegated
    signature_id   bigint REFERENCES signing.signature,
    reason         text NOT NULL DEFAULT '',
    at             timestamptz,
    PRIMARY KEY (request_id, position),
    CHECK ((state = 'waiting') = (at IS NULL)),
    CHECK (state <> 'refused' OR reason <> '')
);
CREATE INDEX step_waiting ON signing.step (holder_id) WHERE state = 'waiting';

-- Who may sign for whom, from when to when, and which papers (none named: all).
CREATE TABLE signing.delegation (
    delegation_id  bigint PRIMARY KEY,
    giver_id       text COLLATE "C" NOT NULL,
    giver_name     text NOT NULL,
    taker_id       text COLLATE "C" NOT NULL CHECK (taker_id <> giver_id),
    taker_name     text NOT NULL,
    kinds          text[] NOT NULL DEFAULT '{}',
    reason         text NOT NULL CHECK (reason <> ''),
    valid_from     timestamptz NOT NULL,
    valid_to       timestamptz NOT NULL CHECK (valid_to > valid_from),
    given_at       timestamptz NOT NULL,
    ended_at       timestamptz
);
CREATE INDEX delegation_taken ON signing.delegation (taker_id) WHERE ended_at IS NULL;

-- Programs at a clinician's PC that reach her token. The server keeps hashes
-- of their tokens, and of a PIN nothing at all.
CREATE TABLE signing.agent (
    agent_id       bigint PRIMARY KEY,
    account_id     text COLLATE "C" NOT NULL,
    name           text NOT NULL,
    code_hash      bytea UNIQUE,                  -- of the pairing code, until it is used
    code_until     timestamptz,
    token_hash     bytea UNIQUE,
    paired_at      timestamptz,
    seen_at        timestamptz,
    ended_at       timestamptz
);
CREATE INDEX agent_of_account ON signing.agent (account_id) WHERE ended_at IS NULL;

CREATE TABLE signing.agent_task (
    task_id        bigint PRIMARY KEY,
    agent_id       bigint NOT NULL REFERENCES signing.agent,
    key_label      text NOT NULL,
    summary        text NOT NULL,
    lines          text[] NOT NULL,
    digests        bytea[] NOT NULL,
    signatures     bytea[],
    refused        text NOT NULL DEFAULT '',      -- a code of our own list
    asked_at       timestamptz NOT NULL,
    until          timestamptz NOT NULL,
    taken_at       timestamptz,
    done_at        timestamptz
);
CREATE INDEX agent_task_open ON signing.agent_task (agent_id, task_id) WHERE done_at IS NULL;
