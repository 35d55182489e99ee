-- A paper whose seal failed is looked at again later, so that it does not stand
-- before the others for ever.
ALTER TABLE signing.step
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN why      text NOT NULL DEFAULT '',   -- of the last attempt: a code, nothing personal
    ADD COLUMN due_at   timestamptz;                -- not before; NULL: at once
