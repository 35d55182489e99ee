-- Money moved: what is owed, how it was paid, given back, receipted and counted.
-- The ledger is append-only and every posting balances to zero.
CREATE SCHEMA payments;

CREATE SEQUENCE payments.reference;

CREATE FUNCTION payments.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- What a person owes for one visit. The amounts are in the ledger: invoices add
-- to it, payments take off; below zero the facility owes money back.
CREATE TABLE payments.bill (
    bill_id text COLLATE "C" PRIMARY KEY,
    encounter_id text COLLATE "C" NOT NULL UNIQUE,
    patient_id text COLLATE "C" NOT NULL,
    payer_name text NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('open', 'paid')),
    opened_at timestamptz NOT NULL,
    settled_at timestamptz,
    CHECK ((state = 'paid') = (settled_at IS NOT NULL))
);
CREATE INDEX bill_of_patient ON payments.bill (patient_id, opened_at DESC);
CREATE INDEX bill_open ON payments.bill (opened_at) WHERE state = 'open';

-- A QR asks for one bill; a new QR replaces the old one.
CREATE TABLE payments.request (
    request_id bigint PRIMARY KEY,
    reference text COLLATE "C" NOT NULL UNIQUE,
    bill_id text COLLATE "C" NOT NULL REFERENCES payments.bill,
    amount bigint NOT NULL CHECK (amount > 0),
    qr text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    state text COLLATE "C" NOT NULL CHECK (state IN ('open', 'paid', 'replaced'))
);
CREATE UNIQUE INDEX request_open ON payments.request (bill_id) WHERE state = 'open';
CREATE INDEX request_of_bill ON payments.request (bill_id);

CREATE TABLE payments.shift (
    shift_id bigint PRIMARY KEY,
    cashier_id text COLLATE "C" NOT NULL,
    cashier_name text NOT NULL,
    opened_at timestamptz NOT NULL,
    opening_cash bigint NOT NULL CHECK (opening_cash >= 0),
    closed_at timestamptz,
    expected_cash bigint,
    counted_cash bigint CHECK (counted_cash >= 0),
    note text NOT NULL DEFAULT '',
    CHECK ((closed_at IS NULL) = (counted_cash IS NULL)),
    CHECK ((closed_at IS NULL) = (expected_cash IS NULL))
);
CREATE UNIQUE INDEX shift_open ON payments.shift (cashier_id) WHERE closed_at IS NULL;
CREATE INDEX shift_by_day ON payments.shift (opened_at);

-- What the bank told us, once for each of its transactions.
CREATE TABLE payments.bank_notice (
    transaction_id text COLLATE "C" PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    purpose text NOT NULL,
    booked_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    outcome text COLLATE "C" NOT NULL CHECK (outcome IN (
        'paid', 'part', 'over', 'double', 'unknown', 'wrong-account')),
    is_late boolean NOT NULL DEFAULT false,
    bill_id text COLLATE "C" REFERENCES payments.bill,
    in_suspense bigint NOT NULL DEFAULT 0 CHECK (in_suspense BETWEEN 0 AND amount)
);
CREATE INDEX notice_by_day ON payments.bank_notice (booked_at);
CREATE INDEX notice_in_suspense ON payments.bank_notice (received_at) WHERE in_suspense > 0;

CREATE TABLE payments.posting (
    posting_id bigint PRIMARY KEY,
    kind text COLLATE "C" NOT NULL CHECK (kind IN (
        'bill', 'payment', 'suspense', 'assignment', 'refund', 'shift-difference')),
    method text COLLATE "C" CHECK (method IN ('cash', 'transfer')),
    bill_id text COLLATE "C" REFERENCES payments.bill,
    transaction_id text COLLATE "C" REFERENCES payments.bank_notice,
    shift_id bigint REFERENCES payments.shift,
    at timestamptz NOT NULL,
    actor_id text COLLATE "C" NOT NULL,
    actor_name text NOT NULL,
    CHECK (kind NOT IN ('payment', 'refund') OR method IS NOT NULL),
    CHECK (method IS DISTINCT FROM 'cash' OR shift_id IS NOT NULL)
);
CREATE INDEX posting_of_bill ON payments.posting (bill_id, at);
CREATE INDEX posting_of_shift ON payments.posting (shift_id);
CREATE INDEX posting_by_day ON payments.posting (at);

