-- Who did what, to whose record, when and for what purpose. Append only.
CREATE SCHEMA audit;

CREATE TABLE audit.event (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    account_id text NOT NULL,
    actor_name text NOT NULL,
    actor_roles text[] NOT NULL,
    facility text NOT NULL DEFAULT '',
    purpose text NOT NULL,
    action char(1) NOT NULL CHECK (action IN ('C', 'R', 'U', 'D', 'E')),
    what text NOT NULL,
    patient_id text,
    resources text[] NOT NULL
);

CREATE INDEX event_patient ON audit.event (patient_id, id DESC) WHERE patient_id IS NOT NULL;
CREATE INDEX event_account ON audit.event (account_id, id DESC);

CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit.event is append-only';
END
$$;

CREATE TRIGGER append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.event
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
