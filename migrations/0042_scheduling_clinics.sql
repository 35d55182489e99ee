-- Rooms that see patients, and the counters behind their tickets.
CREATE SCHEMA scheduling;

CREATE TABLE scheduling.clinic (
    clinic_id text COLLATE "C" PRIMARY KEY,
    facility_code text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    room text NOT NULL DEFAULT '',
    department_code text COLLATE "C" NOT NULL DEFAULT '',
    ticket_prefix text NOT NULL DEFAULT '',
    exam_service_code text COLLATE "C" NOT NULL DEFAULT '',
    position smallint NOT NULL DEFAULT 0,
    open boolean NOT NULL DEFAULT true,
    UNIQUE (facility_code, code)
);

-- The row is locked until its transaction ends: no number twice, none missing.
CREATE TABLE scheduling.counter (
    clinic_id text COLLATE "C" NOT NULL REFERENCES scheduling.clinic,
    day date NOT NULL,
    last integer NOT NULL,
    PRIMARY KEY (clinic_id, day)
);

CREATE TABLE scheduling.ticket (
    item_id bigint PRIMARY KEY,
    clinic_id text COLLATE "C" NOT NULL REFERENCES scheduling.clinic,
    day date NOT NULL,
    sequence integer NOT NULL,
    encounter_id text COLLATE "C" NOT NULL DEFAULT '',
    patient_id text COLLATE "C" NOT NULL DEFAULT '',
    priority_reason text COLLATE "C" NOT NULL DEFAULT '',
    issued_at timestamptz NOT NULL,
    called_at timestamptz,
    UNIQUE (clinic_id, day, sequence)
);
CREATE INDEX ticket_of_visit ON scheduling.ticket (encounter_id);

CREATE VIEW scheduling.clinic_v1 AS
SELECT clinic_id, facility_code, code, name, room, department_code, ticket_prefix,
       exam_service_code, position, open
  FROM scheduling.clinic;
CREATE VIEW scheduling.ticket_v1 AS
SELECT item_id, clinic_id, day, sequence, encounter_id, patient_id, priority_reason,
       issued_at, called_at
  FROM scheduling.ticket;
