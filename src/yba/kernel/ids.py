"""Identifiers that rise with time.

A snowflake is 63 bits: milliseconds since 2024 (41), shard (12), sequence
(10). Rising keys keep index pages dense and make "newest first" the index
order. Written as text it is 13 lower-case base32hex letters, which sort the
same way and are legal FHIR ids.
"""

import os
import threading
import time
from functools import lru_cache

from xxhash import xxh3_64_intdigest

_EPOCH_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
# Two letters at a time: writing ids is in the way of every row that is stored or shown.
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_LENGTH = 13


class _Sequence:
    """Hands out each (millisecond, sequence) once in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        now = (time.time_ns() // 1_000_000 - _EPOCH_MS) << 10
        with self._lock:
            # A full millisecond borrows from the next one; a clock that steps
            # back keeps counting from where it was. Neither repeats a value.
            self._last = now if now > self._last else self._last + 1
            return self._last


_sequence = _Sequence()
# Two processes of one node must not meet in the same shard.
_process_shard = int.from_bytes(os.urandom(2), "big") & 0xFFF


def _reshard() -> None:
    global _process_shard
    _process_shard = int.from_bytes(os.urandom(2), "big") & 0xFFF


os.register_at_fork(after_in_child=_reshard)


def new_snowflake(shard: int | None = None) -> int:
    """Return a new id, greater than all earlier ones of this process and shard."""
    moment = _sequence.next()
    place = _process_shard if shard is None else shard & 0xFFF
    return (moment >> 10 << 22) | (place << 10) | (moment & 0x3FF)


def encode_id(number: int) -> str:
    """Return the 13-letter text of a snowflake."""
    pairs = _PAIRS
    return (
        f"{_ALPHABET[number >> 60]}{pairs[number >> 50 & 1023]}{pairs[number >> 40 & 1023]}"
        f"{pairs[number >> 30 & 1023]}{pairs[number >> 20 & 1023]}{pairs[number >> 10 & 1023]}"
        f"{pairs[number & 1023]}"
    )


def decode_id(text: str) -> int | None:
    """Return the snowflake written as `text`, or None if it is not one."""
    if len(text) != _LENGTH or not (text.isascii() and text.isalnum() and text == text.lower()):
        return None
    try:
        number = int(text, 32)
    except ValueError:
        return None
    return number if number < 1 << 63 else None


def new_id() -> str:
    """Return the text of a new snowflake."""
    return encode_id(new_snowflake())


@lru_cache(maxsize=131_072)
def row_id(type_: str, id_: str) -> int:
    """Return the row number under which the record keeps a resource.

    Our own ids are snowflakes and are simply decoded (never negative); any other id gives a
    negative number derived from type and id.
    """
    number = decode_id(id_)
    if number is not None:
        return number
    return -(xxh3_64_intdigest(f"{type_}/{id_}".encode()) >> 1) - 1
