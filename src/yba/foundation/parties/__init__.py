"""Persons and their papers: who somebody is, with which numbers, since when.

Owns parties.identifier (history of numbers; only active ones are unique) and
parties.person_search (the index behind the search box). The person herself
is a Patient, her card a Coverage, both in the record. Others read
parties.person_v1.
Standard: FHIR R4 Patient, Coverage; Decree 70/2024 on re-issued numbers.
"""
