"""Audit: who read or changed whose record, when, and for what purpose.

Owns audit.event, which nothing may change or delete. The row is written in
the transaction of the act it describes: no act without its trace, no trace
without its act. Names of staff are kept as they were at that moment.

Standard: FHIR R4 AuditEvent (action C R U D E; purpose from HL7 PurposeOfUse).
"""
