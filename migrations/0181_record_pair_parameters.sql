-- Composites that a site adds: of each part the code, the kind, and its path from the composite's base.
ALTER TABLE record.parameter ADD COLUMN parts text[] NOT NULL DEFAULT '{}';
