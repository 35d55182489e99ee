-- The audit trail becomes a transparency log. Rows are written as before; one sequencer reads what
-- is committed, in the order of transactions, and writes entries, tiles and signed checkpoints.
ALTER TABLE audit.event
    -- 122 random bits; NULL once the private part was erased.
    ADD COLUMN salt bytea,
    ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- The program through which the person acted.
    ADD COLUMN client_id text,
    -- The event of the erasure.
    ADD COLUMN erased_by bigint;

ALTER TABLE audit.event DISABLE TRIGGER append_only;
UPDATE audit.event SET salt = uuid_send(gen_random_uuid());
ALTER TABLE audit.event ENABLE TRIGGER append_only;
ALTER TABLE audit.event ALTER COLUMN salt SET DEFAULT uuid_send(gen_random_uuid());

CREATE INDEX event_xid ON audit.event (xid, id);

-- Nothing may change or delete a row; only an erasure (audit.service.erase) may empty one.
CREATE OR REPLACE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR current_setting('audit.erasing', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'audit.event is append-only';
    END IF;
    RETURN NULL;
END
$$;

-- The one log of this node and how far it has come.
CREATE TABLE audit.log (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    origin text NOT NULL,
    size bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    last_xid xid8 NOT NULL DEFAULT '0',
    last_id bigint NOT NULL DEFAULT 0,
    -- When the sequencer last finished a round, and why the last one failed if it did.
    beat_at timestamptz,
    problem text
);

-- Keys that have signed checkpoints, with the size at which each began.
CREATE TABLE audit.signer (
    verifier_key text PRIMARY KEY,
    from_size bigint NOT NULL,
    at timestamptz NOT NULL
);

-- Where each event stands in the tree. No foreign key: a row that vanishes must be noticed here.
CREATE TABLE audit.leaf (
    position bigint PRIMARY KEY,
    event_id bigint NOT NULL UNIQUE
);

-- Up to 256 hashes of 32 bytes; a tile only ever grows.
CREATE TABLE audit.tile (
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, number)
);

-- Up to 256 entries, each after its length in two bytes; a bundle only ever grows.
CREATE TABLE audit.bundle (
    number bigint PRIMARY KEY,
    entries bytea NOT NULL
);

-- Hashes do not compress.
ALTER TABLE audit.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
ALTER TABLE audit.bundle ALTER COLUMN entries SET STORAGE EXTERNAL;

CREATE TABLE audit.checkpoint (
    size bigint PRIMARY KEY,
    -- The size of the one before: a checkpoint that vanishes leaves a gap.
    previous bigint,
    at timestamptz NOT NULL,
    note text NOT NULL
);

-- Other nodes that watch this log.
CREATE TABLE audit.witness (
    verifier_key text PRIMARY KEY,
    url text NOT NULL,
    confirmed_size bigint NOT NULL DEFAULT 0,
    problem text,
    added_at timestamptz NOT NULL
);

CREATE TABLE audit.cosignature (
    size bigint NOT NULL,
    verifier_key text NOT NULL,
    line text NOT NULL,
    PRIMARY KEY (size, verifier_key)
);

-- RFC 3161 tokens over the text of a checkpoint, one a day.
CREATE TABLE audit.stamp (
    day date PRIMARY KEY,
    size bigint NOT NULL,
    token bytea NOT NULL,
    at timestamptz NOT NULL,
    -- The event that holds the hash of the token, so that the log itself binds it.
    event_id bigint NOT NULL
);

-- Logs of other nodes that this node watches, and the newest state it has confirmed of each.
CREATE TABLE audit.watched (
    origin text PRIMARY KEY,
    verifier_key text NOT NULL,
    size bigint NOT NULL DEFAULT 0,
    root bytea,
    note text,
    at timestamptz
);
