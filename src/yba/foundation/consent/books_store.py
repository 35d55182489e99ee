"""The SQL of the privacy officer's books."""

from typing import LiteralString

FILED: LiteralString = """
    SELECT processing_id, started_on, impact_due_on, impact_filed_on, impact_result, note
      FROM consent.processing
"""
KEEP: LiteralString = """
    INSERT INTO consent.processing (processing_id, started_on, impact_due_on, impact_filed_on,
           impact_result, note, changed_at, changed_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (processing_id) DO UPDATE
       SET started_on = excluded.started_on, impact_due_on = excluded.impact_due_on,
           impact_filed_on = excluded.impact_filed_on, impact_result = excluded.impact_result,
           note = excluded.note, changed_at = excluded.changed_at,
           changed_by = excluded.changed_by
"""
ADD_BREACH: LiteralString = """
    INSERT INTO consent.breach (breach_id, discovered_at, happened_at, notify_by, nature,
           data_kinds, tell_persons, persons_about, cause, consequences, measures, contact,
           account_id, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
_BREACH: LiteralString = """
    SELECT breach_id, discovered_at, happened_at, notify_by, nature, data_kinds, tell_persons,
           persons_about, cause, consequences, measures, contact, authority_notified_at,
           authority_reference, late_reason, persons_notified_at, closed_at, keep_until
      FROM consent.breach
"""
BREACHES: LiteralString = _BREACH + " ORDER BY closed_at IS NOT NULL, notify_by LIMIT 200"
ONE_BREACH: LiteralString = _BREACH + " WHERE breach_id = $1 FOR UPDATE"
NOTIFIED: LiteralString = """
    UPDATE consent.breach SET authority_notified_at = $2, authority_reference = $3,
           late_reason = $4, changed_at = $2
     WHERE breach_id = $1 AND authority_notified_at IS NULL
"""
ADD_PERSONS: LiteralString = """
    INSERT INTO consent.breach_person (breach_id, patient_id)
    SELECT $1, patient_id FROM unnest($2::text[]) AS patient_id ON CONFLICT DO NOTHING
"""
UNTOLD: LiteralString = """
    UPDATE consent.breach_person SET told_at = $2 WHERE breach_id = $1 AND told_at IS NULL
    RETURNING patient_id
"""
PERSONS_TOLD: LiteralString = """
    UPDATE consent.breach SET persons_notified_at = $2, changed_at = $2 WHERE breach_id = $1
"""
CLOSE_BREACH: LiteralString = """
    UPDATE consent.breach SET closed_at = $2, keep_until = $3, changed_at = $2
     WHERE breach_id = $1 AND closed_at IS NULL AND authority_notified_at IS NOT NULL
"""
PERSONS: LiteralString = """
    SELECT patient_id FROM consent.breach_person WHERE breach_id = $1 ORDER BY patient_id LIMIT 1000
"""
ADD_AGREEMENT: LiteralString = """
    INSERT INTO consent.agreement (agreement_id, party_code, party_name, purpose, kinds, basis,
           protection, valid_from, valid_to, reference, account_id, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
AGREEMENTS: LiteralString = """
    SELECT agreement_id, party_code, party_name, purpose, kinds, basis, protection, valid_from,
           valid_to, reference
      FROM consent.agreement ORDER BY agreement_id DESC LIMIT 500
"""
