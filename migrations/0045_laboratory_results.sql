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
