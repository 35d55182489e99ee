"""Bundles: read, rewritten, turned into operations. Pure.

Main rule: a transaction's resources refer to each other by `fullUrl`; those references, and the
conditional ones once they are resolved, are replaced in the bytes before anything is decoded, so
every later step sees only literal references.
Standard: FHIR R4 http.html#transaction, Bundle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from yba.fhir import r4, validation
from yba.foundation.record.duplicates import added_by_us, refuse_duplicate_keys
from yba.foundation.record.errors import (
    BundleRefused,
    InvalidResource,
    UnreadableBody,
    UnresolvedReference,
)
from yba.foundation.record.operations import Operation
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import Refusal

_URL = re.compile(r"([A-Za-z]+)(?:/([A-Za-z0-9.\-]{1,64}))?(?:\?(.*))?", re.ASCII | re.DOTALL)
_CONDITIONAL = re.compile(rb'"reference"\s*:\s*"([A-Z][A-Za-z]{2,40}\?(?:[^"\\]|\\.)*)"')
_URN = re.compile(rb'"(urn:(?:uuid|oid):[^"\\]{1,200})"')
_ANY_URL = re.compile(rb'"((?:urn:(?:uuid|oid):|https?://|[A-Z][A-Za-z]{2,40}/)[^"\\]{1,500})"')
_TAG = re.compile(r'(?:W/)?"?(\d{1,9})"?')
_UUID_LENGTH = 45
_LONGEST_HEAD = 80
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class _Request(msgspec.Struct, rename="camel"):
    method: str = ""
    url: str = ""
    if_none_exist: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None


class _Entry(msgspec.Struct, rename="camel"):
    full_url: str | None = None
    resource: msgspec.Raw = msgspec.Raw()
    request: _Request | None = None


class _Bundle(msgspec.Struct, tag="Bundle", tag_field="resourceType"):
    type: str = ""
    entry: list[_Entry] = []


class _Named(msgspec.Struct):
    id: str | None = None


_ID = msgspec.json.Decoder(_Named)
_DECODER = msgspec.json.Decoder(_Bundle)
_STRING = msgspec.json.Decoder(str)


@dataclass(slots=True)
class Planned:
    """One entry: what it asks for, and the operation it becomes (reads become none)."""

    number: int
    method: str
    url: str
    type: str
    id: str
    condition: str | None
    full_url: str | None
    if_match: int | None
    if_none_match: bool
    own_id: str | None = None
    operation: Operation | None = None
    error: Refusal | None = None


@dataclass(slots=True)
class Plan:
    """A bundle before its resources are decoded."""

    type: Literal["transaction", "batch"]
    body: bytes
    entries: list[Planned]
    conditional_references: dict[bytes, tuple[str, str]] = field(
        default_factory=dict[bytes, tuple[str, str]]
    )
    conditional_places: list[tuple[int, int, bytes]] = field(
        default_factory=list[tuple[int, int, bytes]]
    )


def read(body: bytes, *, base: str = "") -> Plan:
    """Read a transaction or batch.

    Raises UnreadableBody for other things; for a transaction also BundleRefused for a bad entry.
    """
    try:
        bundle = _DECODER.decode(body)
    except RecursionError:
        raise UnreadableBody(reason="nested too deeply") from None
    except (msgspec.DecodeError, ValueError) as problem:
        raise UnreadableBody(reason=str(problem)[:200]) from None
    if bundle.type not in ("transaction", "batch"):
        raise UnreadableBody(reason="Bundle.type must be transaction or batch")
    atomic = bundle.type == "transaction"
    entries: list[Planned] = []
    for number, entry in enumerate(bundle.entry):
        try:
            planned = _planned(number, entry, base)
        except Refusal as refused:
            if atomic:
                raise
            planned = Planned(number, "", "", "", "", None, None, None, False, error=refused)
        entries.append(planned)
    plan = Plan("transaction" if atomic else "batch", body, entries)
    plan.conditional_places = _conditional_references(body)
    for _, _, text in plan.conditional_places:
        if text not in plan.conditional_references:
            type_, _, condition = _STRING.decode(b'"' + text + b'"').partition("?")
            if type_ in TYPE_NUMBERS:
                plan.conditional_references[text] = (type_, condition)
    if atomic:
        _refuse_doubles(entries)
    return plan


def _conditional_references(body: bytes) -> list[tuple[int, int, bytes]]:
    """Return where references like `Practitioner?identifier=…` are: start, end, text.

    A question mark is rare, so it is looked for first; the pattern alone would read every byte.
    """
    found: list[tuple[int, int, bytes]] = []
    place = body.find(b"?")
    while place >= 0:
        start = body.rfind(b'"reference"', max(place - _LONGEST_HEAD, 0), place)
        match = _CONDITIONAL.match(body, start) if start >= 0 else None
        if match is not None:
            found.append((match.start(), match.end(), match[1]))
            place = match.end()
        place = body.find(b"?", place + 1)
    return found


def _planned(number: int, entry: _Entry, base: str) -> Planned:
    request = entry.request
    if request is None or request.method not in _METHODS:
        raise BundleRefused(entry=number, reason="request.method is missing or unknown")
    method = request.method
    url = request.url.removeprefix(base.rstrip("/") + "/") if base else request.url
    url = url.removeprefix("/")
    if method in ("GET", "HEAD"):
        return Planned(number, method, url, "", "", None, None, None, False)
    if method == "POST" and url in TYPE_NUMBERS and request.if_none_exist is None:
        if not bytes(entry.resource):
            raise BundleRefused(entry=number, reason="resource is missing")
        return Planned(number, method, url, url, new_id(), None, entry.full_url, None, False)
    found = _URL.fullmatch(url)
    if found is None or found[1] not in TYPE_NUMBERS:
        raise BundleRefused(entry=number, reason="request.url names no resource type")
    type_, id_, condition = found[1], found[2] or "", found[3]
    if method == "POST":
        if id_ or condition is not None:
            raise BundleRefused(entry=number, reason="request.url of a POST must be a type")
        id_, condition = new_id(), request.if_none_exist or None
    elif method == "PATCH":
        raise BundleRefused(entry=number, reason="PATCH is not supported")
    elif not id_ and not condition:
        raise BundleRefused(entry=number, reason="request.url must name one resource")
    if method in ("POST", "PUT") and not bytes(entry.resource):
        raise BundleRefused(entry=number, reason="resource is missing")
    own_id = _own_id(entry) if method == "PUT" and condition else None
    if_match = tag_number(request.if_match) if request.if_match else None
    none_match = request.if_none_match == "*"
    return Planned(
        number, method, url, type_, id_, condition, entry.full_url, if_match, none_match, own_id
    )


def _own_id(entry: _Entry) -> str | None:
    try:
        return _ID.decode(entry.resource).id
    except msgspec.DecodeError:
        return None  # what is wrong is said when the resource is decoded


def tag_number(tag: str) -> int:
    """Return the version that an entity tag names. Raises UnreadableBody."""
    found = _TAG.fullmatch(tag.strip())
    if found is None:
        raise UnreadableBody(reason='If-Match must be W/"version"')
    return int(found[1])


def _refuse_doubles(entries: list[Planned]) -> None:
    seen: set[tuple[str, str]] = set()
    urls: set[str] = set()
    for entry in entries:
        if entry.id and entry.method != "POST":
            if (entry.type, entry.id) in seen:
                raise BundleRefused(entry=entry.number, reason="the same resource appears twice")
            seen.add((entry.type, entry.id))
        if entry.full_url and entry.method in ("POST", "PUT"):
            if entry.full_url in urls:
                raise BundleRefused(entry=entry.number, reason="the same fullUrl appears twice")
            urls.add(entry.full_url)


def rewrite(plan: Plan, resolved: Mapping[bytes, str]) -> bytes:
    """Return the bundle's bytes with references between entries and conditional ones literal."""
    names: dict[bytes, bytes] = {}
    pattern = _URN
    if plan.type == "transaction":
        for entry in plan.entries:
            if not entry.full_url or entry.method not in ("POST", "PUT") or not entry.id:
                continue
            literal = f"{entry.type}/{entry.id}"
            url = entry.full_url
            names[url.encode()] = literal.encode()
            if not url.startswith("urn:"):
                pattern = _ANY_URL
                tail = "/".join(url.rsplit("/", 2)[-2:])
                if tail != literal and tail.split("/")[0] == entry.type:
                    names.setdefault(tail.encode(), literal.encode())
    body = _with_literals(plan, resolved) if resolved else plan.body
    if not names:
        return body
    if pattern is _URN and all(len(name) == _UUID_LENGTH for name in names):
        return _rewrite_uuids(body, names)

    def reference(match: re.Match[bytes]) -> bytes:
        literal = names.get(match[1])
        return match[0] if literal is None else b'"' + literal + b'"'

    return pattern.sub(reference, body)


