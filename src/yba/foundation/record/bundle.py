"""Bundles: read, rewritten, turned into operations. Pure.

Main rule: a transaction's resources refer to each other by `fullUrl`; those references, and the
conditional ones once they are resolved, are replaced in the bytes before anything is decoded, so
every later step sees only literal references.
Standard: FHIR R4 http.html#transaction, Bundle.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from yba.foundation.record import patching
from yba.foundation.record.duplicates import added_by_us
from yba.foundation.record.errors import (
    BundleRefused,
    InvalidResource,
    UnreadableBody,
    UnresolvedReference,
)
from yba.foundation.record.operations import ANY_VERSION, Operation
from yba.foundation.record.patching import Patch
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.readable import readable
from yba.foundation.record.references import replace_links
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import Refusal

_URL = re.compile(r"([A-Za-z]+)(?:/([A-Za-z0-9.\-]{1,64}))?(?:\?(.*))?", re.ASCII | re.DOTALL)
_CONDITIONAL = re.compile(rb'"reference"\s*:\s*"([A-Z][A-Za-z]{2,40}\?(?:[^"\\]|\\.)*)"')
_TAG = re.compile(r'(?:W/)?"([^"]*)"|(\d{1,9})', re.ASCII)
_LONGEST_HEAD = 80
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class _Request(msgspec.Struct, rename="camel"):
    method: str = ""
    url: str = ""
    if_none_exist: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None


class _Entry(msgspec.Struct, rename="camel"):
    full_url: str | None = None
    resource: msgspec.Raw = msgspec.Raw()
    request: _Request | None = None


class _Bundle(msgspec.Struct, tag="Bundle", tag_field="resourceType"):
    type: str = ""
    entry: list[_Entry] = []


class _Named(msgspec.Struct):
    id: str | None = None


class _Typed(msgspec.Struct, rename={"resource_type": "resourceType"}):
    resource_type: str = ""


_ID = msgspec.json.Decoder(_Named)
_DECODER = msgspec.json.Decoder(_Bundle)
_TYPE = msgspec.json.Decoder(_Typed)
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
    must_be_new: bool = False
    # Answered like a request of its own: reads, searches, operations.
    inner: bool = False
    content: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
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
    refused_references: dict[bytes, Refusal] = field(default_factory=dict[bytes, Refusal])
    """Why a conditional reference names nothing: several matches, or a condition without a meaning."""
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
    if method == "POST" and url in TYPE_NUMBERS and request.if_none_exist is None:
        if not bytes(entry.resource):
            raise BundleRefused(entry=number, reason="resource is missing")
        return Planned(number, method, url, url, new_id(), None, entry.full_url, None, False)
    last = url.partition("?")[0].rpartition("/")[2]
    if method in ("GET", "HEAD") or (method == "POST" and last[:1] in ("$", "_")):
        return _inner(number, method, url, entry, request)
    found = _URL.fullmatch(url)
    if found is None or found[1] not in TYPE_NUMBERS:
        raise BundleRefused(entry=number, reason="request.url names no resource type")
    type_, id_, condition = found[1], found[2] or "", found[3]
    if method == "POST":
        if id_ or condition is not None:
            raise BundleRefused(entry=number, reason="request.url of a POST must be a type")
        id_ = new_id()
        condition = condition_in(request.if_none_exist) if request.if_none_exist else None
    elif bool(id_) == bool(condition):
        raise BundleRefused(entry=number, reason="request.url must hold an id or a condition")
    if method != "DELETE" and not bytes(entry.resource):
        raise BundleRefused(entry=number, reason="resource is missing")
    own_id = _own_id(entry) if method == "PUT" and condition else None
    if_match = tag_number(request.if_match) if request.if_match else None
    none_match = bool(request.if_none_match) and is_any(request.if_none_match or "")
    return Planned(
        number, method, url, type_, id_, condition, entry.full_url, if_match, none_match, own_id
    )


def _inner(number: int, method: str, url: str, entry: _Entry, request: _Request) -> Planned:
    """Return an entry that is answered like a request of its own, after all writes."""
    planned = Planned(number, method, url, "", "", None, None, None, False, inner=True)
    planned.content = bytes(entry.resource) if method == "POST" else b""
    for name, value in (
        (b"if-none-match", request.if_none_match), (b"if-modified-since", request.if_modified_since),
    ):  # fmt: skip
        if value:
            planned.headers[name] = value.encode("latin-1", "replace")
    return planned


def _own_id(entry: _Entry) -> str | None:
    try:
        return _ID.decode(entry.resource).id
    except msgspec.DecodeError:
        return None  # what is wrong is said when the resource is decoded


def tag_number(tag: str) -> int:
    """Return the version that an entity tag names: ANY_VERSION for `*`, 0 for one never given here.

    Raises UnreadableBody.
    """
    if tag.strip() == "*":
        return ANY_VERSION
    found = _TAG.fullmatch(tag.strip())
    if found is None:
        raise UnreadableBody(reason='If-Match must be one entity tag, W/"version"')
    number = found[1] if found[1] is not None else found[2]
    return int(number) if number.isdigit() and number.isascii() and len(number) < 10 else 0


def is_any(tag: str) -> bool:
    """Return true for `*`. Raises UnreadableBody for other tags, which a write cannot honour."""
    if tag.strip() != "*":
        raise UnreadableBody(reason="If-None-Match of a write must be *")
    return True


def condition_in(text: str) -> str:
    """Return the query part of If-None-Exist."""
    return text.partition("?")[2] if "?" in text else text


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
    if plan.type == "transaction":
        for entry in plan.entries:
            if not entry.full_url or entry.method not in ("POST", "PUT") or not entry.id:
                continue
            literal = f"{entry.type}/{entry.id}"
            url = entry.full_url
            names[url.encode()] = literal.encode()
            if not url.startswith("urn:"):
                tail = "/".join(url.rsplit("/", 2)[-2:])
                if tail != literal and tail.split("/")[0] == entry.type:
                    names.setdefault(tail.encode(), literal.encode())
    return replace_links(_with_literals(plan, resolved) if resolved else plan.body, names)


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


def resources_in(body: bytes) -> list[bytes]:
    """Return the bytes of each entry's resource, b"" where it has none."""
    return [bytes(entry.resource) for entry in _DECODER.decode(body).entry]


