-- The medical record as a whole: where it stands, what keeps it, how it ends.
-- Steps, circumstances, annexes, holds, hand-overs and destructions are append-only: what was
-- true is never rewritten. The one row that changes, archive.record, moves along allowed ways only.
CREATE SCHEMA archive;

CREATE TABLE archive.record (
    encounter_id  text COLLATE "C" PRIMARY KEY,
    patient_id    text COLLATE "C" NOT NULL,       -- emptied when the record is destroyed
    claim_key     text COLLATE "C" NOT NULL,
    state         text COLLATE "C" NOT NULL DEFAULT 'draft'
                  CHECK (state IN ('draft', 'active', 'closed', 'archived', 'destroyed')),
    cancelled     boolean NOT NULL DEFAULT false,  -- a visible mark, never a deletion
    begun_at      timestamptz NOT NULL,
    ended_on      date,                            -- the day on which the work ended
    retention     text COLLATE "C" NOT NULL DEFAULT '',  -- class in force, '' until it has ended
    keep_until    date,                            -- last day of keeping; 'infinity' for ever
    changed_at    timestamptz NOT NULL,
    CHECK ((state IN ('archived', 'destroyed')) <= (keep_until IS NOT NULL)),
    CHECK ((state = 'destroyed') = (patient_id = ''))
);
CREATE INDEX record_by_state ON archive.record (state, begun_at DESC);
CREATE INDEX record_by_patient ON archive.record (patient_id);
CREATE INDEX record_due ON archive.record (keep_until) WHERE state = 'archived';

CREATE TABLE archive.step (
    encounter_id  text COLLATE "C" NOT NULL REFERENCES archive.record,
    number        integer NOT NULL CHECK (number >= 1),
    what          text COLLATE "C" NOT NULL
                  CHECK (what IN ('begin', 'activate', 'close', 'reopen', 'archive', 'cancel', 'restore',
                                  'raise-retention', 'annex', 'hold', 'lift-hold', 'hand-over', 'reader', 'destroy')),
    state         text COLLATE "C" NOT NULL,
    reason        text NOT NULL DEFAULT '',
    account_id    text NOT NULL,
    person        text NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (encounter_id, number),
    CHECK (what NOT IN ('reopen', 'cancel', 'restore', 'hold', 'lift-hold', 'destroy') OR reason <> '')
);

CREATE TABLE archive.circumstance (
    encounter_id  text COLLATE "C" NOT NULL REFERENCES archive.record,
    kind          text COLLATE "C" NOT NULL,
    source        text COLLATE "C" NOT NULL CHECK (source IN ('visit', 'person')),
    known_at      timestamptz NOT NULL,
    PRIMARY KEY (encounter_id, kind)
);

-- What came after archiving: signed, beside the record, never inside it.
CREATE TABLE archive.annex (
    encounter_id  text COLLATE "C" NOT NULL REFERENCES archive.record,
    document_id   text COLLATE "C" NOT NULL,
    reason        text NOT NULL CHECK (reason <> ''),
    at            timestamptz NOT NULL,
    PRIMARY KEY (encounter_id, document_id)
);

CREATE TABLE archive.hold (
    hold_id       text COLLATE "C" PRIMARY KEY,
    encounter_id  text COLLATE "C" NOT NULL REFERENCES archive.record,
    ordered_by    text NOT NULL CHECK (ordered_by <> ''),
    reason        text NOT NULL CHECK (reason <> ''),
    account_id    text NOT NULL,
    at            timestamptz NOT NULL
);
CREATE INDEX hold_of_record ON archive.hold (encounter_id);
CREATE TABLE archive.hold_end (
    hold_id       text COLLATE "C" PRIMARY KEY REFERENCES archive.hold,
    reason        text NOT NULL CHECK (reason <> ''),
    account_id    text NOT NULL,
    at            timestamptz NOT NULL
);

-- Who may read (and copy) one record after archiving, on which ground, until when
-- (Law 15/2023/QH15 art. 69). Ends by its day; a later row for the same account rules.
CREATE TABLE archive.reader (
    reader_id     text COLLATE "C" PRIMARY KEY,
    encounter_id  text COLLATE "C" NOT NULL REFERENCES archive.record,
    account_id    text COLLATE "C" NOT NULL,
    ground        text COLLATE "C" NOT NULL CHECK (ground IN (
                      'court', 'police', 'inspection', 'forensic', 'lawyer', 'insurer', 'student',
                      'treatment', 'other-facility')),
    may_copy      boolean NOT NULL,
    purpose       text NOT NULL CHECK (purpose <> ''),
    given_by      text NOT NULL,
    at            timestamptz NOT NULL,
    until         timestamptz NOT NULL CHECK (until > at)
);
CREATE INDEX reader_of_record ON archive.reader (encounter_id, account_id, at DESC);

