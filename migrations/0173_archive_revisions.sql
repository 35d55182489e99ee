-- A later revision of a signed paper goes with its paper, by destruction only.
CREATE TRIGGER revision_is_not_removed BEFORE DELETE ON documents.revision
    FOR EACH STATEMENT EXECUTE FUNCTION documents.refuse_change();
