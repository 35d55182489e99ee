"""Validation of resources against the FHIR R4 definitions: structure, cardinality, formats, required codes.

`check` answers the usual case with one decode at C speed and one generated walk over the typed tree; only when
that fails does `walker` read the plain JSON to name every issue. Invariants and profiles are not checked here.
Standard: FHIR R4 resource validation, https://hl7.org/fhir/R4/validation.html.
"""

from yba.fhir.validation.service import check, is_sound
from yba.fhir.validation.walker import Issue

__all__ = ["Issue", "check", "is_sound"]
