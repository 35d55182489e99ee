-- A signed paper grows by further signatures, evidence and time stamps, each an
-- incremental update that leaves every earlier byte as it was. The newest
-- revision is what is handed out; the first is in documents.document.
CREATE TABLE documents.revision (
    document_id   text COLLATE "C" NOT NULL REFERENCES documents.document ON DELETE CASCADE,
    number        integer NOT NULL CHECK (number >= 2),
    what          text NOT NULL CHECK (what IN ('signature', 'evidence', 'renewal')),
    level         text NOT NULL CHECK (level IN ('B-B', 'B-T', 'B-LT', 'B-LTA')),
    sha256        text COLLATE "C" NOT NULL UNIQUE CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size          integer NOT NULL CHECK (size > 0),
    stamped_until timestamptz,             -- end of the certificate of the last time stamp
    at            timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (document_id, number)
);
CREATE TRIGGER revision_stays BEFORE UPDATE OR TRUNCATE ON documents.revision
    FOR EACH STATEMENT EXECUTE FUNCTION documents.refuse_change();

-- What still has to be done so that a paper lasts, and why it has not been done.
CREATE TABLE documents.lasting (
    document_id   text COLLATE "C" PRIMARY KEY REFERENCES documents.document ON DELETE CASCADE,
    level         text NOT NULL,           -- reached so far
    why           text NOT NULL DEFAULT '',-- of the last attempt that reached less than wanted
    attempts      integer NOT NULL DEFAULT 0,
    due_at        timestamptz              -- NULL: nothing to do
);
CREATE INDEX lasting_due ON documents.lasting (due_at) WHERE due_at IS NOT NULL;

-- Who holds the offices that a facility's regulation names (reviewer, head).
CREATE TABLE signing.officer (
    role          text NOT NULL CHECK (role IN ('reviewer', 'head', 'co-signer')),
    holder_id     text COLLATE "C" NOT NULL,
    holder_name   text NOT NULL,
    valid_from    date NOT NULL,
    PRIMARY KEY (role, valid_from)
);
