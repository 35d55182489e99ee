"""A search tree as one SQL statement: matches, their order, the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from yba.foundation.record import terms
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query import canonical, driving, ordering
from yba.foundation.record.query.chains import Conditions, of_own_reference
from yba.foundation.record.query.driving import Driver, Way
from yba.foundation.record.query.estimate import Statistics
from yba.foundation.record.query.guard import Guard
from yba.foundation.record.query.leaves import Arguments, Leaves
from yba.foundation.record.query.parse import split, unescape
from yba.foundation.record.query.tree import Condition, Either, Every, Leaf, Rows, Search, Sort

COUNTED_BY_DEFAULT = 50_000
# A name is filed by its parts and as a whole.
_ENTRIES_OF_A_ROW = 5
# Contained resources that a step of a chain may lead to.
MOST_INSIDE = 20_000
_OF_TABLES = frozenset(("string", "number", "quantity"))
COLUMNS = "r.type, r.rid, r.fid, r.version, r.updated, r.patient, r.body"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with its arguments."""

    sql: str
    arguments: list[object]
    sort_columns: int = 0
    # A rare condition drives: the shape fits every value, so its plan may be remembered.
    driven: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next page begins: the sort values and row id of the last match shown."""

    values: tuple[int | str, ...]
    rid: int


class Compiler:
    """Composes the statements of one search. This is the only place where SQL is put together."""

    def __init__(
        self,
        search: Search,
        *,
        zone: tzinfo,
        now: datetime,
        base: str,
        statistics: Statistics,
        guard: Guard | None = None,
        arguments: Arguments | None = None,
    ) -> None:
        self.search = search
        self.arguments = arguments or Arguments()
        self.leaves = Leaves(self.arguments, zone=zone, now=now, base=base)
        self.statistics = statistics
        self.guard = guard
        self.conditions = Conditions(self.leaves, self._is_rare, guard)
        self.zone, self.now, self.base = zone, now, base

    # -- whole statements -----------------------------------------------------------------------

    def page(self, after: Position | None) -> Statement:
        """Return the statement of one page: at most count + 1 matches."""
        search = self.search
        rare = [self._is_rare(condition) for condition in search.conditions]
        driver = driving.choose(search, rare, self.leaves)
        order = self.order()
        if driver.kind == "collect":
            hit = self._collected(rare, order, after)
        else:
            hit = self._walked(driver, order, after)
        driven = driving.is_remembered(driver, search)
        sort_values = "".join(f", s{n}" for n in range(len(order) - 1))
        columns = "type, rid, fid, version, updated, patient, body"
        sql = f"SELECT {columns}{sort_values} FROM ({hit}) h"
        return Statement(sql, self.arguments.values, len(order) - 1, driven)

    def _collected(
        self, rare: list[bool], order: list[tuple[str, bool]], after: Position | None
    ) -> str:
        """Return the page of matches that rare conditions collect, sorted afterwards."""
        where = self._where("r", rare)
        seek = f" AND {self.after(order, after)}" if after else ""
        limit = self.arguments.add(self.search.count + 1, "bigint")
        # OFFSET 0 keeps the planner from walking the whole type in order for a rare key.
        return (
            f"SELECT * FROM (SELECT {_shown(order)} FROM record.resource r"
            f" WHERE {where}{seek} OFFSET 0) r ORDER BY {order_by(_named(order))} LIMIT {limit}"
        )

    def _walked(self, driver: Driver, order: list[tuple[str, bool]], after: Position | None) -> str:
        """Return the page of matches that are met in the order of the answer."""
        conditions = self.search.conditions
        where = self._where("r", [False] * len(conditions), driver)
        limit = self.arguments.add(self.search.count + 1, "bigint")
        ways, twice = [Way("record.resource r")], False
        if driving.is_by_time(self.search):
            ways, twice = driving.ways(driver, self.leaves, self.search)
        found: list[str] = []
        for way in ways:
            own = [(way.own(key), descending) for key, descending in order]
            tests = [*way.tests, where, *([self.after(own, after)] if after else [])]
            page = (
                f"SELECT {_shown(order)} FROM {way.source} WHERE {' AND '.join(tests)}"
                f" ORDER BY {order_by(own)} LIMIT {limit}"
            )
            if way.over:
                page = f"SELECT h.* FROM unnest({way.over}) k (k) CROSS JOIN LATERAL ({page}) h"
            found.append(page)
        if len(found) == 1 and not ways[0].over:
            return found[0]
        named = _named(order)
        distinct = f"DISTINCT ON ({', '.join(name for name, _ in named)}) " if twice else ""
        union = " UNION ALL ".join(f"({page})" for page in found)
        return f"SELECT {distinct}* FROM ({union}) r ORDER BY {order_by(named)} LIMIT {limit}"

    def count(self, most: int | None = None) -> Statement:
        """Return the statement that counts the matches, at most `most` + 1."""
        where = self._where("r", [True] * len(self.search.conditions))
        if most is None:
            sql = f"SELECT count(*) FROM record.resource r WHERE {where}"
        else:
            limit = self.arguments.add(most + 1, "bigint")
            sql = (
                "SELECT count(*) FROM "
                f"(SELECT 1 FROM record.resource r WHERE {where} LIMIT {limit}) h"
            )
        return Statement(sql, self.arguments.values)

    def few(
        self,
        asked: Sequence[tuple[str, Condition]],
        most: int,
        inside: Sequence[tuple[str, Condition]] = (),
    ) -> Statement:
        """Return the statement that looks up at most `most` + 1 resources for each condition.

        A row without rid says that there are too many to look up. Of the conditions of `inside` it
        gives the contained resources, under the places -1, -2 …
        """
        limit = self.arguments.add(most + 1, "bigint") if asked else ""
        found = [
            self._few(place, type_, condition, limit, _ENTRIES_OF_A_ROW * most)
            for place, (type_, condition) in enumerate(asked)
        ]
        found += [self._inside(-1 - n, *pair) for n, pair in enumerate(inside)]
        driven = all(
            isinstance(condition, Leaf | Rows) and self._is_rare(condition)
            for _, condition in asked
        )
        return Statement(" UNION ALL ".join(found), self.arguments.values, driven=driven)

    def _inside(self, place: int, type_: str, met: Condition) -> str:
        """Return the look-up of contained resources that meet a condition.

        Who searches sees their container or not, so no guard asks of them. They are few: the other
        tables are asked of each, never joined.
        """
        number = self.arguments.add(TYPE_NUMBERS[type_], "smallint")
        test = self._test(met, "r", indexed=self._is_rare(met), probing=True)
        return (
            f"(SELECT {place} AS place, r.rid, NULL::bigint[] AS keys, NULL::bigint AS patient"
            f" FROM record.contained r WHERE r.type = {number} AND {test} LIMIT {MOST_INSIDE + 1})"
        )

    def _few(self, place: int, type_: str, met: Condition, limit: str, entries: int) -> str:
        looked_up = self.leaves.asking.looked_up
        looked_up.clear()
        rows = self.conditions.rows_of(type_, met, "r")
        counted = over = ""
        if isinstance(met, Leaf) and met.parameter.kind in _OF_TABLES and looked_up:
            # Whoever would join a million entries is stopped by counting the first few of them.
            entry_limit = self.arguments.add(entries, "bigint")
            first = " UNION ALL ".join(f"(SELECT {one} LIMIT {entry_limit})" for one in looked_up)
            counted = f"counted AS MATERIALIZED (SELECT count(*) AS n FROM ({first}) e), "
            rows += f" AND (SELECT n FROM counted) < {entry_limit}"
            over = (
                f" UNION ALL (SELECT {place}, NULL, NULL, NULL"
                f" FROM counted WHERE n >= {entry_limit})"
            )
        # Planned as if all were wanted, so that the limit does not tempt the planner to walk.
        return (
            f"(WITH {counted}found AS MATERIALIZED (SELECT {place} AS place, r.rid, r.keys,"
            f" CASE WHEN {of_own_reference('r')} THEN r.patient END AS patient {rows})"
            f" (SELECT * FROM found LIMIT {limit}){over})"
        )

    def pairs(self, leaf: Leaf, most: int) -> Statement:
        """Return the statement that gives the rows with a code and a value, or NULL beyond `most`."""
        limit = self.arguments.add(most + 1, "bigint")
        entries = self.leaves.pair_entries(leaf)
        found = " UNION ALL ".join(f"(SELECT x.rid {one} LIMIT {limit})" for one in entries)
        return Statement(
            f"SELECT CASE WHEN count(*) < {limit} THEN array_agg(e.rid) END, count(*)"
            f" FROM ({found}) e",
            self.arguments.values,
            driven=True,
        )

    def urls(self, type_: str, condition: Condition, most: int) -> Statement:
        """Return the statement that gives row and urls of what meets a condition."""
        scopes = self.arguments.add(canonical.url_scopes(type_), "bigint[]")
        limit = self.arguments.add(most + 1, "bigint")
        return Statement(
            "SELECT r.rid, ARRAY(SELECT t.code FROM unnest(r.keys) k (k)"
            f" JOIN record.term t ON t.k = k.k WHERE t.scope = ANY({scopes})) AS urls"
            f" {self.conditions.rows_of(type_, condition, 'r')} LIMIT {limit}",
            self.arguments.values,
        )

    def referred(self, pairs: Sequence[tuple[int, int]], type_: str, met: Condition) -> Statement:
        """Return the statement that keeps the rows whose key some resource has that meets this."""
        rows = self.arguments.add([row for row, _ in pairs], "bigint[]")
        keys = self.arguments.add([key for _, key in pairs], "bigint[]")
        found = self.conditions.rows_of(type_, met, "r")
        return Statement(
            f"SELECT DISTINCT w.rid FROM unnest({rows}, {keys}) w (rid, k)"
            f" WHERE EXISTS (SELECT {found} AND r.keys && ARRAY[w.k])",
            self.arguments.values,
        )

    def estimate(self) -> Statement:
        """Return the statement whose plan says how many matches are expected."""
        _, where = self.everything("r", indexed=True)
        sql = f"EXPLAIN SELECT FROM record.resource r WHERE {where}"
        return Statement(sql, self.arguments.values)

    # -- conditions -----------------------------------------------------------------------------

    def _where(self, row: str, indexed: list[bool], driver: Driver | None = None) -> str:
        """Return the test of all conditions but the one that leads here already."""
        led = driver is not None and driver.kind != "walk"
        tests = [f"{row}.flags & 1 = 0"]
        if driver is None or driver.kind != "code":
            # The key of a code is of one type already; said again, the planner would look it up.
            type_ = self.arguments.add(TYPE_NUMBERS[self.search.type], "smallint")
            tests.append(f"{row}.type = {type_}")
        hidden = self.guard.sql(row, self.search.type, self.arguments) if self.guard else ""
        if hidden:
            tests.append(f"({hidden})")
        for condition, is_indexed in zip(self.search.conditions, indexed, strict=True):
            if driver is not None and driver.answers(condition):
                continue
            tests.append(self._test(condition, row, indexed=is_indexed, probing=led))
        if driver is None:
            tests += driving.within(self.leaves, self.search, row)
        return " AND ".join(tests)

    def everything(self, row: str, *, indexed: bool = False) -> tuple[bool, str]:
        """Return whether something rare leads, and the test of all conditions."""
        rare = [self._is_rare(condition) for condition in self.search.conditions]
        return any(rare), self._where(row, [True] * len(rare) if indexed else rare)

    def _is_rare(self, condition: Condition) -> bool:
        """Return whether few rows are expected to meet the condition."""
        if not isinstance(condition, Leaf):
            return self._is_rare_together(condition)
        parameter = condition.parameter
        if parameter.code == "_id":
            return condition.modifier == ""
        if condition.modifier in ("missing", "not", "not-in"):
            return False
        match parameter.kind:
            case "token":
                return not self.statistics.is_dense(condition.type, self._likely_keys(condition))
            case "reference" | "string" | "uri":
                return True
            case "composite":
                first = Leaf(
                    condition.type,
                    plan_of(condition.type).parameters[parameter.components[0][0]],
                    "",
                    tuple(split(value, "$")[0] for value in condition.values),
                )
                return first.parameter.kind != "token" or self._is_rare(first)
            case _:
                return False

    def _is_rare_together(self, condition: Condition) -> bool:
        """Return the same for what is made of other conditions; see `gathering`."""
        match condition:
            case Rows():
                return True
            case Every():
                return any(self._is_rare(one) for one in condition.inner)
            case Either():
                return all(self._is_rare(one) for one in condition.inner)
            case _:
                return False

    def _likely_keys(self, leaf: Leaf) -> list[int]:
        """Return the keys a token probably has: those computable, and bare codes met before."""
        scratch = Leaves(Arguments(), zone=self.zone, now=self.now, base=self.base)
        keys, lookups = scratch.token_keys(leaf)
        if lookups:
            plan = plan_of(leaf.type)
            for value in leaf.values:
                code = unescape(split(value, "|")[-1])
                for element in leaf.parameter.elements:
                    keys.extend(terms.by_code.get((plan.scopes[element], code), ()))
        return keys

    def test(self, condition: Condition, row: str) -> str:
        """Return the test of one condition, by an index where few rows meet it."""
        return self._test(condition, row, indexed=self._is_rare(condition))

    def _test(self, condition: Condition, row: str, *, indexed: bool, probing: bool = False) -> str:
        # What lies behind references is asked of each row, unless an index leads there.
        self.leaves.asking.probing = probing if isinstance(condition, Leaf) else not indexed
        return self.conditions.sql(condition, row, indexed=indexed)

    # -- order and position -----------------------------------------------------------------------

    def order(self) -> list[tuple[str, bool]]:
        """Return the columns of the order with their directions; the row id comes last."""
        sorts = self.search.sort
        if not sorts:
            newest = [("r.ts", True)] if plan_of(self.search.type).by_time else []
            return [*newest, ("r.rid", True)]
        keys = [(self.sort_key(sort, "r"), sort.descending) for sort in sorts]
        return [*keys, ("r.rid", sorts[0].descending)]

    def sort_key(self, sort: Sort, row: str) -> str:
        """Return the value by which rows are sorted."""
        return ordering.key(self.search.type, sort, row, self.arguments, self.guard)

    def after(self, order: list[tuple[str, bool]], position: Position) -> str:
        """Return the test that a row comes after `position` in this order."""
        if len(position.values) != len(order) - 1:
            raise UnsearchableQuery(reason="this cursor belongs to another search")
        values = [
            self.arguments.add(value, "text" if isinstance(value, str) else "bigint")
            for value in (*position.values, position.rid)
        ]
        if len({descending for _, descending in order}) == 1:
            keys = ", ".join(key for key, _ in order)
            return f"({keys}) {'<' if order[0][1] else '>'} ({', '.join(values)})"
        alternatives: list[str] = []
        for n, (key, descending) in enumerate(order):
            same = [f"{order[i][0]} = {values[i]}" for i in range(n)]
            alternatives.append(
                "(" + " AND ".join([*same, f"{key} {'<' if descending else '>'} {values[n]}"]) + ")"
            )
        return "(" + " OR ".join(alternatives) + ")"


def _shown(order: list[tuple[str, bool]]) -> str:
    """Return the columns of a match; those of the order are called s0, s1…"""
    names = "".join(f", {key} AS s{n}" for n, (key, _) in enumerate(order[:-1]))
    return f"{COLUMNS}, r.keys{names}"


def _named(order: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Return the order in the names that `_shown` gives its columns."""
    return [(f"s{n}", descending) for n, (_, descending) in enumerate(order[:-1])] + [
        ("rid", order[-1][1])
    ]


def order_by(keys: list[tuple[str, bool]]) -> str:
    """Return the keys of an order as SQL; each says whether it descends."""
    return ", ".join(f"{key} {'DESC' if descending else 'ASC'}" for key, descending in keys)
