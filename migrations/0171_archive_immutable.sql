-- Nothing that was written is overwritten: the database itself refuses the careless statement, a
-- superuser's too. Only an approved destruction (archive.destroying, set inside its transaction)
-- may remove; who sets that by hand does it knowingly, and the audit log shows the gap.

CREATE FUNCTION record.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') AND current_setting('archive.destroying', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '%.%: versions are never removed or overwritten', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON record.resource
    FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_removal();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON record.history
    FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_removal();
-- A restore moves positions (xid) and nothing else.
CREATE TRIGGER never_overwritten
    BEFORE UPDATE OF type, rid, version, updated, flags, body ON record.history
    FOR EACH STATEMENT EXECUTE FUNCTION record.refuse_removal();

-- The current state changes only together with its version. The condition is tested without a
-- call and reads no body unless the version stands still, so that writing costs what it did.
CREATE FUNCTION record.refuse_overwriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'record.resource: content changes by a new version only';
END
$$;
CREATE TRIGGER never_overwritten BEFORE UPDATE ON record.resource FOR EACH ROW
    WHEN (NEW.version < OLD.version OR NEW.version > OLD.version + 1
          OR (NEW.version = OLD.version AND NEW.body IS DISTINCT FROM OLD.body))
    EXECUTE FUNCTION record.refuse_overwriting();

CREATE OR REPLACE FUNCTION documents.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('archive.destroying', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'a signed document is never changed: sign a new version';
END
$$;
CREATE TRIGGER document_is_not_truncated BEFORE TRUNCATE ON documents.document
    FOR EACH STATEMENT EXECUTE FUNCTION documents.refuse_change();
CREATE TRIGGER copy_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON documents.paper_copy
    FOR EACH STATEMENT EXECUTE FUNCTION documents.refuse_change();
