"""SQL of the profiles, tags and security labels that resources of some types bear.

Main rule: each is looked up where it is filed, and told only while a current resource that the asker
may see bears it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import LiteralString

from yba.foundation.record.errors import QueryTooExpensive
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.compile import Statement
from yba.foundation.record.query.guard import Guard, put_into
from yba.foundation.record.reading import run
from yba.plumbing.database import Tx

_MOST = 5_000
_IN_USE: LiteralString = """
    SELECT t.scope, t.system, t.code
      FROM record.term t
     WHERE t.scope = ANY($1::bigint[])
       AND EXISTS (SELECT FROM record.resource r
                    WHERE r.keys && ARRAY[t.k] AND r.flags & 1 = 0 /*guard r*/)
     ORDER BY t.system, t.code
     LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class InUse:
    """What resources bear: profiles by canonical, tags and labels by (system, code); sorted."""

    profiles: dict[str, None] = field(default_factory=dict[str, None])
    tags: dict[tuple[str, str], None] = field(default_factory=dict[tuple[str, str], None])
    labels: dict[tuple[str, str], None] = field(default_factory=dict[tuple[str, str], None])


async def in_use(tx: Tx, types: Sequence[str], guard: Guard | None) -> InUse:
    """Return what current resources of these types bear.

    Raises QueryTooExpensive if it takes too long, or if there is too much to tell.
    """
    scopes: dict[int, str] = {}
    for type_ in types:
        plan = plan_of(type_)
        for code in ("_profile", "_tag", "_security"):
            scopes |= {plan.scopes[number]: code for number in plan.parameters[code].elements}
    sql, given = put_into(
        _IN_USE, guard, (list(scopes), _MOST + 1), types[0] if len(types) == 1 else None
    )
    records = await run(tx, Statement(sql, given))
    if len(records) > _MOST:
        raise QueryTooExpensive
    found = InUse()
    for scope, system, code in records:
        match scopes[scope]:
            case "_profile":
                found.profiles[code] = None
            case "_tag":
                found.tags[system, code] = None
            case _:
                found.labels[system, code] = None
    return found
