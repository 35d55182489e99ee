-- Who treats a person and opens the restricted part says why, and is looked at like an emergency.
ALTER TABLE access.emergency
    ADD COLUMN kind text COLLATE "C" NOT NULL DEFAULT 'emergency'
        CHECK (kind IN ('emergency', 'need'));
