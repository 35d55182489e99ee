-- A superseded state is seen by who may see whose it was then, so history keeps the patient.
ALTER TABLE record.history ADD COLUMN patient bigint;
UPDATE record.history h SET patient = r.patient
  FROM record.resource r WHERE r.type = h.type AND r.rid = h.rid AND r.patient IS NOT NULL;

-- Restricted categories are filed with the rows: what is stored is filed again by the worker.
INSERT INTO record.reindexing (type, asked_at)
SELECT DISTINCT type, now() FROM record.resource ORDER BY type;
