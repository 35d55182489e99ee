"""Units of measure: UCUM read, compared, converted and calculated with, without rounding.

Pure: no clock, no database. Standard: UCUM 2.2 (2024-06-17).
"""

from yba.fhir.ucum.errors import UnitError
from yba.fhir.ucum.service import (
    canonical,
    comparable,
    convert,
    display_name,
    divide,
    is_valid,
    multiply,
)

__all__ = (
    "UnitError",
    "canonical",
    "comparable",
    "convert",
    "display_name",
    "divide",
    "is_valid",
    "multiply",
)
