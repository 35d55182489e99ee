"""Comparisons that only `_filter` can ask for, as SQL.

Standard: FHIR R4 search_filter, the table of operators.
"""

from __future__ import annotations

import re

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.filing import MISSING_TIME, PIECE
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.leaves import Arguments, Asking
from yba.foundation.record.query.leaves.asking import Bounds
from yba.foundation.record.query.leaves.date import moment
from yba.foundation.record.query.tree import Comparison
from yba.kernel.text import fold

_SQL = {"gt": ">", "lt": "<", "ge": ">=", "le": "<=", "eq": "=", "ne": "<>"}


def sql(asking: Asking, asked: Comparison, row: str) -> str:
    """Return "one of the values compares so". Raises UnsearchableQuery for an unreadable value."""
    match asked.parameter.kind:
        case "string":
            return _text(asking, asked, row)
        case "date":
            return _overlap(asking, asked, row)
        case _:
            return _code(asking, asked, row)


def _scopes(asked: Comparison) -> list[int]:
    plan = plan_of(asked.type)
    return [plan.scopes[element] for element in asked.parameter.elements]


def _text(asking: Asking, asked: Comparison, row: str) -> str:
    text = fold(asked.value)
    if len(text) >= PIECE:
        raise UnsearchableQuery(reason=f"more than {PIECE - 1} letters")
    if asked.operator == "ew":
        # Of a longer text only the beginning is kept in one piece.
        test = f"x.v LIKE {_pattern(asking.arguments, '%', text, '')} AND length(x.v) < {PIECE}"
    else:
        test = f"x.v {_SQL[asked.operator]} {asking.arguments.add(text, 'text')}"
    return asking.in_table("string", _scopes(asked), test, row)


def _code(asking: Asking, asked: Comparison, row: str) -> str:
    """Return the same for codes, whose true values are in record.term."""
    arguments = asking.arguments
    system, bar, code = asked.value.rpartition("|")
    scopes = arguments.add(_scopes(asked), "bigint[]")
    if asked.operator == "ne":
        same = f"lower(t.code) = lower({arguments.add(code, 'text')})"
        if bar:
            same += f" AND t.system = {arguments.add(system, 'text')}"
        test = f"NOT ({same})"
    else:
        before = "" if asked.operator == "sw" else "%"
        after = "" if asked.operator == "ew" else "%"
        test = f"lower(t.code) LIKE lower({_pattern(arguments, before, asked.value, after)})"
    return (
        f"EXISTS (SELECT FROM record.term t WHERE t.k = ANY({row}.keys)"
        f" AND t.scope = ANY({scopes}) AND {test})"
    )


def _pattern(arguments: Arguments, before: str, text: str, after: str) -> str:
    return arguments.add(before + re.sub(r"([\\%_])", r"\\\1", text) + after, "text")


def _overlap(asking: Asking, asked: Comparison, row: str) -> str:
    """Return "one of its dates overlaps with this one"."""
    given = moment(asking, asked.parameter.code, asked.value)
    bounds = Bounds("overlap", given.low, given.high, inclusive=True)
    inside = asking.compare("x.lo", "x.hi", bounds)
    scopes = _scopes(asked)
    if frozenset(asked.parameter.elements) != plan_of(asked.type).time_elements:
        return asking.in_table("range", scopes, inside, row)
    several = asking.in_table("range", scopes, inside, row)
    return (
        f"({row}.ts > {MISSING_TIME} AND {asking.compare(f'{row}.ts', f'{row}.te', bounds)}"
        f" AND ({row}.flags & 2 = 0 OR {several}))"
    )
