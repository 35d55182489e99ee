"""Words of the narrative, or of the whole resource.

Standard: FHIR R4 search, "_text", "_content".
"""

from __future__ import annotations

from yba.foundation.record import settings
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.query.leaves.asking import Asking, any_of
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Leaf
from yba.foundation.record.words import CONTENT, NARRATIVE, question


def sql(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return "its texts answer one of these questions"."""
    part = NARRATIVE if leaf.parameter.code == "_text" else CONTENT
    if part == CONTENT and not settings.files_content():
        raise UnsearchableQuery(reason="_content is switched off on this node (YBA_FULL_TEXT)")
    type_ = asking.arguments.add(TYPE_NUMBERS[leaf.type], "smallint")

    def one(value: str) -> str:
        asked = asking.arguments.add(question(unescape(value)), "text")
        return (
            f"{row}.rid IN (SELECT x.rid FROM record.words x WHERE x.part = {part}"
            f" AND x.type = {type_} AND x.words @@ {asked}::tsquery)"
        )

    return any_of(one(value) for value in leaf.values)
