"""FHIRPath: parse once, compile to closures, evaluate on typed resources.

    names = fhirpath.evaluate("name.where(use = 'official').given", patient)

The main rule: an expression that has no meaning raises FhirPathError; data that is merely absent gives an empty
list. Values are Python values (bool, int, Decimal, str, Temporal, Quantity) or `Node`s, elements with their type.
Standard: FHIRPath 2.0 (N1) with the functions that FHIR R4 adds.
"""

from yba.fhir.fhirpath.errors import FhirPathError, FhirPathSyntaxError
from yba.fhir.fhirpath.service import Expression, compile_expression, evaluate, is_true
from yba.fhir.fhirpath.temporal import Temporal
from yba.fhir.fhirpath.values import Collection, Item, Node, Quantity, system

__all__ = [
    "Collection",
    "Expression",
    "FhirPathError",
    "FhirPathSyntaxError",
    "Item",
    "Node",
    "Quantity",
    "Temporal",
    "compile_expression",
    "evaluate",
    "is_true",
    "system",
]
