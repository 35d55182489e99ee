"""Code lists as dated data: diagnoses, services, drugs, units of the country.

Owns the schema `terminology`. A code is valid from one day to another; a new
list closes the old one's validity and never rewrites it, so that a closed
record keeps meaning what it meant (`edition`, `concept`).

The same concepts in the shape of FHIR: code systems with hierarchies
(`code_system`, `closure`), value sets with their members (`value_set`,
`member`), maps (`concept_map`, `mapping`), clients' closure tables. What the
record holds is taken up in its transaction (`taking_up`); a value set is
compiled when first asked for, and anew when a part of it changes
(`compiling`, `filtering`). Questions: `asking`, `expanding`, `translating`;
for search and validation `lookups`.

The program ships small sets written for it and the definitions of FHIR R4
(`data/`); the ministry's full lists are imported with `yba terminology
import`, packages and tables with `yba terminology load`.

Standards: FHIR R4 terminology module; ICD-10 (WHO; Decision 4469/QĐ-BYT,
Circular 06/2026/TT-BYT), claim
lists of Decision 130/QĐ-BYT and its amendments, Decision 19/2025/QĐ-TTg.
"""
