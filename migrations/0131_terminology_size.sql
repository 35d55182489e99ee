-- Terminology: how many members a compiled value set has, and whether any of
-- them is valid for some days only. Without such members a page is a range of
-- places, and the total is known.

ALTER TABLE terminology.value_set
    ADD COLUMN size     integer NOT NULL DEFAULT 0,
    ADD COLUMN is_dated boolean NOT NULL DEFAULT true;
UPDATE terminology.value_set SET is_compiled = false;
