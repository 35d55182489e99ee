-- The desk's index of persons. The persons themselves are in the record.
CREATE SCHEMA parties;

CREATE SEQUENCE parties.patient_number;
CREATE SEQUENCE parties.temporary_number;

-- Numbers are cancelled and issued again, so only active ones are unique.
CREATE TABLE parties.identifier (
    identifier_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    active boolean NOT NULL DEFAULT true,
    valid_from date,
    valid_to date,
    added_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE UNIQUE INDEX identifier_active ON parties.identifier (kind, value) WHERE active;
CREATE INDEX identifier_value ON parties.identifier (value);
CREATE INDEX identifier_of_person ON parties.identifier (patient_id);

CREATE TABLE parties.person_search (
    patient_id text COLLATE "C" PRIMARY KEY,
    patient_number text COLLATE "C" NOT NULL UNIQUE,
    name text NOT NULL,
    name_folded text COLLATE "C" NOT NULL,
    birth_date text COLLATE "C" NOT NULL DEFAULT '',
    sex text COLLATE "C" NOT NULL,
    identity_number text COLLATE "C" NOT NULL DEFAULT '',
    card_number text COLLATE "C" NOT NULL DEFAULT '',
    phone text COLLATE "C" NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    coverage_id text COLLATE "C" NOT NULL DEFAULT '',
    active boolean NOT NULL DEFAULT true,
    -- Kinds of words are told apart by a letter: n name, y m b birth, i number, p phone.
    words tsvector NOT NULL,
    seen_at timestamptz NOT NULL
);
CREATE INDEX person_words ON parties.person_search USING gin (words) WITH (fastupdate = off);
CREATE INDEX person_name ON parties.person_search (name_folded, birth_date);
CREATE INDEX person_seen ON parties.person_search (seen_at DESC, patient_id);

CREATE VIEW parties.person_v1 AS
SELECT patient_id, patient_number, name, birth_date, sex, identity_number, card_number,
       phone, address, coverage_id, active
  FROM parties.person_search;
