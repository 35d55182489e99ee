-- As for "not deleted": nearly every patient is the one that the type's own reference names.
CREATE STATISTICS record.resource_own_patient ON (flags & 4) FROM record.resource;
