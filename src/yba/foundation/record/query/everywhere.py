"""A search over several types as one statement: a branch for each type, merged in one order.

Without `_sort` the order is newest change first. The type is the last key of the order, so that
pages are exact although two types may use the same id.
Standard: FHIR R4 search, "Searching multiple resource types".
"""

from __future__ import annotations

from collections.abc import Callable

from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.compile import (
    COLUMNS,
    Compiler,
    Position,
    Statement,
    order_by,
)
from yba.foundation.record.query.leaves import Arguments
from yba.foundation.record.query.tree import Search, Sort

# Which types have rows at all: one step of the primary key for each.
TYPES_PRESENT = """
    WITH RECURSIVE present (type) AS (
        (SELECT type FROM record.resource ORDER BY type LIMIT 1)
        UNION ALL
        SELECT (SELECT r.type FROM record.resource r WHERE r.type > p.type ORDER BY type LIMIT 1)
          FROM present p WHERE p.type IS NOT NULL
    )
    SELECT type FROM present WHERE type IS NOT NULL
"""


class SeveralTypes:
    """Composes the statements of a search that has parts."""

    def __init__(self, search: Search, make: Callable[[Search, Arguments], Compiler]) -> None:
        self.search = search
        self.arguments = Arguments()
        self.parts = [make(part, self.arguments) for part in search.parts or ()]

    def page(self, after: Position | None) -> Statement:
        """Return the statement of one page; the position's row is the number of a type."""
        limit = self.arguments.add(self.search.count + 1, "bigint")
        names: list[tuple[str, bool]] = []
        branches: list[str] = []
        for part in self.parts:
            keys = self._order(part)
            columns = "".join(f", {key} AS s{n}" for n, (key, _) in enumerate(keys[:-1]))
            names = [(f"s{n}", down) for n, (_, down) in enumerate(keys[:-1])]
            names.append(("type", keys[-1][1]))
            rare, where = part.everything("r")
            seek = f" AND {part.after(keys, after)}" if after else ""
            found = f"SELECT {COLUMNS}{columns} FROM record.resource r WHERE {where}{seek}"
            if rare:
                found = f"SELECT * FROM ({found} OFFSET 0) r ORDER BY {order_by(names)}"
            else:
                found = f"{found} ORDER BY {order_by(keys)}"
            branches.append(f"({found} LIMIT {limit})")
        sql = " UNION ALL ".join(branches)
        values = "".join(f", {name}" for name, _ in names[:-1])
        columns = COLUMNS.replace("r.", "h.")
        return Statement(
            f"SELECT {columns}{values} FROM ({sql}) h ORDER BY {order_by(names)} LIMIT {limit}",
            self.arguments.values,
            len(names) - 1,
        )

    def _order(self, part: Compiler) -> list[tuple[str, bool]]:
        sorts = part.search.sort
        if not sorts:
            changed = plan_of(part.search.type).parameters["_lastUpdated"]
            sorts = [Sort(changed, descending=True)]
        keys = [(part.sort_key(sort, "r"), sort.descending) for sort in sorts]
        return [*keys, ("r.rid", sorts[0].descending), ("r.type", sorts[0].descending)]

    def count(self, most: int | None = None) -> Statement:
        """Return the statement that counts the matches, at most `most` + 1."""
        branches = " UNION ALL ".join(
            f"SELECT 1 FROM record.resource r WHERE {part.everything('r', indexed=True)[1]}"
            for part in self.parts
        )
        limit = "" if most is None else f" LIMIT {self.arguments.add(most + 1, 'bigint')}"
        return Statement(f"SELECT count(*) FROM ({branches}{limit}) h", self.arguments.values)

    def estimate(self) -> Statement:
        """Return the statement whose plan says how many matches are expected."""
        counted = self.count()
        sql = counted.sql.removeprefix("SELECT count(*) FROM (").removesuffix(") h")
        return Statement(f"EXPLAIN {sql}", counted.arguments)
