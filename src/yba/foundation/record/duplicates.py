"""JSON objects that name a property twice: refused, since two readers would see two records.

The typed decoder keeps the last of two, so the loss shows as a smaller number of properties when
the resource is written again. Only then is the text read slowly, to be sure.
"""

from __future__ import annotations

import json
from typing import Any

from yba.fhir import r4
from yba.foundation.record.errors import UnreadableBody

_IN_INSTANT = 2  # colons in 2026-01-01T00:00:00.000Z
_ESCAPE = b"\\u"


def refuse_duplicate_keys(raw: bytes, resource: Any) -> None:
    """Raise UnreadableBody if an object in `raw` has the same property twice."""
    refuse_duplicates_in(raw, r4.encode(resource), 0)


def refuse_duplicates_in(raw: bytes, written: bytes, added: int) -> None:
    """The same, where `written` is what the resource became, with `added` more colons.

    Each property has one colon. Colons inside texts are the same in both, unless one is spelt
    as an escape, so texts with escapes are always read slowly.
    """
    if raw.count(b":") + added != written.count(b":") or _ESCAPE in raw:
        _read_slowly(raw)


def added_by_us(resource: Any) -> int:
    """Return how many colons id and meta will add when the server sets them."""
    meta = resource.meta
    added = resource.id is None
    if meta is None:
        return added + 3 + _IN_INSTANT
    if meta.lastUpdated is None:
        added += 1 + _IN_INSTANT
    else:
        added += _IN_INSTANT - meta.lastUpdated.count(":")
    if meta.versionId is None:
        return added + 1
    return added - meta.versionId.count(":")


def _read_slowly(raw: bytes) -> None:
    try:
        json.loads(raw, object_pairs_hook=_once)
    except RecursionError:
        raise UnreadableBody(reason="nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise UnreadableBody(reason="an object has the same property twice")
