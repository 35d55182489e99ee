"""The audit trail as FHIR AuditEvents: read-only, for the patient herself and for auditors.

Main rule: nothing is stored twice; each resource is made from its row when asked for. Whoever may
not see the trail reaches only AuditEvents that other systems stored in the record.

Standards: FHIR R4 AuditEvent; IHE ITI Basic Audit Log Patterns 1.1 (Create, Read, Update, Delete,
Query and their Patient profiles), search as in RESTful ATNA (ITI-81).
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from yba.fhir import moments
from yba.foundation.audit import service as audit
from yba.foundation.audit.model import StoredEvent
from yba.kernel.actor import Actor
from yba.kernel.ids import decode_id, encode_id
from yba.kernel.refusal import AccessRefused, Unusable
from yba.surfaces.fhir_api.exchange import Exchange
from yba.surfaces.fhir_api.interactions import Interactions

TYPE = "AuditEvent"
AUDITOR = "privacy.audit"
_BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = "http://hl7.org/fhir/restful-interaction"
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_ACCOUNTS = "urn:yba:account"
_PROGRAMS = "urn:yba:program"
_KNOWN = frozenset(
    (
        "patient",
        "date",
        "agent",
        "action",
        "purpose",
        "_id",
        "_count",
        "_before",
        "_format",
        "_pretty",
    )
)
_PROFILES = {"C": "Create", "R": "Read", "U": "Update", "D": "Delete"}
_SUBTYPES = {"C": "create", "R": "read", "U": "update", "D": "delete", "E": "operation"}
_QUERIES = ("search", "query", "find")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JSON = msgspec.json.Encoder()


def is_asked(actor: Actor, query: str) -> bool:
    """Return whether a search is one of the trail by somebody who may see it."""
    fields = parse_qsl(query, keep_blank_values=True)
    if not {name.split(":")[0] for name, _ in fields} <= _KNOWN:
        return False
    return actor.may(AUDITOR) or actor.patient_id is not None


def question_of(actor: Actor, query: str) -> audit.Question:
    """Return what a search asks of the trail.

    Raises Unusable for a value that cannot be read, AccessRefused for somebody else's trail.
    """
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        match name:
            case "patient":
                found["patient_id"] = value.removeprefix("Patient/")
            case "date":
                low, high = _between(value)
                found["since"] = max(filter(None, (found.get("since"), low)), default=None)
                found["until"] = min(filter(None, (found.get("until"), high)), default=None)
            case "agent" | "agent:identifier":
                found["account_id"] = value.rpartition("|")[2]
            case "action":
                found["action"] = value.rpartition("|")[2]
            case "purpose":
                found["purpose"] = value.rpartition("|")[2]
            case "_id" | "_before":
                number = decode_id(value)
                if name == "_id":
                    found["id"] = -1 if number is None else number
                elif number is None:
                    raise Unusable
                else:
                    found["before"] = number
            case "_count":
                if not (value.isdecimal() and len(value) < 5 and int(value)):
                    raise Unusable
                found["count"] = int(value)
            case "_format" | "_pretty":
                pass
            case _:
                raise Unusable
    if not actor.may(AUDITOR):
        own = actor.patient_id
        if own is None or found.get("patient_id", own) != own:
            raise AccessRefused
        found["patient_id"] = own
    return audit.Question(**found)


def _between(value: str) -> tuple[datetime | None, datetime | None]:
    """Return from when and until when (not included) a date parameter reaches."""
    prefix, text = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    try:
        low, high = (_moment(edge) for edge in moments.range_of(text))
        after = high + timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise Unusable from None
    match prefix:
        case "eq":
            return low, after
        case "ge":
            return low, None
        case "gt" | "sa":
            return after, None
        case "lt" | "eb":
            return None, low
        case "le":
            return None, after
        case _:
            raise Unusable


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


async def search(do: Interactions, exchange: Exchange, actor: Actor) -> None:
    """Answer one page of the trail; the look is audited."""
    question = question_of(actor, exchange.query)
    async with do.database.reading() as tx:
        found = await audit.search(tx, question)
    await do.trail.note(actor, "fhir_api.audit-search", question.patient_id, [])
    await exchange.answer(200, _bundle(do.base, exchange.query, question, found))


async def read(do: Interactions, actor: Actor, id_: str) -> bytes | None:
    """Return one event of the trail, or None if there is none that the actor may see."""
    number = decode_id(id_)
    if number is None or not (actor.may(AUDITOR) or actor.patient_id is not None):
        return None
    own = None if actor.may(AUDITOR) else actor.patient_id
    async with do.database.reading() as tx:
        found = await audit.search(tx, audit.Question(id=number, patient_id=own))
    if not found:
        return None
    await do.trail.note(actor, "fhir_api.audit-read", found[0].patient_id, [])
    return _JSON.encode(resource_of(found[0], base=do.base))


def _bundle(base: str, query: str, question: audit.Question, found: list[StoredEvent]) -> bytes:
    stem = f"{base}/{TYPE}"
    fields = parse_qsl(query, keep_blank_values=True)
    links = [{"relation": "self", "url": f"{stem}?{urlencode(fields)}"}]
    if found and len(found) == min(question.count, 200):
        following = [pair for pair in fields if pair[0] != "_before"]
        following.append(("_before", encode_id(found[-1].id)))
        links.append({"relation": "next", "url": f"{stem}?{urlencode(following)}"})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    if found:
        bundle["entry"] = [
            {
                "fullUrl": f"{stem}/{encode_id(event.id)}",
                "resource": resource_of(event, base=base),
                "search": {"mode": "match"},
            }
            for event in found
        ]
    return _JSON.encode(bundle)


def resource_of(event: StoredEvent, *, base: str) -> dict[str, Any]:
    """Return one event as an AuditEvent of the profile that fits it best."""
    verb = event.what.rpartition(".")[2]
    is_query = event.action in ("R", "E") and any(word in verb for word in _QUERIES)
    made: dict[str, Any] = {
        "resourceType": TYPE,
        "id": encode_id(event.id),
        "meta": {"profile": [profile_of(event)]} if profile_of(event) else {},
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "code": "rest",
            "display": "Restful Operation",
        },
        "subtype": [
            {"system": _REST, "code": "search" if is_query else _SUBTYPES[event.action]},
            {"system": "urn:yba:verb", "code": event.what},
        ],
        "action": "E" if is_query else event.action,
        "recorded": event.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "outcome": "0",
        "purposeOfEvent": [{"coding": [{"system": _REASON, "code": event.purpose}]}],
        "agent": _agents(event, base),
        "source": {
            "site": event.facility or "-",
            "observer": {"identifier": {"system": "urn:ietf:rfc:3986", "value": base}},
            "type": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/security-source-type",
                    "code": "4",
                }
            ],
        },
        "entity": _entities(event, is_query=is_query),
    }
    return {name: value for name, value in made.items() if value}


def profile_of(event: StoredEvent) -> str | None:
    """Return the BALP profile of an event, or None for an act that is none of the five."""
    verb = event.what.rpartition(".")[2]
    stem = "Patient" if event.patient_id else ""
    if event.action in ("R", "E") and any(word in verb for word in _QUERIES):
        return f"{_BALP}{stem}Query"
    name = _PROFILES.get(event.action)
    return f"{_BALP}{stem}{name}" if name and event.resources else None


def _agents(event: StoredEvent, base: str) -> list[dict[str, Any]]:
    """Return who asked (or sent), what served (or received), and the person.

    What is read leaves the server (source) for the client (destination); what is written goes the
    other way.
    """
    source, destination = (
        {"system": _DCM, "code": "110153", "display": "Source Role ID"},
        {"system": _DCM, "code": "110152", "display": "Destination Role ID"},
    )
    is_reading = event.action == "R"
    program = event.client_id or "yba"
    return [
        {
            "type": {"coding": [destination if is_reading else source]},
            "who": {"identifier": {"system": _PROGRAMS, "value": program}},
            "requestor": False,
        },
        {
            "type": {"coding": [source if is_reading else destination]},
            "who": {"identifier": {"system": "urn:ietf:rfc:3986", "value": base}},
            "requestor": False,
        },
        {
            "type": {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                        "code": "IRCP",
                        "display": "information recipient",
                    }
                ]
            },
            "role": [
                {"coding": [{"system": "urn:yba:role", "code": r}]} for r in event.actor_roles
            ],
            "who": {"identifier": {"system": _ACCOUNTS, "value": event.account_id}},
            "altId": event.account_id,
            "name": event.actor_name,
            "requestor": True,
        },
    ]


def _entities(event: StoredEvent, *, is_query: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if event.patient_id:
        found.append(
            {
                "what": {"reference": f"Patient/{event.patient_id}"},
                "type": {"system": _ENTITY, "code": "1", "display": "Person"},
                "role": {"system": _ROLE, "code": "1", "display": "Patient"},
            }
        )
    if is_query:
        # What was typed into a search is never kept, for it may be a name; what was searched is.
        searched = next((one for one in event.resources if "/" not in one), "")
        found.append(
            {
                "type": {"system": _ENTITY, "code": "2", "display": "System Object"},
                "role": {"system": _ROLE, "code": "24", "display": "Query"},
                "query": b64encode(f"{searched}?".encode()).decode(),
            }
        )
    found += [
        {
            "what": {"reference": reference},
            "type": {"system": _ENTITY, "code": "2", "display": "System Object"},
            "role": {"system": _ROLE, "code": "4", "display": "Domain Resource"},
        }
        for reference in event.resources
        if reference.count("/") == 1 and reference != f"Patient/{event.patient_id}"
    ]
    if not found:
        found.append(
            {"type": {"system": _ENTITY, "code": "4", "display": "Other"}, "name": event.what}
        )
    return found
