"""Rows as CSV, JSON or NDJSON, piece by piece.

Decimals keep their digits; a list or an element in a cell of CSV is JSON. CSV is opened in
spreadsheets: a text that a spreadsheet would take for a formula gets an apostrophe in front, unless
the table is meant for a program (`exact`). Numbers, also those written as text, stay as they are.
Standard: RFC 4180, RFC 8259, NDJSON 1.0; OWASP ASVS 5.0, 1.2.10.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import StringIO
from typing import Any, Final, Literal, TypeAlias

import msgspec

from yba.fhir.views.tree import Column

Format: TypeAlias = Literal["csv", "json", "ndjson"]
MEDIA_TYPES: Final[dict[Format, str]] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "ndjson": "application/x-ndjson; charset=utf-8",
}
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
# What makes a formula of a cell, at its beginning; also the wide forms that are read alike.
_FORMULA: Final = re.compile(r"[=+\-@\t\r\n\0＝＋－＠]")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?", re.ASCII)


class TableWriter:
    """Turns rows into bytes: `start`, then `rows` any number of times, then `end`."""

    def __init__(
        self,
        columns: Sequence[Column],
        format_: Format,
        *,
        header: bool = True,
        exact: bool = False,
    ) -> None:
        """`exact` leaves formulas in CSV as they are: for programs, never for spreadsheets."""
        self._names = [column.name for column in columns]
        self._format = format_
        self._header = header
        self._cell = _cell if exact else _harmless_cell
        self._is_first = True

    def start(self) -> bytes:
        """Return what comes before the first row."""
        if self._format == "json":
            return b"["
        return self._csv([self._names]) if self._format == "csv" and self._header else b""

    def rows(self, rows: Iterable[Sequence[Any]]) -> bytes:
        """Return some rows."""
        if self._format == "csv":
            return self._csv([self._cell(value) for value in row] for row in rows)
        lines = [_ENCODER.encode(dict(zip(self._names, row, strict=True))) for row in rows]
        if self._format == "ndjson":
            return b"".join(line + b"\n" for line in lines)
        text = b",\n".join(lines)
        if text and not self._is_first:
            return b",\n" + text
        self._is_first = self._is_first and not text
        return text

    def end(self) -> bytes:
        """Return what comes after the last row."""
        return b"]" if self._format == "json" else b""

    def _csv(self, rows: Iterable[Sequence[str]]) -> bytes:
        out = StringIO()
        csv.writer(out).writerows(rows)
        return out.getvalue().encode()


def _harmless_cell(value: Any) -> str:
    text = _cell(value)
    if isinstance(value, str) and _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | Decimal():
            return format(value, "f") if isinstance(value, Decimal) else str(value)
        case _:
            return _ENCODER.encode(value).decode()
