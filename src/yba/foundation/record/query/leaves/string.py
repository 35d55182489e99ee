"""Texts: begins with, contains, exactly.

Standard: FHIR R4 search, "string"; without case and accents.
"""

from __future__ import annotations

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.filing import OVERLAP, PIECE
from yba.foundation.record.keys import exact_key, later_part
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.leaves.asking import Asking, any_of, like
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Leaf
from yba.kernel.text import fold


def sql(asking: Asking, leaf: Leaf, row: str, indexed: bool) -> str:
    """Return "one of its texts begins with one of these"; :contains and :exact likewise."""
    return any_of(_value(asking, leaf, unescape(value), row, indexed) for value in leaf.values)


def _value(asking: Asking, leaf: Leaf, value: str, row: str, indexed: bool) -> str:
    scopes = [plan_of(leaf.type).scopes[element] for element in leaf.parameter.elements]
    if leaf.modifier == "exact":
        return asking.has_keys(row, [exact_key(scope, value) for scope in scopes], [], indexed)
    text = fold(value)
    if leaf.modifier == "contains":
        if len(text) > OVERLAP:
            raise UnsearchableQuery(reason=f"more than {OVERLAP} letters after :contains")
        scopes += [later_part(scope) for scope in scopes]
        test = f"x.v LIKE {asking.arguments.add('%' + like(text) + '%', 'text')}"
    else:
        if len(text) > PIECE:
            raise UnsearchableQuery(reason=f"more than {PIECE} letters")
        low = asking.arguments.add(text, "text")
        high = asking.arguments.add(text + "\U0010ffff", "text")
        test = f"x.v >= {low} AND x.v < {high}"
    return asking.in_table("string", scopes, test, row)
