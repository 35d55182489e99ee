-- Consents, releases, disclosures, requests of persons, proxies, what is hidden, what is shared.
CREATE SCHEMA consent;

-- One row a decision; a withdrawal completes the row it ends.
CREATE TABLE consent.decision (
    decision_id bigint PRIMARY KEY,
    patient_id text COLLATE "C" NOT NULL,
    purpose text COLLATE "C" NOT NULL,
    given boolean NOT NULL,
    text_version text COLLATE "C" NOT NULL,
    text_sha256 bytea NOT NULL CHECK (octet_length(text_sha256) = 32),
    language text NOT NULL CHECK (language IN ('vi', 'en')),
    channel text NOT NULL CHECK (channel IN ('paper', 'recorded-call', 'sms', 'e-mail', 'web', 'app')),
    evidence text NOT NULL DEFAULT '',
    -- Who said it: the person, her representative, or (from 7 years) both.
    by_subject boolean NOT NULL,
    by_representative boolean NOT NULL,
    representative text NOT NULL DEFAULT '',
    relation text NOT NULL DEFAULT '',
    account_id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    -- At this day the consent given for a child is asked again (7 and 18 years).
    ask_again_on date,
    asked_again_at timestamptz,
    withdrawn_at timestamptz,
    withdrawn_by text COLLATE "C" NOT NULL DEFAULT '',
    withdrawal_channel text NOT NULL DEFAULT '',
    withdrawal_due_on date,
    withdrawal_done_at timestamptz,
    replaced_at timestamptz,
    CHECK (by_subject OR by_representative),
    CHECK (channel IN ('web', 'app') OR evidence <> '')
);
CREATE INDEX decision_patient ON consent.decision (patient_id, decision_id);
CREATE UNIQUE INDEX decision_standing ON consent.decision (patient_id, purpose)
    WHERE withdrawn_at IS NULL AND replaced_at IS NULL;
CREATE INDEX decision_ask_again ON consent.decision (ask_again_on)
    WHERE ask_again_on IS NOT NULL AND asked_again_at IS NULL AND withdrawn_at IS NULL
      AND replaced_at IS NULL;

-- The written request of Law 91/2025 art. 26(2).
CREATE TABLE consent.release (
    release_id bigint PRIMARY KEY,
    patient_id text COLLATE "C" NOT NULL,
    recipient_kind text NOT NULL CHECK (recipient_kind IN ('provider', 'insurer')),
    recipient_code text COLLATE "C" NOT NULL,
    recipient_name text NOT NULL,
    kinds text[] NOT NULL CHECK (cardinality(kinds) > 0),
    purpose text NOT NULL,
    channel text NOT NULL,
    evidence text NOT NULL DEFAULT '',
    requested_by text NOT NULL,
    relation text NOT NULL DEFAULT '',
    account_id text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK (until > since)
);
CREATE INDEX release_patient ON consent.release (patient_id, recipient_code);

-- What went to whom, on which basis, when. Never changed, never deleted.
CREATE TABLE consent.disclosure (
    disclosure_id bigint PRIMARY KEY,
    patient_id text COLLATE "C" NOT NULL,
    recipient_kind text NOT NULL,
    recipient_code text COLLATE "C" NOT NULL,
    recipient_name text NOT NULL,
    basis text NOT NULL,
    release_id bigint REFERENCES consent.release,
    reason text NOT NULL DEFAULT '',
    kinds text[] NOT NULL,
    resources text[] NOT NULL DEFAULT '{}',
    account_id text COLLATE "C" NOT NULL,
    actor_name text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX disclosure_patient ON consent.disclosure (patient_id, disclosure_id);

-- Requests of persons about their data, under the clocks of Decree 356/2025 art. 5.
CREATE TABLE consent.request (
    request_id bigint PRIMARY KEY,
    patient_id text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN
        ('view', 'correct', 'copy', 'delete', 'withdraw', 'limit', 'object', 'protect')),
    state text NOT NULL CHECK (state IN ('received', 'accepted', 'done', 'refused', 'cancelled')),
    details text NOT NULL,
    -- What is to be corrected: Encounter/<id> or another reference, and what it should say.
    target text COLLATE "C" NOT NULL DEFAULT '',
    proposed text NOT NULL DEFAULT '',
    channel text NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    requested_by text NOT NULL,
    relation text NOT NULL DEFAULT '',
    with_processors boolean NOT NULL DEFAULT false,
    received_at timestamptz NOT NULL,
    answer_due_on date NOT NULL,
    due_on date NOT NULL,
    answered_at timestamptz,
    extended_at timestamptz,
    extension_reason text NOT NULL DEFAULT '',
    closed_at timestamptz,
    answer text NOT NULL DEFAULT '',
    legal_basis text NOT NULL DEFAULT '',
    result text COLLATE "C" NOT NULL DEFAULT '',
    closed_by text NOT NULL DEFAULT '',
    CHECK (state <> 'refused' OR answer <> '')
);
CREATE INDEX request_patient ON consent.request (patient_id, request_id);
CREATE INDEX request_open ON consent.request (due_on, request_id)
    WHERE state IN ('received', 'accepted');

