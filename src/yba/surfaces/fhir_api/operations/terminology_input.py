"""What terminology operations are asked, read from their parameters, and how they answer.

Main rule: a parameter that an operation does not know is refused; nothing is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import orjson

from yba.fhir import r4
from yba.foundation.record.errors import UnreadableBody
from yba.foundation.terminology.service import Coded
from yba.kernel.clock import local_date
from yba.surfaces.fhir_api.operation import Call, Given

Json = dict[str, Any]
_MOST_CODINGS = 100
_DAY = len("2026-01-01")


def refuse_unknown(call: Call, given: Given, known: Iterable[str]) -> None:
    """Raise UnreadableBody if a parameter is given that this operation does not know."""
    unknown = sorted(set(given.names) - set(known))
    if unknown and "handling=lenient" not in call.exchange.header(b"prefer"):
        name = unknown[0][:50]
        raise UnreadableBody(reason=f"${call.operation.name} does not know the parameter {name}")


def day(call: Call, given: Given) -> date:
    """Return the day that the question is about: `date`, or today."""
    text = given.text("date")
    if not text:
        return local_date(call.do.clock())
    try:
        if len(text) <= _DAY:
            # A year or a month means its first day.
            return date.fromisoformat(text + "0000-01-01"[len(text) :])
        return local_date(datetime.fromisoformat(text.replace(" ", "+")))
    except (ValueError, TypeError):
        raise UnreadableBody(reason="the parameter date must be a date") from None


def coded(value: Any, name: str = "coding") -> Coded:
    """Return a Coding; in an address it may be written `system|code`. Raises UnreadableBody."""
    if isinstance(value, str) and "|" in value:
        system, _, code = value.rpartition("|")
        return Coded(system, code)
    if not isinstance(value, r4.Coding) or not value.code:
        raise UnreadableBody(reason=f"the parameter {name} must be a Coding with a code")
    return Coded(value.system or "", value.code, value.version or "", value.display or "")


def codings(given: Given, *, system: str, version: str) -> list[Coded]:
    """Return what code, coding or codeableConcept say; exactly one of them must be given."""
    ways = [name for name in ("code", "coding", "codeableConcept") if name in given]
    if len(ways) != 1:
        raise UnreadableBody(reason="exactly one of code, coding and codeableConcept must be given")
    if ways == ["code"]:
        return [Coded(system, given.text("code"), version, given.text("display"))]
    if given.text("display"):
        raise UnreadableBody(reason="display belongs to code, not to coding or codeableConcept")
    if ways == ["coding"]:
        return [coded(given.one("coding"))]
    concept = given.one("codeableConcept")
    if not isinstance(concept, r4.CodeableConcept):
        raise UnreadableBody(reason="the parameter codeableConcept must be a CodeableConcept")
    if len(concept.coding or ()) > _MOST_CODINGS:
        raise UnreadableBody(reason=f"a codeableConcept may have {_MOST_CODINGS} codings at most")
    return [coded(one) for one in concept.coding or () if one.code]


def resource_json(given: Given, name: str, type_: type[r4.Resource]) -> Json | None:
    """Return a resource that comes along with the question, as JSON."""
    if name not in given and given.body is None:
        return None
    resource = given.resource(name)
    if not isinstance(resource, type_):
        raise UnreadableBody(reason=f"the parameter {name} must be a {type_.__name__}")
    return orjson.loads(r4.encode(resource))


def maybe_flag(given: Given, name: str) -> bool | None:
    """Return yes, no, or that nothing is said."""
    return given.flag(name) if name in given else None


def parameter(name: str, kind: str, value: Any) -> Json:
    """Return one output parameter."""
    return {"name": name, f"value{kind}": value}


async def answer(call: Call, parameters: list[Json]) -> None:
    """Answer a Parameters resource."""
    await answer_json(call, {"resourceType": "Parameters", "parameter": parameters})


async def answer_json(call: Call, resource: Json) -> None:
    """Answer a resource written as JSON in the order of the definitions."""
    await call.exchange.answer(200, orjson.dumps(resource))
