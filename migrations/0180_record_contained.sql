-- Contained resources are found by their own parameters (_contained=true, both). They have rows of
-- their own beside record.resource, so that an ordinary search cannot meet them; their values stand
-- in record.range and record.string under row ids that no resource has.
CREATE TABLE record.contained (
    rid bigint NOT NULL,                                      -- made of the container and the place in it
    updated bigint NOT NULL,
    patient bigint,
    ts bigint NOT NULL,
    te bigint NOT NULL,
    present bigint NOT NULL,
    container bigint NOT NULL,                                -- row id and type of the container
    container_type smallint NOT NULL,
    type smallint NOT NULL,
    flags smallint NOT NULL,
    fid text COLLATE "C" NOT NULL,                            -- the id inside; empty without one
    keys bigint[] NOT NULL,
    labels bigint[],
    body bytea NOT NULL,
    PRIMARY KEY (type, rid)
);
ALTER TABLE record.contained ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX contained_keys ON record.contained USING gin (keys);
CREATE INDEX contained_container ON record.contained (container, container_type);

CREATE TYPE record.contained_row AS (
    rid bigint, updated bigint, patient bigint, ts bigint, te bigint, present bigint,
    container bigint, container_type smallint, type smallint, flags smallint, fid text, keys text,
    labels text, body bytea
);

-- Whatever changes or removes a container (flag 4096) takes along what it was found by; its writer
-- files the new state afterwards. Other rows are told apart without a call.
CREATE FUNCTION record.forget_contained() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH gone AS (
        DELETE FROM record.contained c
         WHERE c.container = OLD.rid AND c.container_type = OLD.type
        RETURNING c.type, c.rid
    ), ranges AS (
        DELETE FROM record.range x USING gone g WHERE x.rid = g.rid AND x.type = g.type
    )
    DELETE FROM record.string x USING gone g WHERE x.rid = g.rid AND x.type = g.type;
    RETURN NULL;
END
$$;
CREATE TRIGGER contained_goes_along AFTER UPDATE OR DELETE ON record.resource FOR EACH ROW
    WHEN (OLD.flags & 4096 <> 0) EXECUTE FUNCTION record.forget_contained();

-- What is stored already is filed again by the worker.
INSERT INTO record.reindexing (type, asked_at)
SELECT DISTINCT r.type, now() FROM record.resource r
 WHERE NOT EXISTS (SELECT FROM record.reindexing w
                    WHERE w.type = r.type AND w.parameter IS NULL AND w.finished_at IS NULL
                      AND w.barrier IS NULL)
 ORDER BY r.type;
