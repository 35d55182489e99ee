-- Words of narratives (part 1), and of whole resources (part 2, where YBA_FULL_TEXT is on).
CREATE TABLE record.words (
    rid bigint NOT NULL,
    type smallint NOT NULL,
    part smallint NOT NULL,
    words tsvector NOT NULL
);
CREATE INDEX words_word ON record.words USING gin (words)
    WITH (fastupdate = on, gin_pending_list_limit = 4096);
CREATE INDEX words_rid ON record.words (rid);
CREATE TYPE record.words_row AS (rid bigint, type smallint, part smallint, words text);

-- What is stored already is filed again, by the worker: labels, words, parameters new in this version.
INSERT INTO record.reindexing (type, asked_at)
SELECT t, now() FROM generate_series(1, 200) t
 WHERE EXISTS (SELECT FROM record.resource r WHERE r.type = t);