-- Debit is positive, credit negative.
CREATE TABLE payments.entry (
    posting_id bigint NOT NULL REFERENCES payments.posting,
    account text COLLATE "C" NOT NULL CHECK (account IN (
        'receivable', 'revenue', 'till', 'bank', 'suspense', 'till-difference')),
    amount bigint NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (posting_id, account)
);

CREATE FUNCTION payments.check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(amount) FROM payments.entry WHERE posting_id = NEW.posting_id) <> 0 THEN
        RAISE EXCEPTION 'posting % does not balance', NEW.posting_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON payments.entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments.check_balance();
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON payments.entry
    FOR EACH ROW EXECUTE FUNCTION payments.refuse_change();
CREATE TRIGGER posting_append_only BEFORE UPDATE OR DELETE ON payments.posting
    FOR EACH ROW EXECUTE FUNCTION payments.refuse_change();

-- Receipts (phiếu thu) and pay-out slips (phiếu chi): no gap in a series and year.
CREATE TABLE payments.receipt_number (
    series text COLLATE "C" NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL CHECK (last > 0),
    PRIMARY KEY (series, year)
);
CREATE TABLE payments.receipt (
    receipt_id bigint PRIMARY KEY,
    series text COLLATE "C" NOT NULL,
    year integer NOT NULL,
    number integer NOT NULL,
    posting_id bigint NOT NULL UNIQUE REFERENCES payments.posting,
    bill_id text COLLATE "C" NOT NULL REFERENCES payments.bill,
    amount bigint NOT NULL CHECK (amount > 0),
    method text COLLATE "C" NOT NULL,
    tendered bigint CHECK (tendered >= amount),
    payer_name text NOT NULL,
    issued_at timestamptz NOT NULL,
    issued_by text NOT NULL,
    UNIQUE (series, year, number)
);
CREATE INDEX receipt_of_bill ON payments.receipt (bill_id);
CREATE TRIGGER receipt_append_only BEFORE UPDATE OR DELETE ON payments.receipt
    FOR EACH ROW EXECUTE FUNCTION payments.refuse_change();

-- Giving money back takes two persons.
CREATE TABLE payments.refund (
    refund_id bigint PRIMARY KEY,
    bill_id text COLLATE "C" NOT NULL REFERENCES payments.bill,
    amount bigint NOT NULL CHECK (amount > 0),
    method text COLLATE "C" NOT NULL CHECK (method IN ('cash', 'transfer')),
    reason text NOT NULL CHECK (reason <> ''),
    asked_by text COLLATE "C" NOT NULL,
    asked_by_name text NOT NULL,
    asked_at timestamptz NOT NULL,
    decided_by text COLLATE "C",
    decided_by_name text,
    decided_at timestamptz,
    state text COLLATE "C" NOT NULL CHECK (state IN ('asked', 'paid-out', 'declined')),
    posting_id bigint UNIQUE REFERENCES payments.posting,
    CHECK (decided_by IS DISTINCT FROM asked_by),
    CHECK ((state = 'asked') = (decided_by IS NULL)),
    CHECK ((state = 'paid-out') = (posting_id IS NOT NULL))
);
CREATE INDEX refund_waiting ON payments.refund (asked_at) WHERE state = 'asked';
CREATE INDEX refund_of_bill ON payments.refund (bill_id);

CREATE VIEW payments.bill_v1 AS
SELECT b.bill_id, b.encounter_id, b.patient_id, b.payer_name, b.state, b.opened_at, b.settled_at,
       coalesce(sum(e.amount) FILTER (WHERE p.kind = 'bill'), 0)::bigint AS billed,
       coalesce(sum(e.amount), 0)::bigint AS remaining
  FROM payments.bill b
  LEFT JOIN (payments.posting p
             JOIN payments.entry e ON e.posting_id = p.posting_id AND e.account = 'receivable')
         ON p.bill_id = b.bill_id
 GROUP BY b.bill_id;
