"""A search that meets contained resources, by their own parameters: `_contained=true` and `both`.

Main rule: what stands inside is seen by who sees the container, so the guard asks of the container.
Contained resources that match are few: they are collected and sorted, beside the ordinary matches
where `both` are wanted. A container comes once, by the best of what matches in it.
Standard: FHIR R4 search, "Contained Resources".
"""

from __future__ import annotations

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.query.compile import Compiler, Position, Statement, order_by
from yba.foundation.record.query.guard import guarded
from yba.foundation.record.query.parse import unescape
from yba.foundation.record.query.tree import Condition, Leaf

_NAMES = "type, rid, fid, version, updated, patient, body, inside"
_OF_ROW = "r.type, r.rid, r.fid, r.version, r.updated, r.patient, r.body, NULL::text AS inside"
_OF_CONTAINER = (
    "p.type, p.rid, p.fid, p.version, p.updated, p.patient, p.body, NULL::text AS inside"
)
_OF_CONTAINED = "p.type, p.rid, p.fid, p.version, p.updated, p.patient, r.body, r.fid AS inside"


class Containing:
    """Composes the statements of a search over contained resources, perhaps over others too.

    Further columns of a match: `inside`, the id of the contained resource that is answered itself.
    """

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._search = compiler.search
        self._arguments = compiler.arguments
        self._answers_container = self._search.answer != "contained"
        self._order = compiler.order()

    def page(self, after: Position | None) -> Statement:
        """Return the statement of one page; the position's row is the number of a type."""
        limit = self._arguments.add(self._search.count + 1, "bigint")
        names = self._names()
        seek = f" WHERE {self._compiler.after(names, after)}" if after else ""
        branches = [f"SELECT * FROM ({self._inside()}) i"]
        if self._search.contained == "both":
            branches.append(f"SELECT * FROM ({self._ordinary()} OFFSET 0) o")
        pages = " UNION ALL ".join(
            f"({one}{seek} ORDER BY {order_by(names)} LIMIT {limit})" for one in branches
        )
        values = "".join(f", {name}" for name, _ in names[:-1])
        return Statement(
            f"SELECT {_NAMES}{values} FROM ({pages}) h ORDER BY {order_by(names)} LIMIT {limit}",
            self._arguments.values,
            len(names) - 1,
        )

    def count(self, most: int | None = None) -> Statement:
        """Return the statement that counts the matches, at most `most` + 1."""
        branches = f"SELECT 1 FROM ({self._inside()}) i"
        if self._search.contained == "both":
            _, where = self._compiler.everything("r", indexed=True)
            branches += f" UNION ALL SELECT 1 FROM record.resource r WHERE {where}"
        limit = "" if most is None else f" LIMIT {self._arguments.add(most + 1, 'bigint')}"
        return Statement(f"SELECT count(*) FROM ({branches}{limit}) h", self._arguments.values)

    def estimate(self) -> Statement:
        """Return the statement whose plan says how many matches are expected."""
        counted = self.count()
        sql = counted.sql.removeprefix("SELECT count(*) FROM (").removesuffix(") h")
        return Statement(f"EXPLAIN {sql}", counted.arguments)

    # -- the two kinds of matches --------------------------------------------------------------------

    def _keys(self, container: str) -> list[tuple[str, bool]]:
        """Return the order of matches; `container` is the alias whose row is answered."""
        return [*self._order[:-1], (f"{container}.rid", self._order[-1][1])]

    def _names(self) -> list[tuple[str, bool]]:
        """Return the same in the names of the columns, the type of the answer last."""
        names = [(f"s{n}", down) for n, (_, down) in enumerate(self._order)]
        return [*names, ("type", self._order[-1][1])]

    def _ordinary(self) -> str:
        _, where = self._compiler.everything("r")
        return f"SELECT {_OF_ROW}{_columns(self._keys('r'))} FROM record.resource r WHERE {where}"

    def _inside(self) -> str:
        """Return what contained resources give: themselves, or each container once."""
        tests = [
            f"r.type = {self._arguments.add(TYPE_NUMBERS[self._search.type], 'smallint')}",
            "p.flags & 1 = 0" + guarded(self._compiler.guard, "p", None, self._arguments),
            *(self._test(condition) for condition in self._search.conditions),
        ]
        source = (
            "FROM record.contained r JOIN record.resource p"
            f" ON p.type = r.container_type AND p.rid = r.container WHERE {' AND '.join(tests)}"
        )
        if not self._answers_container:
            return f"SELECT {_OF_CONTAINED}{_columns(self._keys('r'))} {source}"
        keys = self._keys("p")
        if self._search.contained == "both":
            # What matches itself comes as itself.
            _, itself = self._compiler.everything("p")
            source += f" AND NOT coalesce(({itself}), false)"
        order = ", ".join(f"s{n} {'DESC' if down else 'ASC'}" for n, (_, down) in enumerate(keys))
        return (
            f"SELECT DISTINCT ON (type, rid) * FROM (SELECT {_OF_CONTAINER}{_columns(keys)} {source})"
            f" c ORDER BY type, rid, {order}"
        )

    def _test(self, condition: Condition) -> str:
        named = isinstance(condition, Leaf) and condition.parameter.code == "_id"
        if isinstance(condition, Leaf) and named and condition.modifier != "missing":
            ids = [unescape(value) for value in condition.values]
            found = f"r.fid = ANY({self._arguments.add(ids, 'text[]')})"
            return f"NOT {found}" if condition.modifier == "not" else found
        if isinstance(condition, Leaf) and condition.parameter.code == "_content":
            raise UnsearchableQuery(reason="_content of contained resources is not searched")
        return self._compiler.test(condition, "r")


def _columns(keys: list[tuple[str, bool]]) -> str:
    """Return the values of the order as columns s0, s1…"""
    return "".join(f", {key} AS s{n}" for n, (key, _) in enumerate(keys))
