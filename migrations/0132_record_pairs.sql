-- Quantities are filed beside their principal code: Observations are filed again by the worker.
-- Until then they are found as before, by the unit alone and the code's own key.
INSERT INTO record.reindexing (type, asked_at)
SELECT 96, now() WHERE EXISTS (SELECT FROM record.resource r WHERE r.type = 96);
