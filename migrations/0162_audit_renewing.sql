-- After a restore, rows without a place are read first, whatever transaction wrote them.
ALTER TABLE audit.log ADD COLUMN is_renewing boolean NOT NULL DEFAULT false;
