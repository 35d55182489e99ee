"""$lookup, $validate-code and $subsumes.

Standard: FHIR R4 OperationDefinition CodeSystem-lookup, CodeSystem-validate-code,
ValueSet-validate-code, CodeSystem-subsumes.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from yba.fhir import r4
from yba.foundation.record.errors import UnreadableBody
from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.service import Coded, Looked, Terms, Verdict
from yba.plumbing.database import Tx
from yba.surfaces.fhir_api.operation import Call, Given, Operation
from yba.surfaces.fhir_api.operations.terminology_input import (
    Json,
    answer,
    coded,
    codings,
    day,
    maybe_flag,
    parameter,
    refuse_unknown,
    resource_json,
)

_PERMISSION = "fhir.read"
_DEFINITION = "http://hl7.org/fhir/OperationDefinition/"
_LOOKUP = ("code", "system", "version", "coding", "date", "displayLanguage", "property")
_IN_SYSTEM = (
    *("url", "codeSystem", "code", "version", "display", "coding", "codeableConcept", "date"),
    *("abstract", "displayLanguage", "system"),
)
_IN_SET = (
    *("url", "context", "valueSet", "valueSetVersion", "code", "system", "systemVersion"),
    *("display", "coding", "codeableConcept", "date", "abstract", "displayLanguage", "inferSystem"),
)
_SUBSUMES = ("codeA", "codeB", "system", "version", "codingA", "codingB")


async def _lookup(call: Call) -> None:
    given = await call.given()
    refuse_unknown(call, given, _LOOKUP)
    if ("code" in given) == ("coding" in given):
        raise UnreadableBody(reason="either code and system, or coding must be given")
    if "coding" in given:
        asked = coded(given.one("coding"))
    else:
        asked = Coded(given.text("system"), given.text("code"), given.text("version"))
    if not asked.system:
        raise UnreadableBody(reason="a system must be given with the code")
    async with call.do.database.reading() as tx:
        found = await terminology.lookup(
            tx, coded=asked, on=day(call, given), language=given.text("displayLanguage")
        )
    names = frozenset(str(name) for name in given.all("property"))
    await answer(call, _looked(found, names))


def _looked(found: Looked, names: frozenset[str]) -> list[Json]:
    system, detail = found.system, found.detail
    result = [parameter("name", "String", system.name)]
    if system.version:
        result.append(parameter("version", "String", system.version))
    result.append(parameter("display", "String", found.display))
    result += [
        {"name": "designation", "part": _designation(one)}
        for one in found.designations
        if _wants(names, "designation", f"lang.{one.get('language', '')}")
    ]
    if _wants(names, "definition") and detail.definition:
        result.append(_property("definition", "String", detail.definition))
    for relative in found.relatives:
        name = "parent" if relative.is_parent else "child"
        if _wants(names, name):
            result.append(_property(name, "Code", relative.code, relative.display or ""))
    if _wants(names, "inactive") and all(a["c"] != "inactive" for a in found.attributes):
        result.append(_property("inactive", "Boolean", detail.is_inactive))
    if "url" in names:
        result.append(_property("url", "Uri", system.url))
    for attribute in found.attributes:
        if _wants(names, attribute["c"]):
            result.append(_attribute(dict(attribute)))
    return result


def _wants(names: frozenset[str], *of: str) -> bool:
    return not names or "*" in names or not names.isdisjoint(of)


def _designation(one: Any) -> list[Json]:
    parts: list[Json] = []
    if one.get("language"):
        parts.append(parameter("language", "Code", one["language"]))
    if one.get("use"):
        parts.append(parameter("use", "Coding", one["use"]))
    return [*parts, parameter("value", "String", one.get("value", ""))]


def _property(code: str, kind: str, value: Any, description: str = "") -> Json:
    parts = [parameter("code", "Code", code), parameter("value", kind, value)]
    if description:
        parts.append(parameter("description", "String", description))
    return {"name": "property", "part": parts}


def _attribute(attribute: dict[str, str]) -> Json:
    value: Any = attribute["v"]
    match attribute["t"]:
        case "Coding":
            parts = {"system": "s", "code": "v", "display": "d"}
            coding = {name: attribute[key] for name, key in parts.items() if attribute.get(key)}
            return _property(attribute["c"], "Coding", coding)
        case "boolean":
            value = value == "true"
        case "integer":
            value = int(value)
        case "decimal":
            value = float(value)
        case _:
            pass
    kind = attribute["t"][0].upper() + attribute["t"][1:]
    return _property(attribute["c"], kind, value)


# -- validation -----------------------------------------------------------------------------------


async def _validate_in_system(call: Call) -> None:
    given = await call.given()
    refuse_unknown(call, given, _IN_SYSTEM)
    along = resource_json(given, "codeSystem", r4.CodeSystem)
    url = given.text("url") or given.text("system")
    if call.id is not None:
        url = f"CodeSystem/{call.id}"
    async with call.do.database.transaction() as tx, AsyncExitStack() as stack:
        if along is not None:
            await stack.enter_async_context(terminology.scratch(tx))
            url = await terminology.try_system(tx, along)
        elif not url and "coding" in given:
            url = coded(given.one("coding")).system
        if not url:
            raise UnreadableBody(reason="the code system must be named: url")
        verdict = await _in_system(tx, given, url, _terms(call, given))
    await answer(call, _verdict(verdict))


async def _in_system(tx: Tx, given: Given, url: str, terms: Terms) -> Verdict:
    version = given.text("version")
    if url.startswith("CodeSystem/"):
        known = await terminology.known_system(tx, url=url)
        url, version = known.url, version or known.version
    refused: Verdict | None = None
    for one in codings(given, system=url, version=version):
        if one.system != url:
            refused = refused or Verdict(False, "The coding is of another code system.", coded=one)
            continue
        asked = Coded(url, one.code, one.version or version, one.display)
        verdict = await terminology.validate_in_system(tx, coded=asked, terms=terms)
        if verdict.result:
            return verdict
        refused = verdict
    return refused or Verdict(False, "No code is given.")


def _terms(call: Call, given: Given) -> Terms:
    return Terms(
        on=day(call, given),
        language=given.text("displayLanguage"),
        abstract=maybe_flag(given, "abstract"),
    )


async def _validate_in_set(call: Call) -> None:
    given = await call.given()
    refuse_unknown(call, given, _IN_SET)
    if "context" in given:
        raise UnreadableBody(reason="the parameter context is not served: give url or valueSet")
    along = resource_json(given, "valueSet", r4.ValueSet)
    name = value_set_name(call, given)
    if along is None and not name:
        raise UnreadableBody(reason="the value set must be named: url, or given: valueSet")
    asked = codings(given, system=given.text("system"), version=given.text("systemVersion"))
    async with call.do.database.transaction() as tx, AsyncExitStack() as stack:
        if along is not None:
            await stack.enter_async_context(terminology.scratch(tx))
            name = await terminology.try_value_set(tx, along)
        verdict = await terminology.validate_in_set(
            tx, value_set=name, codings=asked, terms=_terms(call, given)
        )
    await answer(call, _verdict(verdict))


def value_set_name(call: Call, given: Given) -> str:
    """Return the canonical of the value set that a call is about, or its place in the record."""
    if call.id is not None:
        return f"ValueSet/{call.id}"
    url, version = given.text("url"), given.text("valueSetVersion")
    return f"{url}|{version}" if url and version and "|" not in url else url


def _verdict(verdict: Verdict) -> list[Json]:
    result = [parameter("result", "Boolean", verdict.result)]
    if verdict.message:
        result.append(parameter("message", "String", verdict.message))
    if verdict.display:
        result.append(parameter("display", "String", verdict.display))
    return result


# -- comparing ------------------------------------------------------------------------------------


async def _subsumes(call: Call) -> None:
    given = await call.given()
    refuse_unknown(call, given, _SUBSUMES)
    async with call.do.database.reading() as tx:
        system, version = given.text("system"), given.text("version")
        if call.id is not None:
            known = await terminology.known_system(tx, url=f"CodeSystem/{call.id}")
            system, version = known.url, known.version
        a, b = (_side(given, letter, system, version) for letter in "AB")
        on = day(call, Given((), None))
        outcome = await terminology.subsumes(tx, a=a, b=b, on=on)
    await answer(call, [parameter("outcome", "Code", outcome)])


def _side(given: Given, letter: str, system: str, version: str) -> Coded:
    if f"coding{letter}" in given:
        one = coded(given.one(f"coding{letter}"), f"coding{letter}")
        return Coded(one.system or system, one.code, one.version or version)
    code = given.text(f"code{letter}")
    if not code or not system:
        raise UnreadableBody(reason="codeA, codeB and system, or codingA and codingB must be given")
    return Coded(system, code, version)


OPERATIONS = (
    Operation(
        "lookup", _DEFINITION + "CodeSystem-lookup", frozenset({"type"}), _PERMISSION, _lookup,
        frozenset({"CodeSystem"}),
    ),
    Operation(
        "validate-code", _DEFINITION + "CodeSystem-validate-code",
        frozenset({"type", "instance"}), _PERMISSION, _validate_in_system,
        frozenset({"CodeSystem"}),
    ),
    Operation(
        "validate-code", _DEFINITION + "ValueSet-validate-code",
        frozenset({"type", "instance"}), _PERMISSION, _validate_in_set, frozenset({"ValueSet"}),
    ),
    Operation(
        "subsumes", _DEFINITION + "CodeSystem-subsumes", frozenset({"type", "instance"}),
        _PERMISSION, _subsumes, frozenset({"CodeSystem"}),
    ),
)  # fmt: skip
