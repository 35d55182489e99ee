-- What care costs: dated price lists, charges that are never changed, frozen invoices.
CREATE SCHEMA charging;

CREATE FUNCTION charging.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- A facility's prices as approved; the newest list that holds on a day counts.
CREATE TABLE charging.price_list (
    price_list_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    facility_code text COLLATE "C" NOT NULL,
    decision text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    fingerprint text COLLATE "C" NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (facility_code, decision, valid_from),
    CHECK (valid_to >= valid_from)
);
CREATE TABLE charging.price (
    price_list_id bigint NOT NULL REFERENCES charging.price_list ON DELETE CASCADE,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('service', 'drug', 'supply')),
    code text COLLATE "C" NOT NULL CHECK (code <> ''),
    name text NOT NULL CHECK (name <> ''),
    unit text NOT NULL,
    cost_group smallint NOT NULL CHECK (cost_group BETWEEN 1 AND 19),
    hospital_price numeric(15, 3) NOT NULL CHECK (hospital_price >= 0),
    insurance_price numeric(15, 3) NOT NULL CHECK (insurance_price BETWEEN 0 AND hospital_price),
    insurance_ratio smallint NOT NULL CHECK (insurance_ratio BETWEEN 0 AND 100),
    scope smallint NOT NULL CHECK (scope IN (1, 2, 3)),
    PRIMARY KEY (price_list_id, kind, code)
);
CREATE INDEX price_by_code ON charging.price (kind, code);

-- One line a cause. A cancelled order is a second line that takes the first one back.
CREATE TABLE charging.charge (
    charge_id bigint PRIMARY KEY,
    encounter_id text COLLATE "C" NOT NULL,
    patient_id text COLLATE "C" NOT NULL,
    cause text COLLATE "C" NOT NULL,
    reverses bigint UNIQUE REFERENCES charging.charge,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('service', 'drug', 'supply')),
    code text COLLATE "C" NOT NULL,
    quantity numeric(10, 3) NOT NULL CHECK (quantity <> 0),
    department text COLLATE "C" NOT NULL DEFAULT '',
    details jsonb NOT NULL DEFAULT '{}',
    ordered_at timestamptz NOT NULL,
    charged_at timestamptz NOT NULL,
    actor_id text COLLATE "C" NOT NULL,
    CHECK ((reverses IS NULL) = (quantity > 0))
);
CREATE UNIQUE INDEX charge_once ON charging.charge (cause) WHERE reverses IS NULL;
CREATE INDEX charge_of_encounter ON charging.charge (encounter_id, charge_id);
CREATE TRIGGER charge_append_only BEFORE UPDATE OR DELETE ON charging.charge
    FOR EACH ROW EXECUTE FUNCTION charging.refuse_change();

-- What the visit itself does not say about its cover; the newest row counts.
CREATE TABLE charging.cover (
    cover_id bigint PRIMARY KEY,
    encounter_id text COLLATE "C" NOT NULL,
    original_category text COLLATE "C" NOT NULL DEFAULT '',
    co_paid_elsewhere numeric(15, 2) NOT NULL DEFAULT 0 CHECK (co_paid_elsewhere >= 0),
    more_cards jsonb NOT NULL DEFAULT '[]',
    noted_at timestamptz NOT NULL,
    actor_id text COLLATE "C" NOT NULL
);
CREATE INDEX cover_of_encounter ON charging.cover (encounter_id, cover_id DESC);

-- A frozen statement. The first of a visit holds everything, a later one the difference.
CREATE TABLE charging.invoice (
    invoice_id bigint PRIMARY KEY,
    encounter_id text COLLATE "C" NOT NULL,
    patient_id text COLLATE "C" NOT NULL,
    sequence integer NOT NULL CHECK (sequence > 0),
    category text COLLATE "C" NOT NULL,
    is_right_line boolean NOT NULL,
    exempt_from timestamptz,
    terms jsonb NOT NULL,
    co_payment numeric(15, 2) NOT NULL,
    own_dong bigint NOT NULL,
    co_payment_dong bigint NOT NULL,
    insurance_dong bigint NOT NULL,
    other_dong bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    actor_id text COLLATE "C" NOT NULL,
    actor_name text NOT NULL,
    UNIQUE (encounter_id, sequence)
);
CREATE INDEX invoice_of_patient ON charging.invoice (patient_id, issued_at);

CREATE TABLE charging.invoice_line (
    invoice_id bigint NOT NULL REFERENCES charging.invoice,
    position integer NOT NULL,
    charge_id bigint NOT NULL REFERENCES charging.charge,
    kind text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    unit text NOT NULL,
    cost_group smallint NOT NULL,
    quantity numeric(13, 3) NOT NULL,
    hospital_price numeric(15, 3) NOT NULL,
    insurance_price numeric(15, 3) NOT NULL,
    service_ratio smallint NOT NULL,
    insurance_ratio smallint NOT NULL,
    level numeric(5, 2) NOT NULL,
    amount numeric(15, 2) NOT NULL,
    insured_amount numeric(15, 2) NOT NULL,
    insurance_pays numeric(15, 2) NOT NULL,
    co_payment numeric(15, 2) NOT NULL,
    patient_pays numeric(15, 2) NOT NULL,
    other_pays numeric(15, 2) NOT NULL,
    own_dong bigint NOT NULL,
    co_payment_dong bigint NOT NULL,
    insurance_dong bigint NOT NULL,
    other_dong bigint NOT NULL,
    because text[] NOT NULL,
    PRIMARY KEY (invoice_id, position),
    CHECK (amount = insurance_pays + co_payment + patient_pays + other_pays)
);
CREATE INDEX invoice_line_of_charge ON charging.invoice_line (charge_id);
CREATE TRIGGER invoice_append_only BEFORE UPDATE OR DELETE ON charging.invoice
    FOR EACH ROW EXECUTE FUNCTION charging.refuse_change();
CREATE TRIGGER invoice_line_append_only BEFORE UPDATE OR DELETE ON charging.invoice_line
    FOR EACH ROW EXECUTE FUNCTION charging.refuse_change();

CREATE VIEW charging.invoice_v1 AS
SELECT invoice_id, encounter_id, patient_id, sequence, category, own_dong, co_payment_dong,
       insurance_dong, other_dong, issued_at
  FROM charging.invoice;
