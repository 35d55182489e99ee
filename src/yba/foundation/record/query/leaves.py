"""Leaves as SQL: one parameter and its values on one row of record.resource.

Two forms exist of every test of `keys`: the operator, which the GIN index can serve, and the
function of the same meaning, which it cannot; so it is decided here, not by the planner, which
condition drives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from urllib.parse import urlsplit

from yba.fhir.index import SearchParam, range_of
from yba.fhir.numbers import implicit_range
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.keys import (
    bare_key,
    exact_key,
    later_part,
    logical_key,
    of_type_key,
    ordered,
    reference_scope,
    row_id,
    token_key,
)
from yba.foundation.record.plans import TYPE_NUMBERS, TypePlan, plan_of, rooted_in_type
from yba.foundation.record.query.parse import split, unescape
from yba.foundation.record.query.tree import Condition, Leaf
from yba.foundation.record.rows import MISSING_TIME, OVERLAP, PIECE
from yba.kernel.clock import micros
from yba.kernel.text import fold

_DAY = 86_400_000_000
_NEVER = 1 << 63
_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)(?=[\d+\-.])")
_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}", re.ASCII)


class Arguments:
    """The numbered arguments of one statement."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def add(self, value: object, sql_type: str) -> str:
        """Add a value and return the text that stands for it."""
        self.values.append(value)
        return f"${len(self.values)}::{sql_type}"


class Late:
    """An argument that is added only if the statement comes to use it."""

    def __init__(self, arguments: Arguments, value: int) -> None:
        self._arguments = arguments
        self._value = value
        self._text = ""

    def __str__(self) -> str:
        if not self._text:
            self._text = self._arguments.add(self._value, "bigint")
        return self._text


