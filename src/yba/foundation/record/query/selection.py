"""Searches as a choice of rows for who reads all of them, in no order and without pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from yba.foundation.record import settings
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.query.compile import Compiler
from yba.foundation.record.query.estimate import statistics
from yba.foundation.record.query.parse import parse
from yba.foundation.record.query.tree import Search

_ALL = 1 << 60
_ARGUMENT = re.compile(r"\$(\d+)")
_ONLY_CONDITIONS = (
    "_sort",
    "_count",
    "_include",
    "_revinclude",
    "_summary",
    "_elements",
    "_cursor",
    "_contained",
    "_containedType",
)


def chosen_by(type_: str, query: str) -> Search:
    """Return the search of a query that only chooses: no order, pages or inclusions.

    Raises UnsearchableQuery for what cannot be answered exactly, and for what does not choose.
    """
    names = {pair.partition("=")[0].partition(":")[0] for pair in query.split("&")}
    for name in _ONLY_CONDITIONS:
        if name in names:
            raise UnsearchableQuery(reason=f"{name} has no meaning here")
    return parse(type_, query)


def narrowed(
    statement: str, arguments: Sequence[object], searches: Sequence[Search], *, now: datetime
) -> tuple[str, list[object]]:
    """Return `statement`, which selects from record.resource r, for rows that any search finds."""
    given = list(arguments)
    parts: list[str] = []
    for search in searches:
        compiler = Compiler(
            replace(search, count=_ALL, total="none", sort=[], includes=[]),
            zone=settings.zone(), now=now, base="", statistics=statistics,
        )  # fmt: skip
        page, offset = compiler.page(None), len(given)
        sql = _ARGUMENT.sub(lambda found: f"${int(found[1]) + offset}", page.sql)  # noqa: B023
        parts.append(f"SELECT rid FROM ({sql}) found")
        given += page.arguments
    return f"{statement} AND r.rid IN ({' UNION '.join(parts)})", given
