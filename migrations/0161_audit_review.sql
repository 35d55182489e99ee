-- What the privacy officer's reports read, and what she decided.
CREATE VIEW audit.event_v1 AS
SELECT id, at, account_id, actor_name, actor_roles, facility, client_id, purpose, action, what,
       patient_id, cardinality(resources) AS resource_count
  FROM audit.event
 WHERE salt IS NOT NULL;

-- Accounts with the person behind them, for reports about looks at one's own kin.
CREATE VIEW accounts.account_v1 AS
SELECT id AS account_id, name, roles, patient_id FROM accounts.account;

CREATE INDEX event_at ON audit.event USING brin (at);

-- Records that are looked at with more suspicion (a public person, a colleague).
CREATE TABLE audit.flagged (
    patient_id text COLLATE "C" PRIMARY KEY,
    flagged_by text NOT NULL,
    at timestamptz NOT NULL
);

-- One decision about one report; the newest counts, none is ever changed.
CREATE TABLE audit.review (
    review_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    suspicion text COLLATE "C" NOT NULL,
    verdict text COLLATE "C" NOT NULL CHECK (verdict IN ('justified', 'unjustified', 'open')),
    note text NOT NULL,
    reviewer_id text NOT NULL,
    reviewer_name text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX review_of ON audit.review (suspicion, review_id DESC);
