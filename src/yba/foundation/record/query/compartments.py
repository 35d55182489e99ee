"""Compartments as conditions: what belongs to a patient, an encounter, a practitioner, a device.

Standard: FHIR R4 CompartmentDefinition and search, "Variant Searches".
"""

from __future__ import annotations

from yba.fhir.generated.compartments import COMPARTMENTS
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.tree import Condition, Either, Leaf


def lies_in(type_: str, compartment: str, id_: str) -> Condition:
    """Return "it lies in this compartment"; the resource that gives the compartment does, too.

    What can never lie in it meets nothing. Raises UnsearchableQuery if there is no such compartment.
    """
    if compartment not in COMPARTMENTS:
        raise UnsearchableQuery(reason=f"there is no compartment of {compartment}")
    plan = plan_of(type_)
    codes = COMPARTMENTS[compartment].get(type_, ())
    inner: list[Condition] = [
        Leaf(type_, plan.parameters[code], "", (f"{compartment}/{id_}",)) for code in codes
    ]
    if type_ == compartment:
        inner.append(Leaf(type_, plan.parameters["_id"], "", (id_,)))
    return inner[0] if len(inner) == 1 else Either(type_, tuple(inner))


def types_in(compartment: str) -> list[str]:
    """Return the types that may lie in a compartment."""
    return sorted({compartment, *COMPARTMENTS[compartment]})
