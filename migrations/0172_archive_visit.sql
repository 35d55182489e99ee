-- The visit of an archived record stays closed, whoever writes the statement.
CREATE FUNCTION archive.keep_visit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM archive.record r
                WHERE r.encounter_id = OLD.encounter_id AND r.state IN ('archived', 'destroyed')) THEN
        RAISE EXCEPTION 'encounters.visit: its medical record is archived'
            USING ERRCODE = 'raise_exception', CONSTRAINT = 'archive.is-archived';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER archived_visit_stays BEFORE UPDATE OF state ON encounters.visit
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state AND OLD.state = 'finished')
    EXECUTE FUNCTION archive.keep_visit();
