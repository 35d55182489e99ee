"""Conditions on other resources as SQL: chains, `_has`, and what joins conditions.

Two forms exist. What few resources meet has been gathered beforehand (`gathering`) and leads to the
matches by their keys; everything else is asked of each row that something else led to.
Standard: FHIR R4 search, "Chained parameters" and "Reverse Chaining".
"""

from __future__ import annotations

from typing import Protocol

from yba.foundation.record.keys import reference_scope
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query import comparisons
from yba.foundation.record.query.canonical import is_canonical, too_many
from yba.foundation.record.query.guard import Guard, guarded
from yba.foundation.record.query.leaves import Leaves
from yba.foundation.record.query.leaves.asking import any_of
from yba.foundation.record.query.tree import (
    Chain,
    Comparison,
    Condition,
    Either,
    Every,
    Has,
    Leaf,
    Negation,
    Rows,
)
from yba.foundation.record.rows import OTHER_PATIENT


def of_own_reference(row: str) -> str:
    """Return "the patient of the row is the one that the type's own reference names"."""
    return f"{row}.flags & {OTHER_PATIENT} = 0"


class IsRare(Protocol):
    """How it is judged whether few rows meet a condition."""

    def __call__(self, condition: Condition) -> bool: ...


class Conditions:
    """Turns conditions of every kind into SQL."""

    def __init__(self, leaves: Leaves, is_rare: IsRare, guard: Guard | None) -> None:
        self.leaves = leaves
        self.arguments = leaves.asking.arguments
        self.is_rare = is_rare
        self.guard = guard

    def sql(self, condition: Condition, row: str, *, indexed: bool) -> str:
        """Return a condition on `row`; `indexed` chooses the form that an index can serve."""
        match condition:
            case Leaf():
                return self.leaves.sql(condition, row, indexed=indexed)
            case Rows():
                return self._rows(condition, row, indexed)
            case Either():
                return any_of(self.sql(one, row, indexed=indexed) for one in condition.inner)
            case Every():
                tests = [
                    self.sql(one, row, indexed=indexed and self.is_rare(one))
                    for one in condition.inner
                ]
                return "(" + " AND ".join(tests or ["true"]) + ")"
            case Negation():
                return f"({self.sql(condition.inner, row, indexed=False)}) IS NOT TRUE"
            case Comparison():
                return comparisons.sql(self.leaves.asking, condition, row)
            case Chain():
                return any_of(
                    self._step(condition, t, one, row, indexed) for t, one in condition.inner
                )
            case Has():
                return self._has(condition, row, indexed)

    def rows_of(self, type_: str, condition: Condition, row: str) -> str:
        """Return FROM and WHERE of the resources of a type that meet a condition."""
        indexed = self.is_rare(condition)
        return (
            f"FROM record.resource {row} WHERE {self._is(type_, row)}"
            f" AND {self.sql(condition, row, indexed=indexed)}"
        )

    def _is(self, type_: str, row: str) -> str:
        number = self.arguments.add(TYPE_NUMBERS[type_], "smallint")
        hidden = guarded(self.guard, row, type_, self.arguments)
        return f"{row}.type = {number} AND {row}.flags & 1 = 0{hidden}"

    def _rows(self, asked: Rows, row: str, indexed: bool) -> str:
        tests: list[str] = []
        if asked.rows:
            tests.append(f"{row}.rid = ANY({self.arguments.add(list(asked.rows), 'bigint[]')})")
        if asked.patients:
            patients = self.arguments.add(list(asked.patients), "bigint[]")
            tests.append(f"({row}.patient = ANY({patients}) AND {of_own_reference(row)})")
        if asked.keys:
            tests.append(self.leaves.has_keys(row, list(asked.keys), [], indexed))
        return any_of(tests)

    def _step(self, chain: Chain, target: str, inner: Condition, row: str, indexed: bool) -> str:
        """Return "what this reference points to meets the inner condition".

        Who counts reads everything: then an index may lead to the far side, too.
        """
        if is_canonical(chain.type, chain.parameter):
            raise too_many()
        name = f"{row}c"
        patient_element = plan_of(chain.type).patient_element
        tests: list[str] = []
        for element in chain.parameter.elements:
            met = f"{self._is(target, name)} AND {self.sql(inner, name, indexed=indexed)}"
            if element == patient_element and target == "Patient":
                found, place = f"record.resource {name}", f"{row}.patient"
                met = f"{of_own_reference(row)} AND {met}"
            else:
                scope = reference_scope(chain.type, element, target)
                found = f"unnest({row}.keys) {name}k (k), record.resource {name}"
                place = f"{name}k.k # {self.arguments.add(scope, 'bigint')}"
            tests.append(f"EXISTS (SELECT FROM {found} WHERE {name}.rid = {place} AND {met})")
        return any_of(tests)

    def _has(self, has: Has, row: str, indexed: bool) -> str:
        """Return "something refers here and meets the inner condition"."""
        if is_canonical(has.source, has.parameter):
            raise too_many()
        name = f"{row}h"
        patient_element = plan_of(has.source).patient_element
        tests: list[str] = []
        for element in has.parameter.elements:
            met = f"{self._is(has.source, name)} AND {self.sql(has.inner, name, indexed=indexed)}"
            if element == patient_element and has.type == "Patient":
                refers = f"{name}.patient = {row}.rid AND {of_own_reference(name)}"
            else:
                scope = reference_scope(has.source, element, has.type)
                key = f"ARRAY[{row}.rid # {self.arguments.add(scope, 'bigint')}]"
                refers = f"{name}.keys && {key}"
            tests.append(f"EXISTS (SELECT FROM record.resource {name} WHERE {refers} AND {met})")
        return any_of(tests)
