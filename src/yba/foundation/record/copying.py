"""Rows as PostgreSQL's binary COPY format, for bundles: the driver's own encoding costs twice as much.

Source: PostgreSQL documentation, COPY, "Binary Format"; `array_recv` for arrays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import cache
from struct import Struct

from yba.foundation.record.rows import Row
from yba.plumbing.database import Tx

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_NO_KEYS = Struct(">iiii").pack(12, 0, 0, 20)
_AT_ONCE = 400
_LENGTH = Struct(">i").pack
_BEFORE_PATIENT = Struct(">hiqiq").pack
_NUMBER = Struct(">iq").pack
_AFTER_PATIENT = Struct(">iqiqiqiiihih").pack
_RANGE = Struct(">hiqiqiqiqih").pack
_CODE = Struct(">hiqiqiqih").pack
_STRING = Struct(">hiqiqihi").pack
_RESOURCE_COLUMNS = (
    "rid", "updated", "patient", "ts", "te", "present", "version", "type", "flags", "fid", "keys",
    "body", "code", "labels",
)  # fmt: skip


@cache
def _keys(count: int) -> Struct:
    # Length, one dimension, no nulls, int8, size, lower bound; then length and value of each.
    return Struct(">iiiiii" + "iq" * count)


def _array(keys: Sequence[int]) -> bytes:
    count = len(keys)
    if not count:
        return _NO_KEYS
    flat = [8] * (2 * count)
    flat[1::2] = keys
    return _keys(count).pack(20 + 12 * count, 1, 0, 20, count, 1, *flat)


def resources(rows: Sequence[Row]) -> bytes:
    """Return the rows of record.resource."""
    parts = [_HEADER]
    add = parts.append
    for row in rows:
        add(_BEFORE_PATIENT(14, 8, row.rid, 8, row.updated))
        add(_NULL if row.patient is None else _NUMBER(8, row.patient))
        add(
            _AFTER_PATIENT(
                8, row.ts, 8, row.te, 8, row.present, 4, row.version, 2, row.number, 2, row.flags
            )
        )
        if row.fid is None:
            add(_NULL)
        else:
            fid = row.fid.encode()
            add(_LENGTH(len(fid)))
            add(fid)
        add(_array(row.keys))
        add(_LENGTH(len(row.body)))
        add(row.body)
        add(_NULL if row.code is None else _NUMBER(8, row.code))
        add(_array(row.labels) if row.labels else _NULL)
    add(_TRAILER)
    return b"".join(parts)


def ranges(rows: Sequence[Row]) -> bytes:
    """Return the rows of record.range, or nothing if there are none."""
    parts = [
        _RANGE(5, 8, k, 8, lo, 8, hi, 8, rid, 2, type_)
        for row in rows
        for k, lo, hi, rid, type_ in row.ranges
    ]
    return b"".join((_HEADER, *parts, _TRAILER)) if parts else b""


def strings(rows: Sequence[Row]) -> bytes:
    """Return the rows of record.string, or nothing if there are none."""
    parts: list[bytes] = []
    for row in rows:
        for k, rid, type_, text in row.strings:
            value = text.encode()
            parts.append(_STRING(4, 8, k, 8, rid, 2, type_, len(value)) + value)
    return b"".join((_HEADER, *parts, _TRAILER)) if parts else b""


def codes(rows: Sequence[Row]) -> bytes:
    """Return the rows of record.coded, or nothing if there are none."""
    parts = [
        _CODE(4, 8, k, 8, ts, 8, rid, 2, type_) for row in rows for k, ts, rid, type_ in row.codes
    ]
    return b"".join((_HEADER, *parts, _TRAILER)) if parts else b""


async def _pieces(
    write: Callable[[Sequence[Row]], bytes], rows: Sequence[Row]
) -> AsyncGenerator[bytes]:
    """Yield what COPY reads, a few hundred rows at a time, so that others are served in between."""
    if len(rows) <= _AT_ONCE:
        yield write(rows)
        return
    yield _HEADER
    for start in range(0, len(rows), _AT_ONCE):
        piece = write(rows[start : start + _AT_ONCE])
        if piece:
            yield piece[len(_HEADER) : -len(_TRAILER)]
        await asyncio.sleep(0)
    yield _TRAILER


async def copy(tx: Tx, rows: Sequence[Row]) -> None:
    """Write new rows with everything they are found by; their terms are written already."""
    for table, columns, write, wanted in (
        ("resource", _RESOURCE_COLUMNS, resources, True),
        ("range", ("k", "lo", "hi", "rid", "type"), ranges, any(r.ranges for r in rows)),
        ("string", ("k", "rid", "type", "v"), strings, any(r.strings for r in rows)),
        ("coded", ("k", "ts", "rid", "type"), codes, any(r.codes for r in rows)),
    ):
        if wanted:
            await tx.connection.copy_to_table(
                table, source=_pieces(write, rows), schema_name="record", columns=columns,
                format="binary",
            )  # fmt: skip