def _with_literals(plan: Plan, resolved: Mapping[bytes, str]) -> bytes:
    parts: list[bytes] = []
    place = 0
    for start, end, text in plan.conditional_places:
        literal = resolved.get(text)
        if literal is not None:
            parts += (plan.body[place:start], b'"reference":"', literal.encode(), b'"')
            place = end
    parts.append(plan.body[place:])
    return b"".join(parts)


def _rewrite_uuids(body: bytes, names: Mapping[bytes, bytes]) -> bytes:
    """Replace `"urn:uuid:…"` at the speed of a plain search."""
    short = {name[9:] + b'"': literal for name, literal in names.items()}
    pieces = body.split(b'"urn:uuid:')
    parts = [pieces[0]]
    for piece in pieces[1:]:
        literal = short.get(piece[:37])
        if literal is None:
            parts += (b'"urn:uuid:', piece)
        else:
            parts += (b'"', literal, b'"', piece[37:])
    return b"".join(parts)


def decode(plan: Plan, body: bytes, *, actor: Actor, what: str) -> None:
    """Give every write its operation, decoded and validated, from the rewritten bytes.

    In a transaction the first invalid resource raises; in a batch it is noted in its entry.
    """
    for entry, planned in zip(_DECODER.decode(body).entry, plan.entries, strict=True):
        if planned.error or planned.operation or planned.method in ("GET", "HEAD"):
            continue
        raw = bytes(entry.resource)
        try:
            if plan.conditional_references and (left := _CONDITIONAL.search(raw)):
                raise UnresolvedReference(type=left[1].partition(b"?")[0].decode())
            planned.operation = _operation(planned, raw, actor, what)
        except Refusal as refused:
            if plan.type == "transaction":
                raise
            planned.error = refused