CREATE TABLE consent.request_step (
    request_id bigint NOT NULL REFERENCES consent.request,
    at timestamptz NOT NULL,
    step text NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    actor_name text NOT NULL,
    words text NOT NULL DEFAULT ''
);
CREATE INDEX request_step_of ON consent.request_step (request_id, at);

-- Who acts for whom.
CREATE TABLE consent.proxy (
    proxy_id bigint PRIMARY KEY,
    patient_id text COLLATE "C" NOT NULL,
    person_id text COLLATE "C" NOT NULL,
    person_name text NOT NULL,
    patient_name text NOT NULL,
    relation text NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'accepted', 'refused', 'ended')),
    asked_at timestamptz NOT NULL,
    asked_by text COLLATE "C" NOT NULL,
    decided_at timestamptz,
    decided_by text COLLATE "C" NOT NULL DEFAULT '',
    -- What the one who decided has seen (birth certificate, guardianship decision).
    papers text NOT NULL DEFAULT '',
    until timestamptz,
    ended_at timestamptz,
    ended_by text COLLATE "C" NOT NULL DEFAULT '',
    CHECK (patient_id <> person_id)
);
CREATE UNIQUE INDEX proxy_standing ON consent.proxy (patient_id, person_id)
    WHERE state IN ('asked', 'accepted');
CREATE INDEX proxy_person ON consent.proxy (person_id);

-- What a citizen hides, and from whom (nobody named: from everybody).
CREATE TABLE consent.restriction (
    restriction_id bigint PRIMARY KEY,
    patient_id text COLLATE "C" NOT NULL,
    patient bigint NOT NULL,
    scope text NOT NULL CHECK (scope IN ('everything', 'category', 'visit', 'entry')),
    target text COLLATE "C" NOT NULL DEFAULT '',
    from_account text COLLATE "C",
    from_department text COLLATE "C",
    from_name text NOT NULL DEFAULT '',
    since timestamptz NOT NULL,
    until timestamptz,
    ended_at timestamptz,
    account_id text COLLATE "C" NOT NULL,
    CHECK ((scope = 'everything') = (target = ''))
);
CREATE INDEX restriction_patient ON consent.restriction (patient_id, restriction_id);
CREATE INDEX restriction_standing ON consent.restriction (patient) WHERE ended_at IS NULL;

-- The rows of the record that a visit, a category or an entry stands for.
CREATE TABLE consent.restricted_row (
    restriction_id bigint NOT NULL REFERENCES consent.restriction,
    type smallint NOT NULL,
    rid bigint NOT NULL,
    PRIMARY KEY (restriction_id, type, rid)
);

CREATE VIEW consent.restriction_v1 AS
SELECT r.patient, r.from_account AS account, r.from_department AS department,
       row.type, row.rid, r.since, r.until
  FROM consent.restriction r
  LEFT JOIN consent.restricted_row row USING (restriction_id)
 WHERE r.ended_at IS NULL AND (r.scope = 'everything' OR row.rid IS NOT NULL);

