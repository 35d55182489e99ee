"""The International Patient Summary: a document made from what the record holds about a patient.

Pure: resources go in, a document Bundle comes out. `sections` chooses, `conforming` fills what the
profiles demand, `narrative` writes the text that people read, `document` puts it together.
Standard: HL7 International Patient Summary 2.0.0 (R4), FHIR R4 documents.html.
"""
