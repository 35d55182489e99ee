-- Documents: the register of signed papers, as the public check needs it.
-- What the document says is in the blob store; what it is, in the record
-- (DocumentReference with the same id).

CREATE SCHEMA documents;

CREATE TABLE documents.document (
    document_id   text COLLATE "C" PRIMARY KEY,   -- also the id of its DocumentReference
    short_id      text COLLATE "C" NOT NULL UNIQUE CHECK (short_id ~ '^[0-9a-z]{12}$'),
    kind          text NOT NULL,
    about         text COLLATE "C" NOT NULL,      -- what its versions have in common: visit, prescription
    encounter_id  text COLLATE "C" NOT NULL,
    patient_id    text COLLATE "C" NOT NULL,
    version       integer NOT NULL CHECK (version >= 1),
    replaces      text COLLATE "C" UNIQUE REFERENCES documents.document,
    reason        text NOT NULL DEFAULT '',       -- why this version replaces the former
    sha256        text COLLATE "C" NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    content_hash  text COLLATE "C" NOT NULL,      -- of what was composed, before signing
    size          integer NOT NULL CHECK (size > 0),
    signer_name   text NOT NULL,
    signer_licence text NOT NULL DEFAULT '',
    facility      text NOT NULL,
    signed_at     timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (kind, about, version),
    CHECK ((version = 1) = (replaces IS NULL)),
    CHECK (version = 1 OR reason <> '')
);
CREATE INDEX document_by_encounter ON documents.document (encounter_id, document_id);
CREATE INDEX document_by_patient ON documents.document (patient_id, document_id);
CREATE INDEX document_by_hash ON documents.document (sha256);

CREATE FUNCTION documents.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a signed document is never changed: sign a new version';
END
$$;
CREATE TRIGGER document_stays BEFORE UPDATE OR DELETE ON documents.document
    FOR EACH STATEMENT EXECUTE FUNCTION documents.refuse_change();

-- Paper copies are counted, so that each says how many went before it.
CREATE TABLE documents.paper_copy (
    document_id   text COLLATE "C" NOT NULL REFERENCES documents.document,
    number        integer NOT NULL CHECK (number >= 1),
    account_id    text NOT NULL,
    person        text NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (document_id, number)
);
