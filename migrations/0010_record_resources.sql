-- The record: current resources, superseded states, and the values they are found by.
-- docs/adr/0010-record-storage.md explains each choice and what it was measured against.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE SCHEMA record;

-- One row per resource. rid is the snowflake written in the id, or a negative hash of a
-- foreign id (then fid holds the id), so it is always computed and never looked up.
-- keys holds 64-bit keys of tokens, references, uris and exact strings of this type.
CREATE TABLE record.resource (
    rid bigint NOT NULL,
    updated bigint NOT NULL,                                  -- microseconds since 1970 UTC
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    patient bigint,                                           -- rid of the patient it is about
    ts bigint NOT NULL,                                       -- clinical time: first microsecond
    te bigint NOT NULL,                                       -- and last; both -2^63+1 without one
    present bigint NOT NULL DEFAULT 0,                        -- bit per element that has a value
    version int NOT NULL,
    type smallint NOT NULL,
    flags smallint NOT NULL DEFAULT 0,                        -- 1 deleted, 2 several clinical times
    fid text COLLATE "C",
    keys bigint[] NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (type, rid)
);
ALTER TABLE record.resource ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE record.resource ALTER COLUMN keys SET STORAGE EXTERNAL;
ALTER TABLE record.resource ALTER COLUMN keys SET STATISTICS 1000;
ALTER TABLE record.resource SET (
    toast_tuple_target = 8160,
    autovacuum_vacuum_insert_scale_factor = 0.1,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05
);
CREATE INDEX resource_keys ON record.resource USING gin (keys)
    WITH (fastupdate = on, gin_pending_list_limit = 1024);
CREATE INDEX resource_patient ON record.resource (patient, type, ts) WHERE patient IS NOT NULL;
CREATE INDEX resource_time ON record.resource (type, ts, rid);
CREATE INDEX resource_span ON record.resource (type, te) WHERE te > ts + 86400000000;
CREATE INDEX resource_updated ON record.resource (type, updated);
CREATE INDEX resource_xid ON record.resource (xid);

-- States that were superseded, deletions included; written by updates and deletes only.
CREATE TABLE record.history (
    rid bigint NOT NULL,
    updated bigint NOT NULL,
    xid xid8 NOT NULL,
    version int NOT NULL,
    type smallint NOT NULL,
    flags smallint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (type, rid, version)
);
ALTER TABLE record.history ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX history_updated ON record.history (type, updated);

-- Dates that are not the clinical time, numbers, quantities, and composites that end in one.
CREATE TABLE record.range (
    k bigint NOT NULL,
    lo bigint NOT NULL,
    hi bigint NOT NULL,
    rid bigint NOT NULL,
    type smallint NOT NULL
);
CREATE INDEX range_value ON record.range (k, lo, hi, rid);
CREATE INDEX range_rid ON record.range (rid);

-- Texts, folded: no accents, lower case.
CREATE TABLE record.string (
    k bigint NOT NULL,
    rid bigint NOT NULL,
    type smallint NOT NULL,
    v text COLLATE "C" NOT NULL
);
CREATE INDEX string_value ON record.string (k, v, rid);
CREATE INDEX string_rid ON record.string (rid);
CREATE INDEX string_contains ON record.string USING gin (v gin_trgm_ops);

-- The true value of every coded key, once: answers searches by bare code or by system alone,
-- and proves that two values do not share a key.
CREATE TABLE record.term (
    k bigint PRIMARY KEY,
    scope bigint NOT NULL,
    system text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    second_system text COLLATE "C" NOT NULL DEFAULT '',       -- of a quantity or a composite
    second_code text COLLATE "C" NOT NULL DEFAULT '',
    unit text COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX term_code ON record.term (scope, code);

-- What a write statement takes: arrays of these (keys as text: twice as fast through the driver).
CREATE TYPE record.resource_row AS (
    rid bigint, updated bigint, patient bigint, ts bigint, te bigint, present bigint,
    version int, type smallint, flags smallint, fid text, keys text, body bytea
);
CREATE TYPE record.range_row AS (k bigint, lo bigint, hi bigint, rid bigint, type smallint);
CREATE TYPE record.string_row AS (k bigint, rid bigint, type smallint, v text);
CREATE TYPE record.term_row AS (
    k bigint, scope bigint, system text, code text,
    second_system text, second_code text, unit text
);
