"""Bundles as bytes: bodies are put together as they are stored, never decoded for it."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote, urlencode

import msgspec

from yba.foundation.record.keys import row_id
from yba.foundation.record.model import Version
from yba.foundation.record.reading import Page
from yba.foundation.record.rows import instant_text
from yba.kernel.ids import new_id
from yba.surfaces.fhir_api.subsetting import elements_for, subset

_JSON = msgspec.json.Encoder()


def _text(value: str) -> bytes:
    return _JSON.encode(value)


def _link(relation: str, url: str) -> bytes:
    return b'{"relation":"' + relation.encode() + b'","url":' + _text(url) + b"}"


def search_page(page: Page, *, base: str, notes: bytes | None = None) -> bytes:
    """Return the searchset Bundle of a page."""
    search = page.search
    stem = f"{base}/{search.place}" if search.place else base
    first = f"{stem}?{urlencode(search.self_query, safe='|,:$/')}" if search.self_query else stem
    links = [_link("self", _continued(first, search.cursor)), _link("first", first)]
    if page.next_cursor:
        links.append(_link("next", _continued(first, page.next_cursor)))
    stem_bytes = (base + "/").encode()
    entries = [_found(stem_bytes, one, page, b"match") for one in page.matches]
    entries += [_found(stem_bytes, one, page, b"include") for one in page.included]
    if notes is not None:
        entries.append(b'{"resource":' + notes + b',"search":{"mode":"outcome"}}')
    return _bundle(b"searchset", links, entries, page.total)


def _continued(url: str, cursor: str) -> str:
    """Return the address of the page that a cursor begins."""
    if not cursor:
        return url
    return f"{url}{'&' if '?' in url else '?'}_cursor={quote(cursor, safe='')}"


def _bundle(type_: bytes, links: list[bytes], entries: list[bytes], total: int | None) -> bytes:
    parts = [
        b'{"resourceType":"Bundle","id":"', new_id().encode(), b'","type":"', type_, b'"',
    ]  # fmt: skip
    if total is not None:
        parts.append(b',"total":%d' % total)
    if links:
        parts += [b',"link":[', b",".join(links), b"]"]
    if entries:
        parts += [b',"entry":[', b",".join(entries), b"]"]
    parts.append(b"}")
    return b"".join(parts)


def _found(base: bytes, one: Version, page: Page, mode: bytes) -> bytes:
    body = one.body or b"{}"
    search = page.search
    if search.elements or search.summary:
        type_ = one.type if one.inside is None else search.type
        elements = elements_for(type_, search.elements, is_match=mode == b"match")
        if elements or search.summary:
            body = subset(body, elements, search.summary)
    fragment = b"" if one.inside is None else b"#" + one.inside.encode()
    return b"".join(
        (
            b'{"fullUrl":"', base, one.type.encode(), b"/", one.id.encode(), fragment,
            b'","resource":', body, b',"search":{"mode":"', mode, b'"}}',
        )
    )  # fmt: skip


def history_page(
    versions: list[Version], *, base: str, self_url: str, next_url: str, total: int | None = None,
    brought_back: Collection[tuple[str, str, int]] = (),
) -> bytes:  # fmt: skip
    """Return the history Bundle; states in `brought_back` followed a deletion."""
    links = [_link("self", self_url)]
    if next_url:
        links.append(_link("next", next_url))
    entries = [
        _state(base, one, (one.type, one.id, one.version) in brought_back) for one in versions
    ]
    return _bundle(b"history", links, entries, total)


def _state(base: str, one: Version, brought_back: bool) -> bytes:
    method, status = "PUT", "200 OK"
    url = f"{one.type}/{one.id}"
    if one.deleted:
        method, status = "DELETE", "204 No Content"
    elif brought_back:
        status = "201 Created"
    elif one.version == 1:
        status = "201 Created"
        if row_id(one.type, one.id) >= 0:
            # The id is ours, so it was not the client who chose it.
            method, url = "POST", one.type
    request = {"method": method, "url": url}
    response = {
        "status": status, "etag": one.etag, "lastModified": instant_text(one.updated),
    }  # fmt: skip
    parts = [b'{"fullUrl":', _text(f"{base}/{one.type}/{one.id}")]
    if one.body is not None:
        parts += [b',"resource":', one.body]
    parts += [b',"request":', _JSON.encode(request), b',"response":', _JSON.encode(response), b"}"]
    return b"".join(parts)


def answer_entry(
    status: str, *, location: str = "", etag: str = "", modified: str = "",
    resource: bytes | None = None, outcome: bytes | None = None,
) -> bytes:  # fmt: skip
    """Return one entry of a batch-response or transaction-response."""
    parts: list[bytes] = [b"{"]
    if resource is not None:
        parts += [b'"resource":', resource, b","]
    parts += [b'"response":{"status":"', status.encode(), b'"']
    if location:
        parts += [b',"location":"', location.encode(), b'"']
    if etag:
        parts += [b',"etag":"W/\\"', etag.encode(), b'\\""']
    if modified:
        parts += [b',"lastModified":"', modified.encode(), b'"']
    if outcome is not None:
        parts += [b',"outcome":', outcome]
    parts.append(b"}}")
    return b"".join(parts)


def response_bundle(type_: str, entries: list[bytes]) -> bytes:
    """Return the Bundle that answers a batch or transaction."""
    return _bundle(type_.encode() + b"-response", [], entries, None)
