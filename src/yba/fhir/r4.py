"""FHIR R4 types and their JSON.

`r4.Patient(...)` builds, `decode` reads, `encode` writes. The main rule: nothing of the client's JSON is
lost or respelled; decimals keep their digits, and `with_id_and_meta` changes only the two elements that a
server owns. Decoding checks types, names and required codes; the rest is `yba.fhir.validation`.
Standard: FHIR R4 JSON, https://hl7.org/fhir/R4/json.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import msgspec

from yba.fhir.generated import types
from yba.fhir.generated.types import *  # noqa: F403  (this module is the language)
from yba.fhir.generated.types import AnyResource, Resource
from yba.fhir.primitives import exact_number

__all__ = [
    "Entry",
    "NotFhir",
    "RawBundle",
    "decode",
    "decode_as",
    "decode_bundle",
    "encode",
    "with_id_and_meta",
]
__all__ += types.__all__

R = TypeVar("R", bound=Resource)
Document: TypeAlias = bytes | bytearray | memoryview | str


class NotFhir(ValueError):
    """The bytes are not the JSON of an R4 resource; the text says where and why.

    It names the first problem only and may quote no values: `validation.check` finds all of them.
    """


class Entry(NamedTuple):
    """One entry of a bundle: its resource typed and as the client's bytes, and what to do with it."""

    full_url: str | None
    method: str | None
    url: str | None
    if_none_exist: str | None
    if_match: str | None
    body: bytes | None
    resource: Resource | None


class RawBundle(NamedTuple):
    """A bundle whose entries are split but whose resources keep their bytes."""

    type: str | None
    id: str | None
    entries: list[Entry]


def decode(document: Document) -> Resource:
    """Return the resource written in `document`, its class chosen by resourceType.

    Raises NotFhir for broken JSON, unknown types, elements or codes, and nesting without end.
    """
    return _decode(_decoder(), document)


def decode_as(type_: type[R], document: Document) -> R:
    """Return the resource written in `document`, which must be a `type_`. Raises NotFhir otherwise."""
    found = _decode(_decoder(), document)
    if not isinstance(found, type_):
        raise NotFhir(f"Expected {type_.__name__}, got {type(found).__name__}")
    return found


def encode(resource: msgspec.Struct) -> bytes:
    """Return JSON in the order of the definitions, without empty elements, decimals digit by digit."""
    return _ENCODER.encode(resource)


def decode_bundle(document: Document) -> RawBundle:
    """Return the entries of a Bundle, each with its own bytes and its typed resource.

    Raises NotFhir as `decode` does; the place in the text then begins with the entry.
    """
    raw = cast("_Bundle", _decode(_BUNDLE_DECODER, document))
    decoder = _decoder()
    return RawBundle(
        raw.type, raw.id, [_entry(decoder, n, entry) for n, entry in enumerate(raw.entry or ())]
    )


def with_id_and_meta(
    body: bytes, *, id_: str, version: int, last_updated: str, meta: Any = None
) -> bytes:
    """Return the client's `body` with the server's id, versionId and lastUpdated.

    Every other property keeps its bytes and its order; only white space between properties is dropped.
    The rest of the client's meta (profile, tag, security, source) stays. `last_updated` is an instant.
    `meta` replaces the client's when given (typed, encoded as is).
    Raises NotFhir if the body is not a JSON object.
    """
    parts = cast("dict[str, msgspec.Raw]", _decode(_SPLITTER, body))
    type_ = parts.pop("resourceType", None)
    if type_ is None:
        raise NotFhir("resourceType is missing")
    parts.pop("id", None)
    client_meta = parts.pop("meta", None)
    own = (
        cast("dict[str, Any]", _decode(_SPLITTER, bytes(client_meta)))
        if client_meta is not None
        else {}
    )
    if meta is not None:
        own = cast("dict[str, Any]", _decode(_SPLITTER, encode(meta)))
    for name in ("versionId", "lastUpdated", "_versionId", "_lastUpdated"):
        own.pop(name, None)
    head: dict[str, Any] = {"versionId": str(version), "lastUpdated": last_updated, **own}
    return _ENCODER.encode({"resourceType": type_, "id": id_, "meta": head, **parts})


class _Request(msgspec.Struct, rename="camel"):
    method: str | None = None
    url: str | None = None
    if_none_exist: str | None = None
    if_match: str | None = None


class _Entry(msgspec.Struct, rename="camel"):
    full_url: str | None = None
    resource: msgspec.Raw = msgspec.Raw()
    request: _Request | None = None


class _Bundle(msgspec.Struct, tag="Bundle", tag_field="resourceType"):
    type: str | None = None
    id: str | None = None
    entry: Sequence[_Entry] | None = None


_NO_REQUEST = _Request()
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_SPLITTER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BUNDLE_DECODER = msgspec.json.Decoder(_Bundle)


@cache
def _decoder() -> msgspec.json.Decoder[Any]:
    # Building it reads the annotations of all types (0.3 s), so it waits for the first use.
    return msgspec.json.Decoder(AnyResource, dec_hook=exact_number, float_hook=Decimal)


def _decode(decoder: msgspec.json.Decoder[Any], document: Document) -> Any:
    try:
        return decoder.decode(document)
    except RecursionError:
        raise NotFhir("nested too deeply") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise NotFhir(str(error)) from None


def _entry(decoder: msgspec.json.Decoder[Any], number: int, entry: _Entry) -> Entry:
    request = entry.request or _NO_REQUEST
    body = bytes(entry.resource) or None
    try:
        resource = None if body is None else _decode(decoder, body)
    except NotFhir as error:
        raise NotFhir(f"Bundle.entry[{number}].resource: {error}") from None
    return Entry(
        full_url=entry.full_url,
        method=request.method,
        url=request.url,
        if_none_exist=request.if_none_exist,
        if_match=request.if_match,
        body=body,
        resource=resource,
    )
