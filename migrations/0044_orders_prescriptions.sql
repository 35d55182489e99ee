-- National prescription codes and what became of each prescription.
CREATE SCHEMA orders;

CREATE TABLE orders.prescription (
    code text COLLATE "C" PRIMARY KEY CHECK (code ~ '^[0-9A-Za-z]{5}[0-9a-z]{7}-[NHCTYnhcty]$'),
    encounter_id text COLLATE "C" NOT NULL,
    patient_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('c', 'n', 'h')),
    state text COLLATE "C" NOT NULL CHECK (state IN ('issued', 'sent', 'replaced', 'cancelled')),
    days smallint NOT NULL,
    collect_until date NOT NULL,
    advice text NOT NULL DEFAULT '',
    issued_at timestamptz NOT NULL,
    prescriber_id text COLLATE "C" NOT NULL DEFAULT '',
    prescriber text NOT NULL,
    prescriber_licence text NOT NULL DEFAULT '',
    sent_at timestamptz,
    replaces text COLLATE "C" REFERENCES orders.prescription
);
CREATE INDEX prescription_of_visit ON orders.prescription (encounter_id, issued_at);
CREATE UNIQUE INDEX prescription_replaced_once ON orders.prescription (replaces, kind)
 WHERE replaces IS NOT NULL;

CREATE VIEW orders.prescription_v1 AS
SELECT code, encounter_id, patient_id, kind, state, days, collect_until, issued_at,
       prescriber_id, sent_at, replaces
  FROM orders.prescription;
