"""The CapabilityStatement: generated from what is on, so it cannot promise more."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from yba.fhir import r4
from yba.foundation.authorization import service as authorization
from yba.foundation.record.plans import TYPE_NAMES, filed_with
from yba.foundation.record.rows import Moment
from yba.foundation.record.subscriptions import topics
from yba.surfaces.fhir_api import operations, searchable

_INTERACTIONS = (
    "read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create",
    "search-type",
)  # fmt: skip
_DOCUMENTATION = (
    "A conditional delete that matches several resources deletes none (412), unless `_count` says how "
    "many it may delete. Conditional patch is supported. A write may carry an Idempotency-Key and is "
    "then done once. Conditions never ignore unknown parameters. `_sort` takes "
    "every parameter but the special ones; identifiers, references to any type and composites for up "
    "to 5,000 matches. `_contained` and `_containedType` are answered in searches of one type."
)
_COMPARTMENTS = ("patient", "encounter", "relatedPerson", "practitioner", "device")
_TOPIC = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
    "capabilitystatement-subscriptiontopic-canonical"
)


# Below the FHIR base: where programs learn how to be let in.
SMART = ".well-known/smart-configuration"
_OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def statement(base: str, name: str, version: str, at: datetime, *, issuer: str = "") -> bytes:
    """Return the statement as JSON; `issuer` is the authorization server in front of the base."""
    return _statement(base, name, version, at, filed_with(), issuer or base.removesuffix("/fhir"))


def smart(issuer: str) -> bytes:
    """Return the SMART configuration as JSON."""
    return msgspec.json.encode(authorization.smart_configuration(issuer))


def _security(issuer: str) -> r4.CapabilityStatementRestSecurity:
    """Return how to be let in, also as servers told it before SMART App Launch 2.0."""
    places = {
        name: f"{issuer}/oauth/{name}" for name in ("authorize", "token", "introspect", "revoke")
    }
    places["manage"] = f"{issuer}/programs"
    return r4.CapabilityStatementRestSecurity(
        cors=True,
        description="Every request except this one and the SMART configuration needs a bearer token.",
        service=[
            r4.CodeableConcept(
                coding=[r4.Coding(system=_SERVICES, code="SMART-on-FHIR")], text="SMART on FHIR"
            )
        ],
        extension=[
            r4.Extension(
                url=_OAUTH,
                extension=[
                    r4.Extension(url=name, valueUri=place) for name, place in places.items()
                ],
            )
        ],
    )


@lru_cache(maxsize=4)
def _statement(
    base: str,
    name: str,
    version: str,
    at: datetime,
    parameters: int,  # noqa: ARG001
    issuer: str,
) -> bytes:
    """Return the statement with the search parameters of one version of their list."""
    rest: dict[str, Any] = {
        "mode": "server",
        "documentation": _DOCUMENTATION,
        "security": _security(issuer),
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
            format=[
                "application/fhir+json",
                "application/fhir+xml",
                "json",
                "xml",
            ],
            patchFormat=[
                "application/json-patch+json",
                "application/fhir+json",
                "application/fhir+xml",
                "application/merge-patch+json",
            ],
            instantiates=["http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"]
            if any(one.name == "export" for one in operations.ALL)
            else None,
            rest=[r4.CapabilityStatementRest(**rest)],
        )
    )


def _resource(type_: str) -> r4.CapabilityStatementRestResource:
    return r4.CapabilityStatementRestResource(
        type=type_,  # type: ignore[arg-type]
        extension=_topics() if type_ == "Subscription" else None,
        profile=f"http://hl7.org/fhir/StructureDefinition/{type_}",
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
        referencePolicy=["literal", "logical", "local"],
        operation=_operations_of(type_) or None,
        searchInclude=searchable.inclusions(type_) or None,
        searchRevInclude=searchable.reverse_inclusions(type_, filed_with()),
        searchParam=searchable.parameters_of(type_),
    )


def _topics() -> list[r4.Extension]:
    """Return the topics that can be subscribed to, as R4 servers tell them."""
    return [r4.Extension(url=_TOPIC, valueCanonical=topic.url) for topic in topics.OFFERED]


def _operations_of(type_: str) -> list[r4.CapabilityStatementRestResourceOperation]:
    """Return the operations that may be called at this type or at one of its resources."""
    return [
        r4.CapabilityStatementRestResourceOperation(name=one.name, definition=one.definition)
        for one in operations.ALL
        if one.serves("type", type_) or one.serves("instance", type_)
    ]
