-- Search parameters that a site adds while the server runs, and the work of filing again what is stored.
-- A number is an element number (see record.keys): never used for anything else again, so that keys
-- of a parameter that is gone can never be taken for those of another.
CREATE TABLE record.parameter (
    number int GENERATED ALWAYS AS IDENTITY (START WITH 256) PRIMARY KEY,
    id text COLLATE "C" NOT NULL,                             -- of the SearchParameter resource
    url text NOT NULL,
    code text NOT NULL,
    kind text NOT NULL,
    expression text NOT NULL,
    types smallint[] NOT NULL,
    targets text[] NOT NULL,
    state text NOT NULL CHECK (state IN ('indexing', 'active', 'withdrawn'))
);
CREATE UNIQUE INDEX parameter_in_force ON record.parameter (id) WHERE state <> 'withdrawn';

-- Counts the changes of the table above; every write compares it with what its rows were filed by.
CREATE TABLE record.parameter_stamp (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    version bigint NOT NULL
);
CREATE SEQUENCE record.parameter_version;
INSERT INTO record.parameter_stamp (version) VALUES (0);

-- One line for each type that is filed again. `asked` is the transaction that wants it; nothing is
-- read before every transaction has ended that may not know of it (`barrier`).
CREATE TABLE record.reindexing (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type smallint NOT NULL,
    parameter int REFERENCES record.parameter,                -- NULL: everything of the type
    asked xid8 NOT NULL DEFAULT pg_current_xact_id(),
    asked_at timestamptz NOT NULL,
    barrier xid8,
    position bigint,                                          -- the last row that was filed again
    done bigint NOT NULL DEFAULT 0,
    total bigint,
    finished_at timestamptz
);
CREATE INDEX reindexing_open ON record.reindexing (number) WHERE finished_at IS NULL;
