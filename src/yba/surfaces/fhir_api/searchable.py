"""What the CapabilityStatement says of searches: parameters with their definitions, inclusions.

Standard: FHIR R4 CapabilityStatement.rest.resource.searchParam, searchInclude, searchRevInclude.
"""

from __future__ import annotations

from functools import lru_cache

from yba.fhir import r4
from yba.fhir.index import SearchParam
from yba.foundation.record.plans import TYPE_NAMES, plan_of
from yba.foundation.record.query.parse import is_answered

_ANY_TYPE = ("_id", "_lastUpdated", "_tag", "_profile", "_security", "_source", "_filter")


def parameters_of(type_: str) -> list[r4.CapabilityStatementRestResourceSearchParam]:
    """Return the parameters that a search of one type answers."""
    found = [_described(p) for p in plan_of(type_).parameters.values() if is_answered(p)]
    return sorted([*found, _listed()], key=lambda parameter: parameter.name or "")


def parameters_of_all() -> list[r4.CapabilityStatementRestResourceSearchParam]:
    """Return the parameters that a search of all types answers."""
    common = plan_of("Patient").parameters
    types = r4.CapabilityStatementRestResourceSearchParam(
        name="_type",
        type="special",
        documentation="The types to search, separated by commas; all without it.",
    )
    return [*(_described(common[code]) for code in _ANY_TYPE), _listed(), types]


def inclusions(type_: str) -> list[str | None]:
    """Return the values of `_include` that follow references of a type."""
    codes = [p.code for p in plan_of(type_).parameters.values() if p.kind == "reference"]
    return ["*", f"{type_}:*", *sorted(f"{type_}:{code}" for code in codes)] if codes else []


@lru_cache(maxsize=400)
def reverse_inclusions(type_: str, parameters: int) -> list[str | None]:  # noqa: ARG001
    """Return the values of `_revinclude` that name this type as what they may refer to.

    `parameters` is the version of the list of those that this site has added.
    """
    found = (
        f"{source}:{parameter.code}"
        for source in TYPE_NAMES
        for parameter in plan_of(source).parameters.values()
        if parameter.kind == "reference" and type_ in parameter.targets
    )
    return ["*", *sorted(found)]


def _described(parameter: SearchParam) -> r4.CapabilityStatementRestResourceSearchParam:
    return r4.CapabilityStatementRestResourceSearchParam(
        name=parameter.code,
        definition=parameter.definition or None,
        type=parameter.kind,  # type: ignore[arg-type]
    )


def _listed() -> r4.CapabilityStatementRestResourceSearchParam:
    return r4.CapabilityStatementRestResourceSearchParam(
        name="_list",
        type="special",
        documentation="What the List resources with these ids name, or the functional lists"
        " $current-problems, $current-medications, $current-allergies and $current-drug-allergies.",
    )
