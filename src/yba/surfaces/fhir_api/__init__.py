"""The FHIR R4 REST base at `/fhir`.

Owns no data: it reads and writes the record. Main rules: every refusal is an OperationOutcome;
nothing is ignored in silence; every request is authenticated by a bearer token and audited.
Standard: HL7 FHIR R4 http.html. What is on is told by `GET /fhir/metadata`.
"""
