-- Without it the planner takes "not deleted" for one row in two hundred and prefers to collect and
-- sort where walking an index in order would stop after a page.
CREATE STATISTICS record.resource_deleted ON (flags & 1) FROM record.resource;
