"""Writing claim files: official order, empty elements kept, UTF-8 without BOM.

The same claim gives the same bytes. A field that the table does not know is
written after the known ones, so that what was read can be written again.

Source: letter 1245 (envelope, inner roots).
"""

import re
from base64 import b64encode
from datetime import date
from typing import Protocol

from yba.money.insurance.claim import CheckIn, Claim, Episode, Row
from yba.money.insurance.errors import UnwritableText
from yba.money.insurance.tables import CHECK_IN, SENT_TABLES, Layout, layout

_HEAD = '<?xml version="1.0" encoding="utf-8"?>'
_SPACES = (
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
)
_SPECIAL = re.compile(r"[&<>\r]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")


class SignXml(Protocol):
    """Something that signs: gets the whole file, returns it with CHUKYDONVI filled."""

    async def __call__(self, content: bytes) -> bytes:
        """Return the signed file."""
        ...


_SIGNED = re.compile(b"<CHUKYDONVI>.*</CHUKYDONVI>", re.DOTALL)


def without_signature(content: bytes) -> bytes:
    """Return a file of ours as it was before it was signed."""
    return _SIGNED.sub(b"<CHUKYDONVI/>", content)


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text)


def _row(parts: list[str], row: Row, shape: Layout) -> None:
    known = shape.by_name
    names = [*known, *(name for name in row if name not in known)]
    for name in names:
        text = row[name]
        if not text:
            parts.append(f"<{name}/>")
            continue
        if _ILLEGAL.search(text) or not _NAME.match(name):
            raise UnwritableText(field=name, table=row.table)
        parts.append(f"<{name}>{_escape(text)}</{name}>")


def write_table(name: str, rows: tuple[Row, ...], on: date) -> bytes:
    """Return the inner document of one table, as the act in force on `on` orders it.

    Raises UnwritableText if a value holds a character that XML cannot.
    """
    shape = layout(name, on)
    table = shape.table
    parts = [f"<{table.root}>"]
    if table.repeats:
        parts.append(f"<{table.list_element}>")
        for row in rows:
            parts.append(f"<{table.row_element}>")
            _row(parts, row, shape)
            parts.append(f"</{table.row_element}>")
        parts.append(f"</{table.list_element}>")
    else:
        for row in rows[:1]:
            _row(parts, row, shape)
    parts.append(f"</{table.root}>")
    return "".join(parts).encode()


def _episode(episode: Episode, default: date) -> str:
    on = episode.end_day(default)
    parts = ["<HOSO>"]
    for name in SENT_TABLES:
        rows = episode.rows(name)
        if rows:
            inner = b64encode(write_table(name, rows, on)).decode()
            parts.append(
                f"<FILEHOSO><LOAIHOSO>{name}</LOAIHOSO><NOIDUNGFILE>{inner}</NOIDUNGFILE></FILEHOSO>"
            )
    parts.append("</HOSO>")
    return "".join(parts)


def write_claim(claim: Claim) -> bytes:
    """Return the claim file; CHUKYDONVI is empty."""
    default = claim.created_day or date.max
    return "".join(
        [
            f"{_HEAD}<GIAMDINHHS{_SPACES}>",
            f"<THONGTINDONVI><MACSKCB>{_escape(claim.facility)}</MACSKCB></THONGTINDONVI>",
            f"<THONGTINHOSO><NGAYLAP>{_escape(claim.created)}</NGAYLAP>",
            f"<SOLUONGHOSO>{len(claim.episodes)}</SOLUONGHOSO><DANHSACHHOSO>",
            *(_episode(episode, default) for episode in claim.episodes),
            "</DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI/></GIAMDINHHS>",
        ]
    ).encode()


def write_check_in(message: CheckIn, on: date) -> bytes:
    """Return the check-in message: one plain document with its own signature slot."""
    inner = write_table(CHECK_IN, message.rows, on).decode()
    head, _, tail = inner.rpartition("</")
    return f"{_HEAD}{head}<CHUKYDONVI/></{tail}".encode()
