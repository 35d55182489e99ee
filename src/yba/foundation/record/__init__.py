"""The record: every clinical fact as a FHIR R4 resource, stored, versioned, searchable.

Owns schema `record` (resource, history, range, string, term). Main rules: what was saved is
found by the next statement; a search that cannot be answered exactly is refused; identical
content is not a new version; no acknowledged state is ever lost or overwritten.

Start at `service` (verbs for other contexts). `rows` turns a resource into what is stored,
`query` turns a FHIR search into one SQL statement, `bundle` prepares whole bundles.
Standard: HL7 FHIR R4 RESTful API and search. Measurements: docs/benchmarks.md.
"""
