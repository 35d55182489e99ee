"""JSON objects that name a property twice: refused, since two readers would see two records.

The typed decoder keeps the last of two, so the loss shows as a smaller number of properties when
the resource is written again. Only then is the text read slowly, to be sure.
"""

from __future__ import annotations

import json
from typing import Any

from yba.fhir import r4
from yba.foundation.record.errors import UnreadableBody

_PROPERTY = b'":'


def properties(raw: bytes) -> int:
    """Return how many properties the text seems to have."""
    return raw.count(_PROPERTY)


def refuse_duplicate_keys(raw: bytes, resource: Any) -> None:
    """Raise UnreadableBody if an object in `raw` has the same property twice."""
    if properties(raw) != properties(r4.encode(resource)):
        _read_slowly(raw)


def refuse_duplicates_in(raw: bytes, written: bytes, added: int) -> None:
    """The same, where `written` is what the resource became, with `added` more properties."""
    if properties(raw) + added != properties(written):
        _read_slowly(raw)


def added_by_us(resource: Any) -> int:
    """Return how many properties id and meta will add when the server sets them."""
    meta = resource.meta
    if meta is None:
        return (resource.id is None) + 3
    return (resource.id is None) + (meta.versionId is None) + (meta.lastUpdated is None)


def _read_slowly(raw: bytes) -> None:
    try:
        json.loads(raw, object_pairs_hook=_once)
    except RecursionError:
        raise UnreadableBody(reason="nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise UnreadableBody(reason="an object has the same property twice")
