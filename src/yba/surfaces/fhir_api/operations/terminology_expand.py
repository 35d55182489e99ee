"""$expand: the codes of a value set.

Standard: FHIR R4 OperationDefinition ValueSet-expand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from yba.fhir import r4
from yba.foundation.record.errors import UnreadableBody
from yba.foundation.record.rows import Moment
from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.service import Expansion, Wanted, Wishes
from yba.surfaces.fhir_api.operation import Call, Given, Operation
from yba.surfaces.fhir_api.operations.terminology import value_set_name
from yba.surfaces.fhir_api.operations.terminology_input import (
    Json,
    answer_json,
    day,
    refuse_unknown,
    resource_json,
)

_BOOLEANS = (
    *("includeDesignations", "includeDefinition", "activeOnly", "excludeNested"),
    *("excludeNotForUI", "excludePostCoordinated"),
)
_VERSIONS = ("system-version", "check-system-version", "force-system-version")
_KNOWN = (
    *("url", "valueSet", "valueSetVersion", "context", "contextDirection", "filter", "date"),
    *("offset", "count", "designation", "displayLanguage", "exclude-system"),
    *_BOOLEANS,
    *_VERSIONS,
)
# Parameters that are said again in the answer, with their types.
_ECHOED = (
    ("filter", "String"), ("date", "DateTime"), ("displayLanguage", "Code"),
    *((name, "Boolean") for name in _BOOLEANS), ("designation", "String"),
    ("exclude-system", "Uri"), *((name, "Uri") for name in _VERSIONS),
    ("offset", "Integer"), ("count", "Integer"),
)  # fmt: skip


async def _expand(call: Call) -> None:
    given = await call.given()
    refuse_unknown(call, given, _KNOWN)
    if "context" in given or "contextDirection" in given:
        raise UnreadableBody(reason="the parameter context is not served: give url or valueSet")
    along = resource_json(given, "valueSet", r4.ValueSet)
    name = value_set_name(call, given)
    if along is None and not name:
        raise UnreadableBody(reason="the value set must be named: url, or given: valueSet")
    wanted = Wanted(
        value_set=name,
        given=along,
        on=day(call, given),
        filter=given.text("filter"),
        offset=given.number("offset"),
        count=given.number("count") if "count" in given else None,
        designations=given.flag("includeDesignations"),
        designation=frozenset(str(token) for token in given.all("designation")),
        active_only=given.flag("activeOnly"),
        # A flat list unless a hierarchy is asked for in so many words.
        nested="excludeNested" in given and not given.flag("excludeNested"),
        for_choice=given.flag("excludeNotForUI"),
        language=given.text("displayLanguage"),
        wishes=_wishes(given),
    )
    async with call.do.database.transaction() as tx:
        found = await terminology.expand(tx, wanted)
    definition = given.flag("includeDefinition")
    await answer_json(call, _value_set(call, given, along, found, definition=definition))


def _wishes(given: Given) -> Wishes:
    assumed, checked, forced = (dict(_pairs(name, given.all(name))) for name in _VERSIONS)
    excluded = frozenset(str(url).partition("|")[0] for url in given.all("exclude-system"))
    return Wishes(assumed, forced, checked, excluded)


def _pairs(name: str, values: Iterable[Any]) -> Iterable[tuple[str, str]]:
    for value in values:
        url, mark, version = str(value).partition("|")
        if not mark or not version:
            raise UnreadableBody(reason=f"the parameter {name} must be system|version")
        yield url, version


def _value_set(
    call: Call, given: Given, along: Json | None, found: Expansion, *, definition: bool
) -> Json:
    known = found.value_set
    result: Json = {"resourceType": "ValueSet"}
    if along is not None:
        head = {k: along[k] for k in ("id", "url", "version", "name", "title") if k in along}
        result |= head | {"status": along.get("status", "active")}
    else:
        if known.resource:
            result["id"] = known.resource.partition("/")[2]
        pairs = (
            ("url", known.url if not known.url.startswith("ValueSet/") else ""),
            ("version", known.version), ("name", known.name), ("title", known.title),
        )  # fmt: skip
        result |= {name: value for name, value in pairs if value}
        result["status"] = known.status or "active"
    compose = along.get("compose") if along is not None else known.definition.get("compose")
    if definition and compose:
        result["compose"] = compose
    expansion: Json = {
        "identifier": f"urn:uuid:{uuid4()}",
        "timestamp": Moment(call.do.clock()).text,
        "total": found.total,
    }
    if found.offset is not None:
        expansion["offset"] = found.offset
    parameters = [*_echoed(given), *({"name": "version", "valueUri": v} for v in found.versions)]
    if parameters:
        expansion["parameter"] = parameters
    if found.contains:
        expansion["contains"] = found.contains
    result["expansion"] = expansion
    return result


def _echoed(given: Given) -> Iterable[Json]:
    for name, kind in _ECHOED:
        for value in given.all(name):
            match kind:
                case "Boolean":
                    shown: Any = given.flag(name)
                case "Integer":
                    shown = given.number(name)
                case _:
                    shown = str(value)
            yield {"name": name, f"value{kind}": shown}


OPERATIONS = (
    Operation(
        "expand",
        "http://hl7.org/fhir/OperationDefinition/ValueSet-expand",
        frozenset({"type", "instance"}),
        "fhir.read",
        _expand,
        frozenset({"ValueSet"}),
    ),
)
