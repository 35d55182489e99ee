"""The FHIR R4 language, pure: generated types, JSON, search values, validation.

No I/O and no health rules of this country. Start at `r4` (types, decode, encode), then `index`
(what can be searched) and `validation`.
Standard: HL7 FHIR R4 (4.0.1), https://hl7.org/fhir/R4.
"""
