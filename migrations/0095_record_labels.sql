-- What people read of a code (Coding.display, CodeableConcept.text), for :text. The texts stand in
-- term, once; a row keeps the keys of its own, which are compared and never looked up: the code's key
-- leads to the row. Rows written earlier get theirs by `$reindex`.
ALTER TABLE record.resource ADD COLUMN labels bigint[];
ALTER TABLE record.resource ALTER COLUMN labels SET STORAGE EXTERNAL;
ALTER TYPE record.resource_row ADD ATTRIBUTE labels text;
