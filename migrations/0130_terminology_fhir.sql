-- Terminology in the shape of FHIR R4: code systems with hierarchies, value
-- sets with their members, maps between systems. Concepts stay in one table:
-- a national list's rows are dated, a CodeSystem's rows are open.

CREATE SEQUENCE terminology.system_number;

CREATE TABLE terminology.code_system (
    system         text COLLATE "C" PRIMARY KEY,  -- as in concept: a list's short name, or 'f12'
    number         bigint NOT NULL DEFAULT nextval('terminology.system_number'),
    url            text COLLATE "C" NOT NULL,
    version        text COLLATE "C" NOT NULL,
    name           text NOT NULL,
    status         text NOT NULL,
    content        text NOT NULL,
    language       text NOT NULL,
    case_sensitive boolean NOT NULL,
    hierarchy      text NOT NULL,             -- CodeSystem.hierarchyMeaning
    value_set      text COLLATE "C" NOT NULL, -- canonical of the set of all codes, or ''
    supplements    text COLLATE "C" NOT NULL, -- canonical of the system this one adds to, or ''
    definitions    jsonb NOT NULL,            -- properties and filters
    origin         smallint NOT NULL,         -- 0 FHIR itself, 1 national list, 2 loaded file, 3 record
    resource       text COLLATE "C" NOT NULL, -- 'CodeSystem/id' of the record, or ''
    is_current     boolean NOT NULL           -- what a URL without version means
);
CREATE INDEX code_system_by_url ON terminology.code_system (url);
CREATE INDEX code_system_by_resource ON terminology.code_system (resource) WHERE resource <> '';
CREATE INDEX code_system_by_value_set ON terminology.code_system (value_set) WHERE value_set <> '';
CREATE INDEX code_system_by_supplement ON terminology.code_system (supplements) WHERE supplements <> '';

ALTER TABLE terminology.concept
    ALTER COLUMN edition_id DROP NOT NULL,
    ADD COLUMN place        integer NOT NULL DEFAULT 0,     -- order in the CodeSystem
    ADD COLUMN definition   text NOT NULL DEFAULT '',
    ADD COLUMN designations jsonb NOT NULL DEFAULT '[]',    -- as in CodeSystem.concept.designation
    ADD COLUMN attributes   jsonb NOT NULL DEFAULT '[]',    -- {c: property, t: type, v: text, s: system, d: display}
    ADD COLUMN is_abstract  boolean NOT NULL DEFAULT false, -- a group, never recorded itself
    ADD COLUMN is_inactive  boolean NOT NULL DEFAULT false;

-- Every pair of a concept and one above it, whatever the distance.
CREATE TABLE terminology.closure (
    system     text COLLATE "C" NOT NULL,
    ancestor   text COLLATE "C" NOT NULL,
    descendant text COLLATE "C" NOT NULL CHECK (descendant <> ancestor),
    is_direct  boolean NOT NULL,
    PRIMARY KEY (system, ancestor, descendant)
);
CREATE INDEX closure_by_descendant ON terminology.closure (system, descendant);

CREATE TABLE terminology.value_set (
    value_set   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url         text COLLATE "C" NOT NULL,
    version     text COLLATE "C" NOT NULL,
    name        text NOT NULL,
    title       text NOT NULL,
    status      text NOT NULL,
    definition  jsonb NOT NULL,               -- compose, and expansion where that is all there is
    origin      smallint NOT NULL,
    resource    text COLLATE "C" NOT NULL,
    is_current  boolean NOT NULL,
    is_compiled boolean NOT NULL DEFAULT false,
    refusal     text NOT NULL DEFAULT '',     -- why it cannot be expanded
    parts       text[] NOT NULL DEFAULT '{}'  -- URLs of every system and set it is made of
);
CREATE INDEX value_set_by_url ON terminology.value_set (url);
CREATE INDEX value_set_by_resource ON terminology.value_set (resource) WHERE resource <> '';
CREATE INDEX value_set_by_part ON terminology.value_set USING gin (parts) WITH (fastupdate = off);

CREATE TABLE terminology.member (
    value_set bigint NOT NULL REFERENCES terminology.value_set ON DELETE CASCADE,
    place     integer NOT NULL,
    system    text COLLATE "C" NOT NULL,      -- as in concept; '' where the content is elsewhere
    url       text COLLATE "C" NOT NULL,
    version   text COLLATE "C" NOT NULL,
    code      text COLLATE "C" NOT NULL,
    display   text NOT NULL,                  -- where the value set says another; or ''
    search    text NOT NULL,                  -- folded words of that display
    designations jsonb,
    PRIMARY KEY (value_set, place)
);
CREATE INDEX member_by_code ON terminology.member (value_set, code);

CREATE VIEW terminology.expansion_v1 AS
    SELECT value_set, url AS system, code FROM terminology.member;

CREATE TABLE terminology.concept_map (
    concept_map bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url         text COLLATE "C" NOT NULL,
    version     text COLLATE "C" NOT NULL,
    source      text COLLATE "C" NOT NULL,
    target      text COLLATE "C" NOT NULL,
    origin      smallint NOT NULL,
    resource    text COLLATE "C" NOT NULL,
    is_current  boolean NOT NULL,
    unmapped    jsonb NOT NULL                -- one for each group that says it
);
CREATE INDEX concept_map_by_url ON terminology.concept_map (url);
CREATE INDEX concept_map_by_resource ON terminology.concept_map (resource) WHERE resource <> '';

CREATE TABLE terminology.mapping (
    concept_map    bigint NOT NULL REFERENCES terminology.concept_map ON DELETE CASCADE,
    place          integer NOT NULL,
    source_system  text COLLATE "C" NOT NULL,
    source_code    text COLLATE "C" NOT NULL,
    target_system  text COLLATE "C" NOT NULL,
    target_version text COLLATE "C" NOT NULL,
    target_code    text COLLATE "C" NOT NULL,
    target_display text NOT NULL,
    equivalence    text NOT NULL,
    depends_on     jsonb NOT NULL,
    product        jsonb NOT NULL,
    source_display text NOT NULL,
    PRIMARY KEY (concept_map, place)
);
CREATE INDEX mapping_by_source ON terminology.mapping (source_code, source_system);
CREATE INDEX mapping_by_target ON terminology.mapping (target_code, target_system);

-- Closure tables that clients keep with $closure: what was told them, and when.
CREATE TABLE terminology.client_closure (
    name    text COLLATE "C" PRIMARY KEY,
    version integer NOT NULL
);
CREATE TABLE terminology.client_concept (
    name    text COLLATE "C" NOT NULL REFERENCES terminology.client_closure ON DELETE CASCADE,
    system  text COLLATE "C" NOT NULL,
    code    text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (name, system, code)
);