class Leaves:
    """Turns leaves into SQL, collecting arguments."""

    def __init__(self, arguments: Arguments, *, zone: tzinfo, now: datetime, base: str) -> None:
        self.arguments = arguments
        self.zone = zone
        self.now = micros(now)
        self.base = base.rstrip("/") + "/" if base else ""

    def sql(self, leaf: Leaf, row: str, *, indexed: bool) -> str:
        """Return a condition on `row`; `indexed` chooses the form that an index can serve."""
        parameter = leaf.parameter
        if parameter.code == "_id":
            return self._id(leaf, row)
        if parameter.code == "_lastUpdated":
            return _any(self._updated(unescape(value), row) for value in leaf.values)
        if leaf.modifier == "missing":
            return self._missing(leaf, row)
        match parameter.kind:
            case "token":
                sql = self._token(leaf, row, indexed)
                return f"NOT {sql}" if leaf.modifier == "not" else sql
            case "reference":
                return self._reference(leaf, row, indexed)
            case "uri":
                plan = plan_of(leaf.type)
                keys = [
                    exact_key(plan.scopes[element], unescape(value))
                    for value in leaf.values
                    for element in parameter.elements
                ]
                return self.has_keys(row, keys, [], indexed)
            case "string":
                return _any(
                    self._string(leaf, unescape(value), row, indexed) for value in leaf.values
                )
            case "date":
                return _any(self._date(leaf, unescape(value), row) for value in leaf.values)
            case "number":
                return _any(self._number(leaf, unescape(value), row) for value in leaf.values)
            case "quantity":
                return _any(self._quantity(leaf, value, row) for value in leaf.values)
            case "composite":
                return _any(self._composite(leaf, value, row, indexed) for value in leaf.values)
            case _:
                raise UnsearchableQuery(reason=f"{parameter.code} is not supported")

    # -- keys ---------------------------------------------------------------------------------

    def has_keys(self, row: str, keys: list[int], lookups: list[str], indexed: bool) -> str:
        """Return "any of these keys", known ones and those that `lookups` find in record.term."""
        if lookups:
            parts = list(lookups)
            if keys:
                parts.append(f"SELECT unnest({self.arguments.add(keys, 'bigint[]')})")
            array = f"ARRAY({' UNION ALL '.join(parts)})"
        else:
            array = self.arguments.add(keys, "bigint[]")
        return f"{row}.keys && {array}" if indexed else f"arrayoverlap({row}.keys, {array})"

    def _term_lookup(self, scopes: list[int], **texts: str) -> str:
        tests = [f"t.scope = ANY({self.arguments.add(scopes, 'bigint[]')})"]
        tests += [
            f"t.{column} = {self.arguments.add(text, 'text')}" for column, text in texts.items()
        ]
        return f"SELECT t.k FROM record.term t WHERE {' AND '.join(tests)}"

    def _token(self, leaf: Leaf, row: str, indexed: bool) -> str:
        keys, lookups = self.token_keys(leaf)
        return f"({self.has_keys(row, keys, lookups, indexed and leaf.modifier != 'not')})"

    def token_keys(self, leaf: Leaf) -> tuple[list[int], list[str]]:
        """Return the keys that any value has, and look-ups for those not computable."""
        plan = plan_of(leaf.type)
        keys: list[int] = []
        lookups: list[str] = []
        for value in leaf.values:
            if leaf.modifier == "of-type":
                keys += self._of_type(leaf, value)
                continue
            self._token_value(plan, leaf.parameter.elements, value, keys, lookups)
        return keys, lookups

    def _of_type(self, leaf: Leaf, value: str) -> list[int]:
        parts = [unescape(part) for part in split(value, "|")]
        if len(parts) != 3:
            raise UnsearchableQuery(reason="of-type must be system|code|value")
        plan = plan_of(leaf.type)
        return [of_type_key(plan.scopes[element], *parts) for element in leaf.parameter.elements]

    def _token_value(
        self,
        plan: TypePlan,
        elements: tuple[int, ...],
        value: str,
        keys: list[int],
        lookups: list[str],
    ) -> None:
        parts = [unescape(part) for part in split(value, "|")]
        if len(parts) > 2:
            raise UnsearchableQuery(reason="a token must be code, system|code, |code or system|")
        coded = [plan.scopes[e] for e in elements if e not in plan.identifier_elements]
        numbers = [plan.scopes[e] for e in elements if e in plan.identifier_elements]
        if len(parts) == 1:
            keys += [bare_key(scope, parts[0]) for scope in numbers]
            if coded:
                lookups.append(self._term_lookup(coded, code=parts[0]))
        elif parts[1]:
            keys += [token_key(scope, parts[0], parts[1]) for scope in (*coded, *numbers)]
        else:
            if numbers or not parts[0]:
                raise UnsearchableQuery(reason="a system without a code is not searchable here")
            lookups.append(self._term_lookup(coded, system=parts[0]))

    # -- references ---------------------------------------------------------------------------

    def _reference(self, leaf: Leaf, row: str, indexed: bool) -> str:
        plan = plan_of(leaf.type)
        element_keys: list[int] = []
        patients: list[int] = []
        for value in map(unescape, leaf.values):
            if leaf.modifier == "identifier":
                system, _, code = value.rpartition("|")
                element_keys += [
                    logical_key(plan.scopes[e], system, code) for e in leaf.parameter.elements
                ]
                continue
            for target, id_ in self._places(leaf.parameter, value):
                for element in leaf.parameter.elements:
                    if target == "Patient" and element == plan.patient_element:
                        patients.append(row_id(target, id_))
                    else:
                        scope = reference_scope(leaf.type, element, target)
                        element_keys.append(row_id(target, id_) ^ scope)
            if "/" in value or ":" in value:
                element_keys += [exact_key(plan.scopes[e], value) for e in leaf.parameter.elements]
        tests: list[str] = []
        if patients:
            tests.append(f"{row}.patient = ANY({self.arguments.add(patients, 'bigint[]')})")
        # A plain reference to a patient has a place of its own; nothing else can match it.
        if element_keys and not (patients and leaf.parameter.targets == ("Patient",)):
            tests.append(self.has_keys(row, element_keys, [], indexed))
        return _any(tests)

    def _places(self, parameter: SearchParam, value: str) -> list[tuple[str, str]]:
        """Return the (type, id) pairs that a reference value may mean."""
        if self.base and value.startswith(self.base):
            value = value[len(self.base) :]
        elif urlsplit(value).scheme:
            return []
        type_, slash, id_ = value.partition("/")
        if not slash:
            type_, id_ = "", value
        if not _ID.fullmatch(id_) or (type_ and type_ not in TYPE_NUMBERS):
            if "/" in value:
                return []
            raise UnsearchableQuery(reason=f"{parameter.code} must be Type/id, id or a URL")
        return [(type_, id_)] if type_ else [(t, id_) for t in parameter.targets or TYPE_NUMBERS]

    def _id(self, leaf: Leaf, row: str) -> str:
        rows = [row_id(leaf.type, unescape(value)) for value in leaf.values]
        sql = f"{row}.rid = ANY({self.arguments.add(rows, 'bigint[]')})"
        return f"NOT ({sql})" if leaf.modifier == "not" else sql

    def _missing(self, leaf: Leaf, row: str) -> str:
        plan = plan_of(leaf.type)
        wanted = leaf.values[0] == "true"
        if leaf.parameter.targets == ("Patient",) and leaf.parameter.elements == (
            plan.patient_element,
        ):
            return f"{row}.patient IS {'' if wanted else 'NOT '}NULL"
        bits = [plan.bits[element] for element in leaf.parameter.elements]
        if not all(bits):
            raise UnsearchableQuery(reason=f"{leaf.parameter.code}:missing is not supported")
        mask = self.arguments.add(sum(set(bits)), "bigint")
        return f"{row}.present & {mask} {'=' if wanted else '<>'} 0"

    # -- strings ------------------------------------------------------------------------------

    def _string(self, leaf: Leaf, value: str, row: str, indexed: bool) -> str:
        scopes = [plan_of(leaf.type).scopes[element] for element in leaf.parameter.elements]
        if leaf.modifier == "exact":
            return self.has_keys(row, [exact_key(scope, value) for scope in scopes], [], indexed)
        text = fold(value)
        if leaf.modifier == "contains":
            if len(text) > OVERLAP:
                raise UnsearchableQuery(reason=f"more than {OVERLAP} letters after :contains")
            scopes += [later_part(scope) for scope in scopes]
            pattern = "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"
            test = f"x.v LIKE {self.arguments.add(pattern, 'text')}"
        else:
            if len(text) > PIECE:
                raise UnsearchableQuery(reason=f"more than {PIECE} letters")
            low = self.arguments.add(text, "text")
            high = self.arguments.add(text + "\U0010ffff", "text")
            test = f"x.v >= {low} AND x.v < {high}"
        return self._in("string", scopes, test, row)

    def _in(self, table: str, keys: list[int] | str, test: str, row: str) -> str:
        array = keys if isinstance(keys, str) else self.arguments.add(keys, "bigint[]")
        return (
            f"{row}.rid IN (SELECT x.rid FROM record.{table} x WHERE x.k = ANY({array}) AND {test})"
        )

    # -- dates, numbers, quantities -------------------------------------------------------------

    def _updated(self, value: str, row: str) -> str:
        prefix, low, high = self._moment("_lastUpdated", value)
        return self._compare(prefix, f"{row}.updated", f"{row}.updated", low, high, inclusive=True)

    def _moment(self, code: str, value: str) -> tuple[str, int, int]:
        prefix, text = _prefix(value)
        try:
            low, high = range_of(text.replace(" ", "+"), self.zone)
        except ValueError:
            raise UnsearchableQuery(reason=f"{code} must be a date or a time") from None
        if prefix == "ap":
            slack = abs(self.now - (low + high) // 2) // 10
            return "overlap", low - slack, high + slack
        return prefix, low, high

    def _date(self, leaf: Leaf, value: str, row: str) -> str:
        prefix, low, high = self._moment(leaf.parameter.code, value)
        plan = plan_of(leaf.type)
        elements = frozenset(leaf.parameter.elements)
        scopes = [plan.scopes[element] for element in elements]
        inside = self._compare(prefix, "x.lo", "x.hi", low, high, inclusive=True)
        if elements != plan.time_elements:
            return self._in("range", scopes, inside, row)
        exact = self._compare(prefix, f"{row}.ts", f"{row}.te", low, high, inclusive=True)
        several = self._in("range", scopes, inside, row)
        return (
            f"({row}.ts > {MISSING_TIME} AND {self._hull(prefix, row, low, high)}"
            f" AND CASE WHEN {row}.flags & 2 = 0 THEN {exact} ELSE {several} END)"
        )

    def window(self, conditions: Sequence[Condition], row: str) -> str:
        """Return what "from" and "until" on the clinical time mean together, or "".

        Each alone leaves half of time to the planner; together they are a small part of an index.
        """
        low, high = _NEVER, -_NEVER
        for leaf in conditions:
            if not isinstance(leaf, Leaf) or leaf.modifier or len(leaf.values) != 1:
                continue
            elements = frozenset(leaf.parameter.elements)
            if leaf.parameter.kind != "date" or elements != plan_of(leaf.type).time_elements:
                continue
            prefix, first, last = self._moment(leaf.parameter.code, unescape(leaf.values[0]))
            if prefix in ("gt", "ge", "sa"):
                low = first if low == _NEVER else max(low, first)
            elif prefix in ("lt", "le", "eb"):
                high = last if high == -_NEVER else min(high, last)
        if low == _NEVER or high == -_NEVER:
            return ""
        a, b = Late(self.arguments, low), Late(self.arguments, high)
        ts, te = f"{row}.ts", f"{row}.te"
        return f"(({ts} >= {a} - {_DAY} AND {ts} <= {b}) OR ({te} > {ts} + {_DAY} AND {te} >= {a}))"

    def _hull(self, prefix: str, row: str, low: int, high: int) -> str:
        """Return what must hold of the earliest and latest time; an index can serve it."""
        a, b = Late(self.arguments, low), Late(self.arguments, high)
        ts, te = f"{row}.ts", f"{row}.te"

        def recent() -> str:
            # A span longer than a day is rare, so "ends after a" is looked up as "began after
            # a less one day, or is one of the long ones".
            return f"({ts} >= {a} - {_DAY} OR {te} > {ts} + {_DAY})"

        match prefix:
            case "eq" | "overlap":
                return f"{ts} <= {b} AND {te} >= {a} AND {recent()}"
            case "gt" | "ge":
                return f"{te} >= {a} AND {recent()}"
            case "sa":
                return f"{te} > {b}"
            case "lt" | "le" | "eb":
                return f"{ts} <= {b}"
            case _:
                return "true"

    def _compare(
        self, prefix: str, lo: str, hi: str, low: int, high: int, *, inclusive: bool
    ) -> str:
        """Compare the range [lo, hi] of a value with the range asked for.

        `inclusive` tells whether `high` is the last value that belongs, or the first that does not.
        """
        a, b = Late(self.arguments, low), Late(self.arguments, high)
        up_to, beyond = ("<=", ">") if inclusive else ("<", ">=")

        def within() -> str:
            return f"({lo} >= {a} AND {hi} {up_to} {b})"

        match prefix:
            case "eq":
                return within()
            case "ne":
                return f"NOT {within()}"
            case "gt":
                return f"{hi} {beyond} {b}"
            case "lt":
                return f"{lo} < {a}"
            case "ge":
                return f"({hi} {beyond} {b} OR {within()})"
            case "le":
                return f"({lo} < {a} OR {within()})"
            case "sa":
                return f"{lo} {beyond} {b}"
            case "eb":
                return f"{hi} < {a}"
            case _:
                return f"({lo} <= {b} AND {hi} >= {a})"

    def _amount(self, code: str, text: str) -> tuple[str, int, int, bool]:
        """Return the prefix, the bounds and whether the upper one belongs."""
        prefix, number = _prefix(text)
        try:
            low, high = implicit_range(number)
            value = Decimal(number)
            bounds = [ordered(bound) for bound in (low, high, value)]
        except (ValueError, ArithmeticError):
            raise UnsearchableQuery(reason=f"{code} must be a number") from None
        if prefix == "ap":
            slack = max(abs(value) / 10, high - value)
            return "overlap", ordered(value - slack), ordered(value + slack), True
        if prefix in ("gt", "lt", "ge", "le", "sa", "eb"):
            # The number itself, not the range its spelling implies: 5.4 is not greater than 5.4.
            return prefix, bounds[2], bounds[2], True
        return prefix, bounds[0], bounds[1], False

    def _number(self, leaf: Leaf, value: str, row: str) -> str:
        prefix, low, high, inclusive = self._amount(leaf.parameter.code, value)
        scopes = [plan_of(leaf.type).scopes[element] for element in leaf.parameter.elements]
        test = self._compare(prefix, "x.lo", "x.hi", low, high, inclusive=inclusive)
        return self._in("range", scopes, test, row)

    def _quantity(self, leaf: Leaf, value: str, row: str) -> str:
        scopes = [plan_of(leaf.type).scopes[element] for element in leaf.parameter.elements]
        test, unit = self._quantity_parts(leaf.parameter.code, value)
        scope_array = self.arguments.add(scopes, "bigint[]")
        keys = f"ARRAY(SELECT t.k FROM record.term t WHERE t.scope = ANY({scope_array}){unit})"
        return self._in("range", keys, test, row)

    def _quantity_parts(self, code: str, value: str) -> tuple[str, str]:
        """Return the test of a range row and the test of a term row that names the unit."""
        parts = [unescape(part) for part in split(value, "|")]
        if len(parts) not in (1, 3):
            raise UnsearchableQuery(reason=f"{code} must be number or number|system|unit")
        prefix, low, high, inclusive = self._amount(code, parts[0])
        test = self._compare(prefix, "x.lo", "x.hi", low, high, inclusive=inclusive)
        unit = ""
        if len(parts) == 3 and parts[2]:
            wanted = self.arguments.add(parts[2], "text")
            if parts[1]:
                unit = f" AND t.second_code = {wanted}"
                unit += f" AND t.second_system = {self.arguments.add(parts[1], 'text')}"
            else:
                unit = f" AND (t.second_code = {wanted} OR t.unit = {wanted})"
        return test, unit

    # -- composites -----------------------------------------------------------------------------

    def _composite(self, leaf: Leaf, value: str, row: str, indexed: bool) -> str:
        parts = split(value, "$")
        if len(parts) != 2 or len(leaf.parameter.components) != 2:
            raise UnsearchableQuery(reason=f"{leaf.parameter.code} must be two values joined by $")
        return _any(
            self._pair(leaf, element, parts, row, indexed) for element in leaf.parameter.elements
        )

    def _pair(self, leaf: Leaf, element: int, parts: list[str], row: str, indexed: bool) -> str:
        plan = plan_of(leaf.type)
        if element in plan.rewritten:
            rooted = next(
                parameter
                for parameter in plan.parameters.values()
                if rooted_in_type(parameter, leaf.type) and element in parameter.elements
            )
            tests = [
                self.sql(Leaf(leaf.type, plan.parameters[code], "", (part,)), row, indexed=indexed)
                for (code, _), part in zip(rooted.components, parts, strict=True)
            ]
            return "(" + " AND ".join(tests) + ")"
        (_, first_kind), (second_code, second_kind) = leaf.parameter.components
        if first_kind != "token":
            raise UnsearchableQuery(reason=f"{leaf.parameter.code} is not supported")
        scope = self.arguments.add(plan.scopes[element], "bigint")
        first = self._code_test(parts[0], "system", "code")
        term = f"SELECT t.k FROM record.term t WHERE t.scope = {scope} AND {first}"
        match second_kind:
            case "token":
                second = self._code_test(parts[1], "second_system", "second_code")
                return self.has_keys(row, [], [f"{term} AND {second}"], indexed)
            case "quantity":
                test, unit = self._quantity_parts(second_code, parts[1])
                return self._in("range", f"ARRAY({term}{unit})", test, row)
            case "date":
                prefix, low, high = self._moment(second_code, unescape(parts[1]))
                test = self._compare(prefix, "x.lo", "x.hi", low, high, inclusive=True)
                return self._in("range", f"ARRAY({term})", test, row)
            case _:
                raise UnsearchableQuery(reason=f"{leaf.parameter.code} is not supported")

    def _code_test(self, value: str, system_column: str, code_column: str) -> str:
        parts = [unescape(part) for part in split(value, "|")]
        if len(parts) > 2 or not parts[-1]:
            raise UnsearchableQuery(reason="a token must be code or system|code")
        test = f"t.{code_column} = {self.arguments.add(parts[-1], 'text')}"
        if len(parts) == 2:
            test += f" AND t.{system_column} = {self.arguments.add(parts[0], 'text')}"
        return test


def _prefix(text: str) -> tuple[str, str]:
    found = _PREFIXED.match(text)
    return (found[1], text[2:]) if found else ("eq", text)


def _any(tests: object) -> str:
    found = list(tests)  # type: ignore[call-overload]
    if not found:
        return "false"
    return found[0] if len(found) == 1 else "(" + " OR ".join(found) + ")"
