-- The state machine of a visit; what was found lives in the record.
CREATE SCHEMA encounters;

CREATE TABLE encounters.visit (
    encounter_id text COLLATE "C" PRIMARY KEY,
    patient_id text COLLATE "C" NOT NULL,
    claim_key text COLLATE "C" NOT NULL UNIQUE,
    idempotency_key text COLLATE "C" UNIQUE,
    state text COLLATE "C" NOT NULL CHECK (
        state IN ('arrived', 'in-progress', 'finished', 'cancelled')
    ),
    facility_code text COLLATE "C" NOT NULL,
    clinic_id text COLLATE "C" NOT NULL,
    item_id bigint,
    practitioner_id text COLLATE "C" NOT NULL DEFAULT '',
    -- Where the record keeps the one note and the one follow-up of the visit.
    note_id text COLLATE "C" NOT NULL DEFAULT '',
    follow_up_id text COLLATE "C" NOT NULL DEFAULT '',
    opened_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE INDEX visit_of_patient ON encounters.visit (patient_id, opened_at DESC);
-- Nobody waits twice for the same clinic.
CREATE UNIQUE INDEX visit_open ON encounters.visit (patient_id, clinic_id)
 WHERE state IN ('arrived', 'in-progress');
CREATE INDEX visit_closed ON encounters.visit (facility_code, closed_at) WHERE closed_at IS NOT NULL;

CREATE VIEW encounters.visit_v1 AS
SELECT encounter_id, patient_id, claim_key, state, facility_code, clinic_id, item_id,
       practitioner_id, opened_at, closed_at
  FROM encounters.visit;