def decode(plan: Plan, planned: Planned, raw: bytes, *, actor: Actor, what: str) -> None:
    """Give a write its operation, decoded and validated, from the rewritten bytes.

    In a transaction an invalid resource raises; in a batch it is noted in its entry.
    """
    if planned.error or planned.operation or planned.inner:
        return
    try:
        if plan.conditional_references and (left := _CONDITIONAL.search(raw)):
            raise plan.refused_references.get(left[1]) or UnresolvedReference(
                type=left[1].partition(b"?")[0].decode()
            )
        planned.operation = _operation(planned, raw, actor, what)
    except Refusal as refused:
        if plan.type == "transaction":
            refused.values.setdefault("entry", planned.number)
            raise
        planned.error = refused


def operation_of(planned: Planned, actor: Actor, what: str, **given: Any) -> Operation:
    """Return the operation that an entry asks for."""
    return Operation(
        method=planned.method,  # type: ignore[arg-type]
        type=planned.type, actor=actor, id=planned.id, condition=planned.condition,
        if_match=planned.if_match, if_none_match=planned.if_none_match,
        must_be_new=planned.must_be_new, what=what, **given,
    )  # fmt: skip


def _operation(planned: Planned, raw: bytes, actor: Actor, what: str) -> Operation:
    if planned.method == "DELETE":
        return operation_of(planned, actor, what)
    later = planned.method == "POST" and planned.condition is None
    try:
        if planned.method == "PATCH":
            return operation_of(planned, actor, what, patch=_patch(raw))
        resource = readable(raw, planned.type, duplicates_later=later)
    except InvalidResource as invalid:
        invalid.values["where"] = f"Bundle.entry[{planned.number}].{invalid.values['where']}"
        raise
    except UnreadableBody as unreadable:
        raise BundleRefused(entry=planned.number, reason=unreadable.values["reason"]) from None
    if planned.method == "PUT" and "?" not in planned.url and resource.id != planned.id:
        raise BundleRefused(entry=planned.number, reason="resource.id must be as in the url")
    added = added_by_us(resource) if later else 0
    if planned.id:
        resource.id = planned.id
    return operation_of(
        planned, actor, what, resource=resource, raw=raw if later else b"", added=added
    )


def _patch(raw: bytes) -> Patch:
    """Return the patch of an entry: a Binary that holds a JSON Patch, or Parameters."""
    try:
        is_binary = _TYPE.decode(raw).resource_type == "Binary"
    except msgspec.DecodeError:
        is_binary = False
    if not is_binary:
        return patching.read(raw, "application/fhir+json")
    binary = readable(raw, "Binary")
    media = (binary.contentType or "").partition(";")[0].strip().lower()
    if media not in patching.MEDIA_TYPES or media.endswith("xml"):
        raise UnreadableBody(reason="the contentType of a patch must be a JSON format of patches")
    try:
        document = binascii.a2b_base64(binary.data or "")
    except (binascii.Error, ValueError):
        raise UnreadableBody(reason="the data of the patch are no base64") from None
    return patching.read(document, media)
