"""A FHIR search as one SQL statement: `parse` → typed tree → `compile`.

Main rule: what cannot be answered exactly is refused by name, never ignored. Nothing here does
I/O; `search` in the record's service runs what is composed here.
Standard: FHIR R4 search, https://hl7.org/fhir/R4/search.html. Our readings: docs/standards/fhir.md.
"""
