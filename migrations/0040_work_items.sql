-- Everything that waits, of every kind, in one table; who moved it, in another.
CREATE SCHEMA work;

CREATE TABLE work.item (
    item_id bigint PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (
        state IN ('waiting', 'claimed', 'started', 'absent', 'finished', 'cancelled')
    ),
    place text COLLATE "C" NOT NULL,
    patient_id text COLLATE "C" NOT NULL DEFAULT '',
    focus text COLLATE "C" NOT NULL DEFAULT '',
    number text NOT NULL DEFAULT '',
    priority smallint NOT NULL DEFAULT 30,
    due_at timestamptz,
    assigned_to text COLLATE "C" NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);

-- The order in which a place works: priority class, then first come.
CREATE INDEX item_open ON work.item (kind, place, state, priority, item_id)
 WHERE state IN ('waiting', 'claimed', 'started', 'absent');
CREATE INDEX item_focus ON work.item (focus, kind) WHERE focus <> '';
CREATE INDEX item_assigned ON work.item (assigned_to, state)
 WHERE assigned_to <> '' AND state IN ('waiting', 'claimed', 'started', 'absent');
CREATE INDEX item_patient ON work.item (patient_id, item_id) WHERE patient_id <> '';

CREATE TABLE work.step (
    item_id bigint NOT NULL REFERENCES work.item,
    at timestamptz NOT NULL,
    verb text NOT NULL,
    state text NOT NULL,
    place text NOT NULL,
    account_id text NOT NULL,
    reason text NOT NULL DEFAULT ''
);
CREATE INDEX step_of_item ON work.step (item_id, at);

-- Boards listen on channel `work`; the payload is the place that changed.
CREATE FUNCTION work.tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('work', NEW.place);
    IF TG_OP = 'UPDATE' AND OLD.place <> NEW.place THEN
        PERFORM pg_notify('work', OLD.place);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER item_tell AFTER INSERT OR UPDATE ON work.item
    FOR EACH ROW EXECUTE FUNCTION work.tell();

CREATE VIEW work.item_v1 AS
SELECT item_id, kind, state, place, patient_id, focus, number, priority, due_at,
       assigned_to, reason, created_at, changed_at
  FROM work.item;
