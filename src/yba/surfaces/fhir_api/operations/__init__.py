"""Every operation of the FHIR base. Each module ends with its OPERATIONS; this is the one list."""

from __future__ import annotations

from yba.surfaces.fhir_api.operation import Level, Operation
from yba.surfaces.fhir_api.operations import everything

ALL: tuple[Operation, ...] = (*everything.OPERATIONS,)


def find(name: str, level: Level, type_: str | None) -> Operation | None:
    """Return the operation of this name that may be called at this place."""
    for operation in ALL:
        if operation.name == name and operation.serves(level, type_):
            return operation
    return None
