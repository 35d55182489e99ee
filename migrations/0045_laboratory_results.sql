-- Requests and results until they are released to the record.
CREATE SCHEMA laboratory;

CREATE TABLE laboratory.request (
    request_id text COLLATE "C" PRIMARY KEY,
    item_id bigint NOT NULL,
    encounter_id text COLLATE "C" NOT NULL,
    patient_id text COLLATE "C" NOT NULL,
    service_code text COLLATE "C" NOT NULL,
    service_name text NOT NULL,
    urgent boolean NOT NULL DEFAULT false,
    state text COLLATE "C" NOT NULL CHECK (
        state IN ('ordered', 'collected', 'entered', 'verified', 'released', 'cancelled')
    ),
    specimen_number text COLLATE "C" UNIQUE,
    ordered_at timestamptz NOT NULL,
    collected_at timestamptz,
    entered_at timestamptz,
    entered_by text COLLATE "C" NOT NULL DEFAULT '',
    verified_at timestamptz,
    verified_by text COLLATE "C" NOT NULL DEFAULT '',
    released_at timestamptz,
    correction_reason text NOT NULL DEFAULT '',
    report_id text COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX request_open ON laboratory.request (state, urgent DESC, ordered_at)
 WHERE state IN ('ordered', 'collected', 'entered', 'verified');
CREATE INDEX request_of_visit ON laboratory.request (encounter_id);

CREATE SEQUENCE laboratory.specimen_number;

CREATE TABLE laboratory.result (
    result_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id text COLLATE "C" NOT NULL REFERENCES laboratory.request,
    index_code text COLLATE "C" NOT NULL,
    position smallint NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    unit text NOT NULL DEFAULT '',
    reference text NOT NULL DEFAULT '',
    flag text COLLATE "C" NOT NULL DEFAULT '',
    entered_at timestamptz NOT NULL,
    entered_by text COLLATE "C" NOT NULL,
    observation_id text COLLATE "C" NOT NULL DEFAULT '',
    -- A corrected value replaces the row of the screen; the former stays here.
    replaced_at timestamptz
);
CREATE UNIQUE INDEX result_current ON laboratory.result (request_id, index_code)
 WHERE replaced_at IS NULL;

-- A site with one technician says so here; everybody else needs a second person.
CREATE TABLE laboratory.policy (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    single_verifier boolean NOT NULL DEFAULT false
);
INSERT INTO laboratory.policy DEFAULT VALUES;

-- Nothing unreleased is in a published view.
CREATE VIEW laboratory.released_result_v1 AS
SELECT r.request_id, q.encounter_id, q.patient_id, q.service_code, r.index_code, r.position,
       r.name, r.value, r.unit, r.reference, r.flag, r.observation_id, q.released_at
  FROM laboratory.result r
  JOIN laboratory.request q USING (request_id)
 WHERE q.state = 'released' AND r.replaced_at IS NULL;
