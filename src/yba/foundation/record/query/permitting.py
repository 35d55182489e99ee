"""An access policy as a test in SQL: the record's guard.

Main rule: what `access.model.may_see` decides of one row, this says inside every statement that
touches rows, so that counts, pages, chains and includes cannot tell what is hidden. Relations and
the citizen's wishes are joined, so a change holds from the next statement on.
A row may be any alias with the columns type, rid, patient, flags, ts and updated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from yba.foundation.access.model import (
    ALL_CATEGORIES,
    CLINICAL,
    EXTENTS,
    Category,
    Policy,
    policy_for,
)
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.query.guard import Both, Guard
from yba.foundation.record.query.leaves import Arguments
from yba.foundation.record.query.scoping import scope_guard
from yba.foundation.record.rows import CATEGORIES, FIRST_CATEGORY, MISSING_TIME
from yba.kernel.actor import Actor

_PATIENT = TYPE_NUMBERS["Patient"]
_REPRODUCTIVE = int(Category.REPRODUCTIVE)
_OTHERS = ALL_CATEGORIES & ~_REPRODUCTIVE


def guard_for(
    actor: Actor, *, at: datetime | None = None, letter: str = "r", base: str = ""
) -> Guard | None:
    """Return what hides from this actor what she may not see; None where nothing is hidden.

    `letter` is that of a SMART scope (r read, s search, c create, u update, d delete), `base` the
    server's own address in references. Without `at` the moment is that of the statement.
    """
    policy = policy_for(actor, at=at)
    own = None if policy.everything else Permitting(policy)
    further = _scopes(actor, letter, at, base)
    if own is None or further is None:
        return own or further
    return Both(own, further)


def write_guard_for(actor: Actor, *, at: datetime, letter: str, base: str = "") -> Guard | None:
    """Return what a new state must pass: who may not see it may not write it.

    Beyond that, what belongs to no person is written by programs of the facility only, and a
    restricted category by whoever treats the person.
    """
    policy = policy_for(actor, at=at)
    own = None
    if not policy.everything and not policy.whole:
        own = Permitting(replace(policy, common=frozenset(), barred=0))
    further = _scopes(actor, letter, at, base)
    if own is None or further is None:
        return own or further
    return Both(own, further)


def _scopes(actor: Actor, letter: str, at: datetime | None, base: str) -> Guard | None:
    """Return what the scopes of a program hide besides."""
    return scope_guard(actor, letter, at=at, base=base)


@dataclass(frozen=True, slots=True)
class Permitting:
    """The guard of one policy."""

    policy: Policy
    # Whether the row has a clinical time.
    dated: bool = True

    @property
    def alone(self) -> bool:
        """Return whether most rows tell by themselves who may see them."""
        return self.policy.whole

    def decides(self, version: Version) -> bool | None:
        """Return the decision where the row alone tells it, None where the database must be asked."""
        policy = self.policy
        hidden = version.flags >> FIRST_CATEGORY & ALL_CATEGORIES
        if not policy.whole:
            return None
        left = hidden & ~policy.categories
        if not left:
            return True
        return False if left & _OTHERS else None

    def sql(self, row: str, type_: str | None, arguments: Arguments) -> str:
        """Return the test of a row; see `query.guard`."""
        policy = self.policy
        if policy.whole:
            return self._without(row, ALL_CATEGORIES & ~policy.categories)
        test = _any(
            [*self._of_nobody(row, type_, arguments), *self._of_somebody(row, type_, arguments)]
        )
        if policy.barred and test != "false":
            return f"{self._without(row, policy.barred)} AND ({test})"
        return test

    def state_sql(self, row: str, arguments: Arguments) -> str:
        """Return the test of a superseded state; see `query.guard`."""
        # Whether somebody was of age is asked of the current state besides, by its clinical time.
        return replace(self, dated=False).sql(row, None, arguments)

    # -- the ways in which a row may be seen -----------------------------------------------------

    def _of_nobody(self, row: str, type_: str | None, arguments: Arguments) -> list[str]:
        test = _type_in(row, type_, self.policy.common, arguments)
        if test == "false":
            return []
        return [_all([f"{row}.patient IS NULL", test, f"{row}.flags & {CATEGORIES} = 0"])]

    def _of_somebody(self, row: str, type_: str | None, arguments: Arguments) -> list[str]:
        policy, ways = self.policy, list[str]()
        own = _type_in(row, type_, policy.own, arguments)
        if policy.person is not None and own != "false":
            ways.append(_all([f"{row}.patient = {arguments.add(policy.person, 'bigint')}", own]))
        anyone = _type_in(row, type_, policy.anyone, arguments)
        if anyone != "false":
            ways.append(
                _all([
                    f"{row}.patient IS NOT NULL", anyone, self._without(row, ALL_CATEGORIES),
                    f"NOT {self._is_hidden(row, arguments)}",
                ])
            )  # fmt: skip
        ways += self._by_relation(row, type_, arguments)
        return ways

    def _by_relation(self, row: str, type_: str | None, arguments: Arguments) -> list[str]:
        """Return the way by relations: one of ours opens the row, and what the person has hidden
        only one that overrides it.

        One subquery for all of it: a statement's planning costs more than its rows.
        """
        related = self.policy.related
        if not related or not self.policy.holders:
            return []
        test = _type_in(row, type_, related, arguments)
        if test == "false":
            return []
        holders = arguments.add(sorted(self.policy.holders), "text[]")
        now = self._now(arguments)
        opened = _all([
            f"a.patient = {row}.patient AND a.holder = ANY({holders})"
            f" AND a.since <= {now} AND a.until > {now}",
            self._extent(row, type_, arguments),
            f"({row}.flags & {CATEGORIES} = 0 OR {self._categories(row)} & ~a.categories = 0)",
            f"(a.overrides OR NOT {self._is_hidden(row, arguments)})",
        ])  # fmt: skip
        return [_all([test, f"EXISTS (SELECT FROM access.relation_v1 a WHERE {opened})"])]

    def _extent(self, row: str, type_: str | None, arguments: Arguments) -> str:
        """Return "the relation's extent opens this type"."""
        related = self.policy.related
        # What every extent opens needs no look at it.
        narrow = related.intersection(*EXTENTS.values())
        test = _type_in(row, type_, narrow, arguments)
        if test == "true":
            return test
        wide = f"a.extent = ANY({arguments.add(_wide(related), 'text[]')})"
        return wide if test == "false" else f"({test} OR {wide})"

    def _is_hidden(self, row: str, arguments: Arguments) -> str:
        """Return "the person has hidden this row from us"."""
        holders = arguments.add(sorted(self.policy.holders), "text[]")
        clinical = arguments.add(sorted(TYPE_NUMBERS[name] for name in CLINICAL), "smallint[]")
        now = self._now(arguments)
        return (
            f"EXISTS (SELECT FROM access.restriction_v1 x WHERE x.patient = {row}.patient"
            f" AND (x.holder IS NULL OR x.holder = ANY({holders}))"
            f" AND x.since <= {now} AND (x.until IS NULL OR x.until > {now})"
            f" AND CASE WHEN x.rid IS NULL THEN {row}.type = ANY({clinical})"
            f" ELSE x.rid = {row}.rid AND x.type = {row}.type END)"
        )

    def _now(self, arguments: Arguments) -> str:
        if self.policy.at is None:
            return "now()"
        return arguments.add(self.policy.at, "timestamptz")

    # -- restricted categories ------------------------------------------------------------------

    def _without(self, row: str, categories: int) -> str:
        """Return "the row is in none of these categories"; an adult's reproductive care is not."""
        plain = (categories & _OTHERS) << FIRST_CATEGORY
        tests = [f"{row}.flags & {plain} = 0"] if plain else []
        if categories & _REPRODUCTIVE:
            bit = _REPRODUCTIVE << FIRST_CATEGORY
            tests.append(f"({row}.flags & {bit} = 0 OR {self._was_adult(row)})")
        return _all(tests)

    def _categories(self, row: str) -> str:
        """Return the categories that restrict the row, as a number."""
        found = f"({row}.flags >> {FIRST_CATEGORY} & {ALL_CATEGORIES})"
        return (
            f"(CASE WHEN {found} & {_REPRODUCTIVE} <> 0 AND {self._was_adult(row)}"
            f" THEN {found} & {_OTHERS} ELSE {found} END)"
        )

    def _was_adult(self, row: str) -> str:
        """Return "the patient had surely come of age by then"."""
        moment = f"{row}.updated"
        if self.dated:
            moment = f"CASE WHEN {row}.ts > {MISSING_TIME} THEN {row}.ts ELSE {moment} END"
        return (
            f"record.was_adult({_PATIENT}::smallint, {row}.patient, {moment},"
            f" {self.policy.adult_micros})"
        )


def _wide(related: frozenset[str]) -> list[str]:
    """Return the extents that open every type; the others open only what all have in common."""
    return sorted(name for name, types in EXTENTS.items() if related <= types)


def _type_in(row: str, type_: str | None, types: frozenset[str], arguments: Arguments) -> str:
    """Return whether the row's type is one of these: "true" or "false" where it is known."""
    if not types:
        return "false"
    if type_ is not None:
        return "true" if type_ in types else "false"
    numbers = arguments.add(sorted(TYPE_NUMBERS[name] for name in types), "smallint[]")
    return f"{row}.type = ANY({numbers})"


def _all(tests: Sequence[str]) -> str:
    left = [test for test in tests if test != "true"]
    return "(" + " AND ".join(left) + ")" if left else "true"


def _any(tests: Sequence[str]) -> str:
    return " OR ".join(tests) if tests else "false"
