"""What a Subscription resource asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from yba.fhir import r4
from yba.fhir.moments import range_of
from yba.foundation.record import settings
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.query.matching import Test, compiled, needed_codes
from yba.foundation.record.query.selection import chosen_by
from yba.foundation.record.subscriptions import topics
from yba.foundation.record.subscriptions.errors import SubscriptionRefused
from yba.foundation.record.subscriptions.topics import Topic, Trigger

STEM = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
Channel: TypeAlias = Literal["rest-hook", "email", "websocket"]
Content: TypeAlias = Literal["empty", "id-only", "full-resource"]
_MIME = {"application/fhir+json", "application/json", "application/fhir+xml"}
_MOST_AT_ONCE = 500
_LONGEST_TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: the type it concerns, its test, and codes of which a state must have one."""

    type: str
    test: Test
    codes: frozenset[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Subscription, read."""

    id: str
    # Of topic-based ones the canonical address; of classic ones "".
    topic: str
    triggers: tuple[Trigger, ...]
    # All that concern a type must be met.
    filters: tuple[Filter, ...]
    channel: Channel
    endpoint: str
    headers: tuple[str, ...]
    mime: str
    content: Content
    heartbeat_seconds: int
    timeout_seconds: int
    at_once: int
    # Microseconds since 1970.
    end: int | None

    @property
    def is_classic(self) -> bool:
        """Return whether it has criteria of its own instead of a topic."""
        return not self.topic

    @property
    def types(self) -> frozenset[str]:
        """Return the types that it may tell of; `*` where that is any."""
        chosen = {one.type for one in self.filters} or {"*"}
        return frozenset(
            name
            for trigger in self.triggers
            for name in ([trigger.type] if trigger.type else chosen)
        )


def read(resource: r4.Subscription, *, now: datetime, base: str = "") -> Wanted:
    """Read a Subscription. Raises SubscriptionRefused, UnsearchableQuery."""
    channel = resource.channel
    if channel is None:
        raise SubscriptionRefused(reason="there is no channel")
    criteria = resource.criteria or ""
    topic, triggers, filters = _criteria(resource, criteria, now, base)
    kind = _channel(channel)
    content = _content(channel, classic=topic is None)
    if kind == "email" and content == "full-resource":
        raise SubscriptionRefused(reason="e-mail carries no resources; ask for id-only")
    mime = channel.payload or ""
    if mime and mime.partition(";")[0].strip() not in _MIME:
        raise SubscriptionRefused(reason="the payload must be application/fhir+json")
    if mime and "xml" in mime:
        raise SubscriptionRefused(reason="notifications are sent as application/fhir+json only")
    endpoint = channel.endpoint or ""
    _refuse_endpoint(kind, endpoint)
    headers = tuple(line for line in channel.header or () if line)
    _refuse_headers(headers)
    return Wanted(
        resource.id or "",
        topic.url if topic else "",
        triggers,
        filters,
        kind,
        endpoint,
        headers,
        mime or "application/fhir+json",
        content,
        _number(channel, "heartbeat-period", 0, 7 * 86_400),
        _number(channel, "timeout", 10, _LONGEST_TIMEOUT),
        _number(channel, "max-count", 1, _MOST_AT_ONCE) or 1,
        _end(resource.end),
    )


def _criteria(
    resource: r4.Subscription, criteria: str, now: datetime, base: str
) -> tuple[Topic | None, tuple[Trigger, ...], tuple[Filter, ...]]:
    texts = [
        extension.valueString or ""
        for extension in (resource.criteria_ext.extension if resource.criteria_ext else None) or ()
        if extension.url == STEM + "filter-criteria"
    ]
    if "://" in criteria.partition("?")[0] or criteria.startswith("urn:"):
        topic = topics.find(criteria)
        if topic is None:
            raise SubscriptionRefused(reason="this topic is not offered here; see $topic-list")
        filters = tuple(_filter(text, now, base) for text in texts)
        for one in filters:
            if not any(trigger.concerns(one.type) for trigger in topic.triggers):
                raise SubscriptionRefused(reason=f"the topic never tells of {one.type}")
        return topic, topic.triggers, filters
    if texts:
        raise SubscriptionRefused(reason="filter criteria need a topic as criteria")
    found = _filter(criteria, now, base)
    return None, (Trigger(found.type, frozenset({"create", "update"})),), (found,)


def _filter(text: str, now: datetime, base: str) -> Filter:
    type_, _, query = text.partition("?")
    try:
        search = chosen_by(type_, query) if type_ else None
        if search is None:
            raise SubscriptionRefused(reason="criteria must be Type?query or a topic")
        return Filter(type_, compiled(search, now=now, base=base), needed_codes(search))
    except UnsearchableQuery as refused:
        reason = str(refused.values.get("reason", ""))
        raise SubscriptionRefused(reason=f"the criteria: {reason}") from None


def _channel(channel: r4.SubscriptionChannel) -> Channel:
    if channel.type not in ("rest-hook", "email", "websocket"):
        raise SubscriptionRefused(reason="the channel must be rest-hook, email or websocket")
    return channel.type


def _content(channel: r4.SubscriptionChannel, *, classic: bool) -> Content:
    for extension in (channel.payload_ext.extension if channel.payload_ext else None) or ():
        if extension.url == STEM + "payload-content":
            match extension.valueCode:
                case "empty" | "id-only" | "full-resource":
                    return extension.valueCode
                case _:
                    raise SubscriptionRefused(
                        reason="the content must be empty, id-only or full-resource"
                    )
    return ("full-resource" if channel.payload else "empty") if classic else "id-only"


def _number(channel: r4.SubscriptionChannel, name: str, default: int, most: int) -> int:
    for extension in channel.extension or ():
        if extension.url == STEM + name:
            value: Any = extension.valueUnsignedInt
            if value is None:
                value = extension.valuePositiveInt
            if value is None:
                raise SubscriptionRefused(reason=f"{name} must be a whole number")
            return min(int(value), most)
    return default


def _refuse_endpoint(kind: Channel, endpoint: str) -> None:
    if kind == "rest-hook":
        try:
            parts = urlsplit(endpoint)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
            usable = usable and parts.username is None and not parts.fragment
        except ValueError:
            usable = False
        if not usable:
            raise SubscriptionRefused(reason="a rest-hook needs an http or https address")
    elif kind == "email":
        name, at, host = endpoint.removeprefix("mailto:").partition("@")
        if not (name and at and "." in host) or any(c in endpoint for c in " \r\n,;<>?&"):
            raise SubscriptionRefused(reason="an e-mail channel needs mailto:name@host")


def _refuse_headers(headers: tuple[str, ...]) -> None:
    for line in headers:
        name, colon, value = line.partition(":")
        usable = colon and name.replace("-", "").isalnum() and name.isascii()
        if not usable or "\r" in value or "\n" in value or not value.isascii():
            raise SubscriptionRefused(reason="a header must be Name: value")
        if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
            raise SubscriptionRefused(reason="this header is the server's own")


def _end(text: str | None) -> int | None:
    return None if not text else range_of(text, settings.zone())[0]
