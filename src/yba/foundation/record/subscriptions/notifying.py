"""What is sent: the status of a subscription, and the events with or without what changed.

Standard: Subscriptions R5 Backport 1.1, backport-subscription-notification-r4 (a history Bundle
whose first entry is Parameters).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import asyncpg
import msgspec

from yba.foundation.audit import service as audit
from yba.foundation.audit.model import Act
from yba.foundation.record import store as record_store
from yba.foundation.record.body import unpack
from yba.foundation.record.keys import row_id
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.rows import CATEGORIES, DELETED, instant_text
from yba.foundation.record.subscriptions import store
from yba.foundation.record.subscriptions.model import STEM, Content
from yba.kernel.actor import Actor
from yba.kernel.clock import micros
from yba.kernel.ids import encode_id, new_id
from yba.plumbing.database import Tx

_ACTOR = Actor.system("subscriptions")
Kind: TypeAlias = Literal[
    "handshake", "heartbeat", "event-notification", "query-status", "query-event"
]
_METHODS = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscription stands."""

    id: str
    version: int
    state: str
    events: int
    delivered: int
    attempts: int
    due_at: datetime | None
    told_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `body` is what the resource became, where it is to be sent."""

    number: int
    at: int
    type: str
    id: str
    version: int
    action: str
    body: bytes | None = None
    # Whose it is, where the body is there.
    patient_id: str | None = None

    @property
    def reference(self) -> str:
        """Return the literal reference of what changed."""
        return f"{self.type}/{self.id}"


def standing_of(record: asyncpg.Record) -> Standing:
    """Return the standing that a row holds."""
    return Standing(**dict(record))


async def events_between(
    tx: Tx, subscription: str, first: int, last: int, *, count: int, with_bodies: bool
) -> list[Event]:
    """Return at most `count` events by their numbers, both ends included."""
    records = await tx.connection.fetch(store.EVENTS, subscription, first, last, count)
    events: list[Event] = []
    for record in records:
        body, patient = None, None
        if with_bodies and record["action"] != "delete":
            body, patient = await _content(tx, record)
        events.append(Event(**dict(record), body=body, patient_id=patient))
    return events


async def write_down(tx: Tx, subscription: str, events: Iterable[Event], *, at: datetime) -> None:
    """Write down which resources a notification gave away, for each patient."""
    by_patient: dict[str | None, list[str]] = {}
    for one in events:
        if one.body is not None:
            by_patient.setdefault(one.patient_id, []).append(one.reference)
    told = f"Subscription/{subscription}"
    acts = [
        Act(_ACTOR, "R", "subscriptions.notify", at, patient, [told, *references])
        for patient, references in by_patient.items()
    ]
    await audit.record_many(tx, acts)


async def _content(tx: Tx, record: Mapping[str, Any]) -> tuple[bytes | None, str | None]:
    """Return the very version that the event is about, and the id of its patient."""
    type_, id_ = record["type"], record["id"]
    found = await tx.connection.fetchrow(
        record_store.VREAD, TYPE_NUMBERS[type_], row_id(type_, id_), record["version"]
    )
    if found is None or found["flags"] & (DELETED | CATEGORIES):
        return None, None
    patient: int | None = found["patient"]
    return unpack(found["body"]), encode_id(
        patient
    ) if patient is not None and patient >= 0 else None


def status_parameters(
    standing: Standing, *, topic: str, base: str, kind: Kind, events: Iterable[Event] = (),
    content: Content = "id-only", state: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Return the Parameters that stand for R5's SubscriptionStatus."""
    parameters: list[dict[str, Any]] = [
        {
            "name": "subscription",
            "valueReference": {"reference": f"{base}/Subscription/{standing.id}"},
        }
    ]
    if topic:
        parameters.append({"name": "topic", "valueCanonical": topic})
    parameters += [
        {"name": "status", "valueCode": state or standing.state},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(standing.events)},
    ]
    parameters += [_event(one, base, content) for one in events]
    if standing.error:
        parameters.append({"name": "error", "valueCodeableConcept": {"text": standing.error}})
    return {
        "resourceType": "Parameters",
        "id": new_id(),
        "meta": {"profile": [STEM + "subscription-status-r4"]},
        "parameter": parameters,
    }


def _event(event: Event, base: str, content: Content) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": instant_text(event.at)},
    ]
    if content != "empty":
        focus = {"reference": f"{base}/{event.reference}"}
        parts.append({"name": "focus", "valueReference": focus})
    return {"name": "notification-event", "part": parts}


def bundle(
    status: Mapping[str, Any], events: Sequence[Event], *, standing: Standing, base: str,
    content: Content, at: datetime,
) -> bytes:  # fmt: skip
    """Return the notification Bundle."""
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": f"urn:uuid:{uuid.uuid4()}",
            "resource": status,
            "request": {"method": "GET", "url": f"{base}/Subscription/{standing.id}/$status"},
            "response": {"status": "200"},
        }
    ]
    if content != "empty":
        entries += [_entry(event, base, content) for event in events]
    whole = {
        "resourceType": "Bundle",
        "id": new_id(),
        "meta": {"profile": [STEM + "subscription-notification-r4"]},
        "type": "history",
        "timestamp": instant_text(micros(at)),
        "entry": entries,
    }
    return msgspec.json.encode(whole)


def _entry(event: Event, base: str, content: Content) -> dict[str, Any]:
    method, status = _METHODS[event.action]
    url = event.type if method == "POST" else event.reference
    entry: dict[str, Any] = {"fullUrl": f"{base}/{event.reference}"}
    if content == "full-resource" and event.body is not None:
        entry["resource"] = msgspec.Raw(event.body)
    entry["request"] = {"method": method, "url": url}
    entry["response"] = {"status": status}
    return entry
