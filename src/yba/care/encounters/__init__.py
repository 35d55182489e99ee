"""Visits: opened at the desk, seen by a doctor, closed complete.

Owns encounters.visit (state machine, claim key, idempotency key). What was
found lives in the record: Encounter, Observation (vital signs), Composition
(reason, history, examination, course), Condition (diagnoses), Appointment
(follow-up). A correction is a new version, never an overwrite.
Standard: FHIR R4 Encounter; claim keys of Decision 4750/QĐ-BYT.
"""
