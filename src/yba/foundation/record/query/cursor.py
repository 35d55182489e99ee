"""Cursors: where the next page begins, signed, so that the server keeps no state.

A cursor is bound to the search it came from; any other use is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

import orjson

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.query.compile import Position
from yba.foundation.record.query.tree import Search

_TAG = 16


def _seal(secret: bytes, search: Search, payload: bytes) -> bytes:
    question = orjson.dumps([search.type, search.place, sorted(search.self_query)])
    message = b"cursor\0" + hashlib.sha256(question).digest() + payload
    return hmac.digest(secret, message, "sha256")[:_TAG]


def write(secret: bytes, search: Search, position: Position, total: int | None) -> str:
    """Return the text of a cursor."""
    payload = orjson.dumps([position.rid, total, *position.values])
    return base64.urlsafe_b64encode(_seal(secret, search, payload) + payload).rstrip(b"=").decode()


def read(secret: bytes, search: Search, text: str) -> tuple[Position, int | None]:
    """Return the position and the total written in a cursor.

    Raises UnsearchableQuery if we did not write it for this search.
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise UnsearchableQuery(reason="the cursor cannot be read") from None
    tag, payload = raw[:_TAG], raw[_TAG:]
    if not hmac.compare_digest(tag, _seal(secret, search, payload)):
        raise UnsearchableQuery(reason="this cursor belongs to another search")
    rid, total, *values = orjson.loads(payload)
    return Position(tuple(_value(v) for v in values), rid), total


def _value(value: Any) -> int | str:
    assert isinstance(value, int | str)
    return value
