"""Laboratory results: collected, entered, verified, released, corrected.

Owns laboratory.request and laboratory.result. Nothing unreleased leaves this
package: only release writes Observation and DiagnosticReport to the record.
Standard: FHIR R4 Observation.status, DiagnosticReport.
"""
