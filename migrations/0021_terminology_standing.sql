-- Terminology: what a search orders by, computed once when a row is written,
-- and a lexeme for common concepts, so that one or two letters stay cheap.

ALTER TABLE terminology.concept
    ADD COLUMN standing smallint NOT NULL GENERATED ALWAYS AS (
        CASE WHEN is_common AND coalesce((properties ->> 'is_frequent')::boolean, false) THEN 0
             WHEN is_common THEN 1
             WHEN coalesce((properties ->> 'group')::boolean, false) THEN 3
             ELSE 2 END
    ) STORED,
    ADD COLUMN is_unusable boolean NOT NULL GENERATED ALWAYS AS (
        coalesce((properties ->> 'unusable')::boolean, false)
    ) STORED,
    DROP COLUMN words;

ALTER TABLE terminology.concept
    ADD COLUMN words tsvector GENERATED ALWAYS AS (
        array_to_tsvector(
            string_to_array(search, ' ') || ARRAY['#' || system]
            || CASE WHEN is_common THEN ARRAY['#common'] ELSE ARRAY[]::text[] END
        )
    ) STORED;
CREATE INDEX concept_by_word ON terminology.concept USING gin (words) WITH (fastupdate = off);
