"""$translate and $closure.

Standard: FHIR R4 OperationDefinition ConceptMap-translate, ConceptMap-closure.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, cast

from yba.fhir import r4
from yba.foundation.record.errors import UnreadableBody
from yba.foundation.record.rows import Moment
from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.service import Coded, Delta, Match, Translating
from yba.surfaces.fhir_api.operation import Call, Given, Operation, value_of
from yba.surfaces.fhir_api.operations.terminology_input import (
    Json,
    answer,
    answer_json,
    coded,
    codings,
    day,
    parameter,
    refuse_unknown,
    resource_json,
)

_DEFINITION = "http://hl7.org/fhir/OperationDefinition/"
_TRANSLATE = (
    *("url", "conceptMap", "conceptMapVersion", "code", "system", "version", "source", "coding"),
    *("codeableConcept", "target", "targetsystem", "dependency", "reverse"),
)
_CLOSURE = ("name", "concept", "version")


async def _translate(call: Call) -> None:
    given = await call.given()
    refuse_unknown(call, given, _TRANSLATE)
    along = resource_json(given, "conceptMap", r4.ConceptMap)
    asked = codings(given, system=given.text("system"), version=given.text("version"))
    if not all(one.system for one in asked):
        raise UnreadableBody(reason="a system must be given with the code")
    name = given.text("url") if call.id is None else f"ConceptMap/{call.id}"
    async with call.do.database.transaction() as tx, AsyncExitStack() as stack:
        if along is not None:
            await stack.enter_async_context(terminology.scratch(tx))
            name = await terminology.try_map(tx, along)
        matches = await terminology.translate(
            tx,
            Translating(
                asked,
                map=name,
                version=given.text("conceptMapVersion") if along is None else "",
                source=given.text("source"),
                target=given.text("target"),
                target_system=given.text("targetsystem"),
                is_reverse=given.flag("reverse"),
                dependencies=_dependencies(given),
            ),
        )
    await answer(call, _matches(matches))


def _dependencies(given: Given) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for parts in given.all("dependency"):
        if not isinstance(parts, list):
            raise UnreadableBody(reason="the parameter dependency must have parts")
        values: dict[str, Any] = {
            part.name or "": value_of(part) for part in cast("list[r4.ParametersParameter]", parts)
        }
        concept = values.get("concept")
        if isinstance(concept, r4.CodeableConcept):
            element = str(values.get("element", ""))
            found += [(element, c.system or "", c.code or "") for c in concept.coding or ()]
    return found


def _matches(matches: list[Match]) -> list[Json]:
    is_success = terminology.is_success(matches)
    result = [parameter("result", "Boolean", is_success)]
    if not is_success:
        message = "No translation was found." if not matches else "There is no such translation."
        result.append(parameter("message", "String", message))
    for match in matches:
        parts = [parameter("equivalence", "Code", match.equivalence)]
        if match.target is not None:
            parts.append(parameter("concept", "Coding", _coding(match.target)))
        for product in match.product:
            coding = {
                "system": product.get("system"), "code": product.get("value"),
                "display": product.get("display"),
            }  # fmt: skip
            parts.append(
                {
                    "name": "product",
                    "part": [
                        parameter("element", "Uri", product.get("property", "")),
                        parameter("concept", "Coding", {k: v for k, v in coding.items() if v}),
                    ],
                }
            )
        if match.source.partition("|")[0] and not match.source.startswith("urn:yba:scratch"):
            parts.append(parameter("source", "Uri", match.source))
        result.append({"name": "match", "part": parts})
    return result


def _coding(one: Coded) -> Json:
    pairs = (
        ("system", one.system), ("version", one.version), ("code", one.code),
        ("display", one.display),
    )  # fmt: skip
    return {name: value for name, value in pairs if value}


async def _closure(call: Call) -> None:
    given = await call.given()
    refuse_unknown(call, given, _CLOSURE)
    name, version = given.text("name"), given.text("version")
    if version and (not version.isascii() or not version.isdigit() or len(version) > 9):
        raise UnreadableBody(reason="the parameter version must be one that $closure gave")
    concepts = [coded(one, "concept") for one in given.all("concept")]
    async with call.do.database.transaction() as tx:
        delta = await terminology.closure(
            tx,
            # Every account has its own tables: one client cannot read or spoil another's.
            name=f"{call.actor.account_id}/{name}" if name else "",
            concepts=concepts,
            since=int(version) if version else None,
            on=day(call, Given((), None)),
        )
    await answer_json(call, _delta(call, name, delta))


def _delta(call: Call, name: str, delta: Delta) -> Json:
    groups: dict[str, dict[str, list[Json]]] = {}
    for pair in delta.pairs:
        groups.setdefault(pair.system, {}).setdefault(pair.code, []).append(
            {"code": pair.above, "equivalence": "subsumes"}
        )
    result: Json = {
        "resourceType": "ConceptMap",
        "version": str(delta.version),
        "name": name,
        "status": "active",
        "experimental": True,
        "date": Moment(call.do.clock()).text,
        "description": "What to add to the closure table of this name.",
    }
    if groups:
        result["group"] = [
            {
                "source": system,
                "target": system,
                "element": [{"code": code, "target": above} for code, above in elements.items()],
            }
            for system, elements in groups.items()
        ]
    return result


OPERATIONS = (
    Operation(
        "translate", _DEFINITION + "ConceptMap-translate", frozenset({"type", "instance"}),
        "fhir.read", _translate, frozenset({"ConceptMap"}),
    ),
    Operation(
        "closure", _DEFINITION + "ConceptMap-closure", frozenset({"system"}), "fhir.read",
        _closure, frozenset({"ConceptMap"}), by_post_only=True,
    ),
)  # fmt: skip
