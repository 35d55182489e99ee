-- Insurance: the ledger of files we issued, and the episodes read from files of other systems.
CREATE SCHEMA insurance;

CREATE FUNCTION insurance.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- An issued file is never overwritten: a correction is the next version.
CREATE TABLE insurance.claim_file (
    file_id bigint PRIMARY KEY,
    encounter_id text COLLATE "C" NOT NULL,
    patient_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('check-in', 'claim')),
    version integer NOT NULL CHECK (version >= 1),
    claim_key text COLLATE "C" NOT NULL,
    facility text COLLATE "C" NOT NULL,
    sha256 text COLLATE "C" NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size integer NOT NULL CHECK (size > 0),
    path text NOT NULL,
    is_signed boolean NOT NULL,
    errors integer NOT NULL CHECK (errors >= 0),
    warnings integer NOT NULL CHECK (warnings >= 0),
    findings jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    UNIQUE (encounter_id, kind, version)
);
CREATE INDEX claim_file_newest ON insurance.claim_file (created_at DESC, file_id DESC);
CREATE TRIGGER claim_file_stays BEFORE UPDATE OR DELETE ON insurance.claim_file
    FOR EACH STATEMENT EXECUTE FUNCTION insurance.refuse_change();

-- Whom a facility means by its own patient number (MA_BN).
CREATE TABLE insurance.person_link (
    facility text COLLATE "C" NOT NULL,
    patient_number text COLLATE "C" NOT NULL,
    patient_id text COLLATE "C" NOT NULL,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (facility, patient_number)
);
CREATE INDEX person_link_of ON insurance.person_link (patient_id);

CREATE TABLE insurance.import_batch (
    batch_id bigint PRIMARY KEY,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    actor_id text NOT NULL,
    files integer NOT NULL DEFAULT 0,
    kept integer NOT NULL DEFAULT 0,
    known integer NOT NULL DEFAULT 0,
    set_aside integer NOT NULL DEFAULT 0
);

-- One row a content: the same bytes under any name are one file.
CREATE TABLE insurance.import_file (
    sha256 text COLLATE "C" PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    batch_id bigint NOT NULL REFERENCES insurance.import_batch,
    name text NOT NULL,
    facility text COLLATE "C" NOT NULL,
    created text COLLATE "C" NOT NULL,
    episodes integer NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('kept', 'set-aside')),
    findings jsonb NOT NULL,
    read_at timestamptz NOT NULL
);
CREATE INDEX import_file_of_batch ON insurance.import_file (batch_id);

-- The episode as it was sent: every table and every field, so that it can be written again.
CREATE TABLE insurance.episode (
    facility text COLLATE "C" NOT NULL,
    claim_key text COLLATE "C" NOT NULL,
    patient_id text COLLATE "C" NOT NULL,
    encounter_id text COLLATE "C" NOT NULL,
    is_ours boolean NOT NULL,              -- the record came first; the file is kept beside it
    created text COLLATE "C" NOT NULL,     -- NGAYLAP of the file it came in
    file_sha256 text COLLATE "C" NOT NULL,
    content_hash text COLLATE "C" NOT NULL,
    tables bytea NOT NULL,                 -- JSON, zstd
    resources jsonb NOT NULL,              -- what stands for each row: name of the row to resource id
    revision integer NOT NULL CHECK (revision >= 1),
    read_at timestamptz NOT NULL,
    PRIMARY KEY (facility, claim_key)
);
CREATE INDEX episode_of_patient ON insurance.episode (patient_id);
CREATE UNIQUE INDEX episode_of_encounter ON insurance.episode (encounter_id);
