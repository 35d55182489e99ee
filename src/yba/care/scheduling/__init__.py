"""Rooms that see patients, their tickets and their boards.

Owns scheduling.clinic and scheduling.counter (one row per clinic and local
day, so numbers are unique and without gaps). A ticket is a work item of kind
"visit" at the place of the clinic; who goes first is decided by priority
class, then by number.
Standard: FHIR R4 Location; Law 15/2023/QH15 art. 3 on priority.
"""