-- What a citizen shows for a short time to whoever holds the link and knows the PIN.
CREATE TABLE consent.share (
    share_id bigint PRIMARY KEY,
    patient_id text COLLATE "C" NOT NULL,
    patient bigint NOT NULL,
    secret_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(secret_sha256) = 32),
    pin_hash text NOT NULL,
    parts text[] NOT NULL CHECK (cardinality(parts) > 0),
    account text COLLATE "C",
    department text COLLATE "C",
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    ended_at timestamptz,
    wrong_pins int NOT NULL DEFAULT 0,
    account_id text COLLATE "C" NOT NULL
);
CREATE INDEX share_patient ON consent.share (patient_id, share_id);

CREATE TABLE consent.share_opening (
    opening_id bigint PRIMARY KEY,
    share_id bigint NOT NULL REFERENCES consent.share,
    ticket_sha256 bytea NOT NULL UNIQUE,
    viewer_name text NOT NULL,
    viewer_place text NOT NULL,
    viewer_purpose text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX share_opening_of ON consent.share_opening (share_id, at);

CREATE VIEW consent.share_v1 AS
SELECT patient, account, department, since, least(until, ended_at) AS until
  FROM consent.share
 WHERE account IS NOT NULL OR department IS NOT NULL;

CREATE VIEW consent.proxy_v1 AS
SELECT proxy_id, patient_id, person_id, relation, decided_at AS since,
       least(until, ended_at) AS until
  FROM consent.proxy
 WHERE state IN ('accepted', 'ended') AND decided_at IS NOT NULL;

-- Processing register, impact files, breaches, agreements: the privacy officer's books.
CREATE TABLE consent.processing (
    processing_id text COLLATE "C" PRIMARY KEY,
    started_on date NOT NULL,
    impact_due_on date NOT NULL,
    impact_filed_on date,
    impact_result text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);

CREATE TABLE consent.breach (
    breach_id bigint PRIMARY KEY,
    discovered_at timestamptz NOT NULL,
    happened_at timestamptz,
    notify_by timestamptz NOT NULL,
    nature text NOT NULL,
    data_kinds text[] NOT NULL,
    -- Biometric or location data: the persons are told within the same clock.
    tell_persons boolean NOT NULL,
    persons_about int NOT NULL DEFAULT 0,
    cause text NOT NULL DEFAULT '',
    consequences text NOT NULL DEFAULT '',
    measures text NOT NULL DEFAULT '',
    contact text NOT NULL DEFAULT '',
    authority_notified_at timestamptz,
    authority_reference text NOT NULL DEFAULT '',
    late_reason text NOT NULL DEFAULT '',
    persons_notified_at timestamptz,
    closed_at timestamptz,
    keep_until date,
    account_id text COLLATE "C" NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE TABLE consent.breach_person (
    breach_id bigint NOT NULL REFERENCES consent.breach,
    patient_id text COLLATE "C" NOT NULL,
    told_at timestamptz,
    PRIMARY KEY (breach_id, patient_id)
);

CREATE TABLE consent.agreement (
    agreement_id bigint PRIMARY KEY,
    party_code text COLLATE "C" NOT NULL,
    party_name text NOT NULL,
    purpose text NOT NULL,
    kinds text[] NOT NULL,
    basis text NOT NULL,
    protection text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    reference text NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL
);

-- Disclosures and steps are written once.
CREATE FUNCTION consent.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'written once';
END
$$;
CREATE TRIGGER disclosure_stays BEFORE UPDATE OR DELETE ON consent.disclosure
    FOR EACH STATEMENT EXECUTE FUNCTION consent.refuse_change();
CREATE TRIGGER request_step_stays BEFORE UPDATE OR DELETE ON consent.request_step
    FOR EACH STATEMENT EXECUTE FUNCTION consent.refuse_change();
CREATE TRIGGER share_opening_stays BEFORE UPDATE OR DELETE ON consent.share_opening
    FOR EACH STATEMENT EXECUTE FUNCTION consent.refuse_change();
