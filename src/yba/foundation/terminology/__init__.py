"""Code lists as dated data: diagnoses, services, drugs, units of the country.

Owns the schema `terminology` (tables `edition`, `concept`). A code is valid
from one day to another; a new list closes the old one's validity and never
rewrites it, so that a closed record keeps meaning what it meant.

The program ships small sets written for it (`data/`); the ministry's full
lists are imported with `yba terminology import`.

Standards: ICD-10 (WHO; Decision 4469/QĐ-BYT, Circular 06/2026/TT-BYT), claim
lists of Decision 130/QĐ-BYT and its amendments, Decision 19/2025/QĐ-TTg.
"""
