"""The CapabilityStatement: generated from what is on, so it cannot promise more."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from yba.fhir import r4
from yba.foundation.record.plans import TYPE_NAMES
from yba.foundation.record.rows import Moment
from yba.surfaces.fhir_api import operations, searchable

_INTERACTIONS = (
    "read", "vread", "update", "delete", "history-instance", "history-type", "create",
    "search-type",
)  # fmt: skip
_COMPARTMENTS = ("patient", "encounter", "relatedPerson", "practitioner", "device")


@lru_cache(maxsize=4)
def statement(base: str, name: str, version: str, at: datetime) -> bytes:
    """Return the statement as JSON."""
    rest: dict[str, Any] = {
        "mode": "server",
        "security": r4.CapabilityStatementRestSecurity(
            description="Every request except this one needs a bearer token.",
        ),
        "resource": [_resource(type_) for type_ in TYPE_NAMES],
        "interaction": [
            r4.CapabilityStatementRestInteraction(code=code)  # type: ignore[arg-type]
            for code in ("transaction", "batch", "history-system", "search-system")
        ],
        "searchParam": searchable.parameters_of_all(),
        "compartment": [
            f"http://hl7.org/fhir/CompartmentDefinition/{name}" for name in _COMPARTMENTS
        ],
        "operation": [
            r4.CapabilityStatementRestResourceOperation(name=one.name, definition=one.definition)
            for one in operations.ALL
            if one.serves("system", None)
        ]
        or None,
    }
    return r4.encode(
        r4.CapabilityStatement(
            status="active",
            date=Moment(at).text,
            kind="instance",
            software=r4.CapabilityStatementSoftware(name="Yba", version=version),
            implementation=r4.CapabilityStatementImplementation(description=name, url=base),
            fhirVersion="4.0.1",
            format=["application/fhir+json", "json"],
            rest=[r4.CapabilityStatementRest(**rest)],
        )
    )


def _resource(type_: str) -> r4.CapabilityStatementRestResource:
    return r4.CapabilityStatementRestResource(
        type=type_,  # type: ignore[arg-type]
        interaction=[
            r4.CapabilityStatementRestResourceInteraction(code=code)  # type: ignore[arg-type]
            for code in _INTERACTIONS
        ],
        versioning="versioned-update",
        readHistory=True,
        updateCreate=True,
        conditionalCreate=True,
        conditionalRead="full-support",
        conditionalUpdate=True,
        conditionalDelete="single",
        operation=_operations_of(type_) or None,
        searchInclude=searchable.inclusions(type_) or None,
        searchRevInclude=searchable.reverse_inclusions(type_),
        searchParam=searchable.parameters_of(type_),
    )


def _operations_of(type_: str) -> list[r4.CapabilityStatementRestResourceOperation]:
    """Return the operations that may be called at this type or at one of its resources."""
    return [
        r4.CapabilityStatementRestResourceOperation(name=one.name, definition=one.definition)
        for one in operations.ALL
        if one.serves("type", type_) or one.serves("instance", type_)
    ]
