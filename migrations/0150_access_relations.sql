-- Who may see which patient's record, and why. A patient is named by the row number of her Patient
-- in the record, because the record's own statements join these rows.
CREATE SCHEMA access;

-- One reason why somebody may: a visit, an order, a grant, an emergency, a mother.
-- holder: account:<id>, department:<clinic id or department code>, person:<Patient id>.
CREATE TABLE access.relation (
    relation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient     bigint NOT NULL,
    patient_id  text COLLATE "C" NOT NULL,
    holder      text COLLATE "C" NOT NULL
                CHECK (holder ~ '^(account|department|person):.'),
    kind        text COLLATE "C" NOT NULL CHECK (kind IN (
                    'visit', 'order', 'referral', 'document', 'bill', 'grant', 'break-glass',
                    'proxy', 'author', 'need', 'share')),
    -- Which types of resources it opens, of those that the holder's role may see at all.
    extent      text COLLATE "C" NOT NULL DEFAULT 'care' CHECK (extent IN ('care', 'summary')),
    -- Bits of the restricted categories that it opens too.
    categories  int NOT NULL DEFAULT 0,
    -- Whether it opens what the citizen has hidden (emergencies).
    overrides   boolean NOT NULL DEFAULT false,
    -- Where it comes from: Encounter/…, ServiceRequest/…; never a text about the patient.
    why         text COLLATE "C" NOT NULL DEFAULT '',
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL DEFAULT 'infinity',
    UNIQUE (patient, holder, kind, why)
);
CREATE INDEX relation_of_holder ON access.relation (holder, until);
CREATE INDEX relation_by_reason ON access.relation (why, kind);

-- What the guard of the record joins.
CREATE VIEW access.relation_v1 AS
SELECT patient, holder, extent, categories, overrides, since, until FROM access.relation;

-- What a citizen has hidden; holder NULL: from everybody, rid NULL: everything clinical.
CREATE VIEW access.restriction_v1 AS
SELECT NULL::bigint AS patient, NULL::text AS holder, NULL::smallint AS type, NULL::bigint AS rid,
       NULL::timestamptz AS since, NULL::timestamptz AS until
 WHERE false;

-- Emergencies: each is looked at afterwards by somebody else.
CREATE TABLE access.emergency (
    emergency_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id  text COLLATE "C" NOT NULL,
    account_id  text COLLATE "C" NOT NULL,
    account_name text NOT NULL,
    reason      text NOT NULL,
    began_at    timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    reviewer_id text COLLATE "C",
    reviewer_name text NOT NULL DEFAULT '',
    reviewed_at timestamptz,
    verdict     text COLLATE "C" CHECK (verdict IN ('justified', 'unjustified')),
    note        text NOT NULL DEFAULT ''
);
CREATE INDEX emergency_open ON access.emergency (began_at) WHERE verdict IS NULL;

-- Requests to see a record for a purpose, until a day; decided by a head of department.
CREATE TABLE access.request (
    request_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id  text COLLATE "C" NOT NULL,
    account_id  text COLLATE "C" NOT NULL,
    account_name text NOT NULL,
    purpose     text COLLATE "C" NOT NULL,
    reason      text NOT NULL,
    asked_at    timestamptz NOT NULL,
    decider_id  text COLLATE "C",
    decider_name text NOT NULL DEFAULT '',
    decided_at  timestamptz,
    granted     boolean,
    until       timestamptz
);
CREATE INDEX request_open ON access.request (asked_at) WHERE granted IS NULL;
CREATE UNIQUE INDEX request_once ON access.request (patient_id, account_id) WHERE granted IS NULL;