-- A destruction: the list, its approval by somebody else, what was done, the signed minutes.
CREATE TABLE archive.destruction (
    destruction_id text COLLATE "C" PRIMARY KEY,
    proposed_by   text NOT NULL,
    proposer      text NOT NULL,
    proposed_at   timestamptz NOT NULL,
    reason        text NOT NULL CHECK (reason <> '')
);
CREATE TABLE archive.destruction_line (
    destruction_id text COLLATE "C" NOT NULL REFERENCES archive.destruction,
    encounter_id  text COLLATE "C" NOT NULL REFERENCES archive.record,
    claim_key     text COLLATE "C" NOT NULL,
    retention     text COLLATE "C" NOT NULL,
    keep_until    date NOT NULL,
    PRIMARY KEY (destruction_id, encounter_id)
);
CREATE INDEX destruction_line_of_record ON archive.destruction_line (encounter_id);
CREATE TABLE archive.destruction_approval (
    destruction_id text COLLATE "C" PRIMARY KEY REFERENCES archive.destruction,
    account_id    text NOT NULL,
    person        text NOT NULL,
    at            timestamptz NOT NULL
);
CREATE TABLE archive.destruction_done (
    destruction_id text COLLATE "C" PRIMARY KEY REFERENCES archive.destruction_approval,
    account_id    text NOT NULL,
    person        text NOT NULL,
    at            timestamptz NOT NULL,
    resources     integer NOT NULL,
    documents     integer NOT NULL,
    minutes       text COLLATE "C" NOT NULL CHECK (minutes ~ '^[0-9a-f]{64}$')
);

CREATE FUNCTION archive.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$;
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['step', 'circumstance', 'annex', 'reader', 'hold', 'hold_end', 'destruction',
                                'destruction_line', 'destruction_approval', 'destruction_done'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON archive.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION archive.refuse_change()', name);
    END LOOP;
END
$$;
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON archive.record
    FOR EACH STATEMENT EXECUTE FUNCTION archive.refuse_change();

-- The ways a record may go, whoever writes the statement.
CREATE FUNCTION archive.check_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.encounter_id, OLD.claim_key, OLD.begun_at) IS DISTINCT FROM
       (NEW.encounter_id, NEW.claim_key, NEW.begun_at) THEN
        RAISE EXCEPTION 'archive.record: what a record is called never changes';
    END IF;
    IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
        ('draft', 'active'), ('active', 'closed'), ('closed', 'active'),
        ('closed', 'archived'), ('archived', 'destroyed')) THEN
        RAISE EXCEPTION 'archive.record: no way from % to %', OLD.state, NEW.state;
    END IF;
    IF OLD.state = 'destroyed' THEN
        RAISE EXCEPTION 'archive.record: a destroyed record never changes';
    END IF;
    IF OLD.state = 'archived' AND (
        NEW.keep_until < OLD.keep_until OR NEW.ended_on IS DISTINCT FROM OLD.ended_on
        OR NEW.cancelled <> OLD.cancelled) THEN
        RAISE EXCEPTION 'archive.record: an archived record is immutable and its keeping never gets shorter';
    END IF;
    IF NEW.state = 'destroyed' AND EXISTS (
        SELECT FROM archive.hold h WHERE h.encounter_id = NEW.encounter_id
           AND NOT EXISTS (SELECT FROM archive.hold_end e WHERE e.hold_id = h.hold_id)) THEN
        RAISE EXCEPTION 'archive.record: a held record is not destroyed';
    END IF;
    IF OLD.patient_id <> NEW.patient_id AND NEW.state <> 'destroyed' AND NOT (
        OLD.state <> 'destroyed' AND NEW.patient_id <> '') THEN
        RAISE EXCEPTION 'archive.record: the patient is emptied by destruction only';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER allowed_way BEFORE UPDATE ON archive.record
    FOR EACH ROW EXECUTE FUNCTION archive.check_way();

-- Visits from before this table.
INSERT INTO archive.record (encounter_id, patient_id, claim_key, state, cancelled, begun_at, changed_at)
SELECT encounter_id, patient_id, claim_key,
       CASE WHEN state IN ('in-progress', 'finished') THEN 'active' ELSE 'draft' END,
       state = 'cancelled', opened_at, coalesce(closed_at, opened_at)
  FROM encounters.visit_v1;
INSERT INTO archive.step (encounter_id, number, what, state, account_id, person, at)
SELECT encounter_id, 1, 'begin', state, 'system:migration', 'Yba (migration)', begun_at
  FROM archive.record;
