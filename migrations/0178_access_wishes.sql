-- What citizens have hidden and shared joins the guard of the record.
DROP VIEW access.restriction_v1;
CREATE VIEW access.restriction_v1 AS
SELECT patient,
       CASE WHEN account IS NOT NULL THEN 'account:' || account
            WHEN department IS NOT NULL THEN 'department:' || department END AS holder,
       type, rid, since, until
  FROM consent.restriction_v1;

CREATE OR REPLACE VIEW access.relation_v1 AS
SELECT patient, holder, extent, categories, overrides, since, until FROM access.relation
UNION ALL
SELECT patient,
       CASE WHEN account IS NOT NULL THEN 'account:' || account
            ELSE 'department:' || department END,
       'care', 0, false, since, coalesce(until, 'infinity')
  FROM consent.share_v1;