def _operation(planned: Planned, raw: bytes, actor: Actor, what: str) -> Operation:
    resource: Any = None
    added = 0
    later = planned.method == "POST" and planned.condition is None
    if planned.method != "DELETE":
        try:
            resource = readable(raw, planned.type, duplicates_later=later)
        except InvalidResource as invalid:
            invalid.values["where"] = f"Bundle.entry[{planned.number}].{invalid.values['where']}"
            raise
        except UnreadableBody as unreadable:
            raise BundleRefused(entry=planned.number, reason=unreadable.values["reason"]) from None
        if planned.method == "PUT" and "?" not in planned.url and resource.id != planned.id:
            raise BundleRefused(entry=planned.number, reason="resource.id must be as in the url")
        if later:
            added = added_by_us(resource)
        if planned.id:
            resource.id = planned.id
    return Operation(
        method="POST" if planned.method == "POST" else "PUT" if planned.method == "PUT" else "DELETE",
        type=planned.type,
        actor=actor,
        id=planned.id,
        resource=resource,
        condition=planned.condition,
        if_match=planned.if_match,
        if_none_match=planned.if_none_match,
        what=what,
        raw=raw if later else b"",
        added=added,
    )  # fmt: skip


def readable(raw: bytes, type_: str, *, duplicates_later: bool = False) -> Any:
    """Return the typed, valid resource in `raw`, which must be of `type_`.

    With `duplicates_later` the caller looks for properties given twice when it writes the row.

    Raises UnreadableBody for broken JSON or another type, InvalidResource for a broken rule.
    """
    if b"\\u0000" in raw:
        raise UnreadableBody(reason="a text contains the character NUL")
    try:
        resource: Any = r4.decode(raw)
    except r4.NotFhir as problem:
        return _explain(raw, str(problem))
    name = type(resource).__name__
    if name != type_:
        raise UnreadableBody(reason=f"the body is a {name}, not a {type_}")
    issues = [i for i in validation.check(raw, resource) if i.severity in ("error", "fatal")]
    if issues:
        raise InvalidResource(
            count=len(issues), where=issues[0].expression, problem=issues[0].diagnostics
        )
    if not duplicates_later:
        refuse_duplicate_keys(raw, resource)
    return resource


def _explain(raw: bytes, problem: str) -> Any:
    issues = [i for i in validation.check(raw) if i.severity in ("error", "fatal")]
    if not issues or issues[0].severity == "fatal":
        raise UnreadableBody(reason=(issues[0].diagnostics if issues else problem)[:200])
    raise InvalidResource(
        count=len(issues), where=issues[0].expression, problem=issues[0].diagnostics
    )
