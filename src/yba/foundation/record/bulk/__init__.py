"""Bulk data: whole exports and imports as jobs of the worker, never of a request.

Owns record.bulk_job. Main rules: an export shows one moment, completely; a job that was killed is
taken up again; nobody but who asked sees a job or its files.
Standard: HL7 FHIR Bulk Data Access 2.0.
"""
