-- Terminology: every coding system as dated rows. A code may occur several
-- times, once for each validity; nothing is rewritten when a list changes.

CREATE SCHEMA terminology;

-- One row for each list that was loaded: the program's own or the ministry's.
CREATE TABLE terminology.edition (
    edition_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    system       text COLLATE "C" NOT NULL,
    source       text NOT NULL,
    fingerprint  text NOT NULL,              -- sha-256 of the file's rows
    is_shipped   boolean NOT NULL,
    is_complete  boolean NOT NULL,          -- codes it lacks are out of force
    valid_from   date,                       -- NULL when each row has its own
    row_count    integer NOT NULL CHECK (row_count >= 0),
    loaded_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX edition_by_system ON terminology.edition (system, edition_id DESC);

CREATE TABLE terminology.concept (
    system       text COLLATE "C" NOT NULL,
    code         text COLLATE "C" NOT NULL CHECK (code <> ''),
    valid_from   date NOT NULL,
    valid_to     date,                       -- last day in force; NULL = open
    name_vi      text NOT NULL CHECK (name_vi <> ''),
    name_en      text NOT NULL DEFAULT '',
    is_common    boolean NOT NULL DEFAULT false,
    search       text COLLATE "C" NOT NULL CHECK (search <> ''),  -- folded words, one space between
    properties   jsonb NOT NULL DEFAULT '{}',
    edition_id   bigint NOT NULL REFERENCES terminology.edition,
    code_key     text COLLATE "C" NOT NULL GENERATED ALWAYS AS (upper(replace(code, '.', ''))) STORED,
    sex          text GENERATED ALWAYS AS (properties ->> 'sex') STORED,
    min_age_days integer GENERATED ALWAYS AS ((properties ->> 'min_age_days')::integer) STORED,
    max_age_days integer GENERATED ALWAYS AS ((properties ->> 'max_age_days')::integer) STORED,
    -- The system is a lexeme too, so that one index serves every search.
    words        tsvector GENERATED ALWAYS AS (
                     array_to_tsvector(string_to_array(search, ' ') || ('#' || system))
                 ) STORED,
    PRIMARY KEY (system, code, valid_from),
    -- A validity that ends the day before it began was withdrawn before use.
    CHECK (valid_to >= valid_from - 1),
    CHECK (sex IN ('male', 'female'))
);
CREATE INDEX concept_by_code ON terminology.concept (system, code_key);
CREATE INDEX concept_by_word ON terminology.concept USING gin (words) WITH (fastupdate = off);
