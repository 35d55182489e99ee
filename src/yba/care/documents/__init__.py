"""Documents: the papers of a visit, composed from the record, signed, kept, checked.

Owns the schema `documents` (the register of signed papers and of their paper
copies). What is shown on screen, printed and archived are the same signed
bytes. A signed document is never changed: a correction is a new version that
names its reason and the version it replaces, and both stay.

Standards: FHIR R4 DocumentReference and Provenance, ISO 19005-2 (PDF/A-2a),
PAdES through `foundation.signing`.
Law: Circular 32/2023/TT-BYT annex XXVIII (form 15/BV1), Circular 13/2025/TT-BYT,
Circular 26/2025/TT-BYT (prescription), Decree 137/2024 (paper copies).
"""
