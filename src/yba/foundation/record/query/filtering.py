"""`_filter`: expressions over search parameters, as conditions.

Main rule: `and` binds closer than `or`; a test asks whether one value of the set compares so, hence
`ne` is not the opposite of `eq`, `not(… eq …)` is. Compared with what a comma separates, nothing is
escaped in values.
Standard: FHIR R4 search_filter, https://hl7.org/fhir/R4/search_filter.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from yba.fhir.index import SearchParam
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import TYPE_NUMBERS, plan_of
from yba.foundation.record.query.tree import (
    Chain,
    Comparison,
    Condition,
    Either,
    Every,
    Leaf,
    Negation,
)

_PREFIXES = frozenset(("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb"))
OPERATORS = _PREFIXES | {"co", "sw", "ew", "pr", "po", "ss", "sb", "in", "re"}
_ORDERED = frozenset(("date", "number", "quantity"))
_TEXTUAL = frozenset(("eq", "ne", "ew", "gt", "lt", "ge", "le"))
_MOST_TESTS = 60
_MOST_DEPTH = 20
_MOST_STEPS = 8
_NAME = re.compile(r"[A-Za-z_][\w-]*(?::[A-Za-z]+)?", re.ASCII)
_TOKEN = re.compile(r"[^\s\])]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"(and|or)(?=[\s(])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Test:
    """`path operator value`; a step may carry a filter on what it refers to."""

    steps: tuple[tuple[str, Node | None], ...]
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Several nodes joined by `and`, by `or`, or one of them negated by `not`."""

    word: str
    inner: tuple[Node, ...]


Node: TypeAlias = Test | Joined


def condition_of_filter(type_: str, text: str) -> Condition:
    """Read a filter over resources of a type. Raises UnsearchableQuery."""
    return _Binding().node(type_, _Reader(text).whole())


class _Reader:
    """Reads the text of a filter from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.tests = 0

    def whole(self) -> Node:
        found = self._alternatives(0)
        if self.at != len(self.text):
            raise self._refused("it should end here")
        return found

    def _alternatives(self, depth: int) -> Node:
        if depth > _MOST_DEPTH:
            raise UnsearchableQuery(reason=f"_filter: more than {_MOST_DEPTH} parentheses deep")
        either: list[Node] = []
        every = [self._one(depth)]
        while (word := self._word()) is not None:
            if word == "or":
                either.append(_joined("and", every))
                every = []
            every.append(self._one(depth))
        return _joined("or", [*either, _joined("and", every)])

    def _word(self) -> str | None:
        self._space()
        found = _WORD.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[1]

    def _one(self, depth: int) -> Node:
        self._space()
        negated = re.compile(r"not(?=[\s(])").match(self.text, self.at)
        if negated:
            self.at = negated.end()
            self._space()
            if not self._takes("("):
                raise self._refused("a parenthesis should follow not")
            return Joined("not", (self._rest(depth, ")"),))
        if self._takes("("):
            return self._rest(depth, ")")
        return self._test(depth)

    def _rest(self, depth: int, end: str) -> Node:
        found = self._alternatives(depth + 1)
        self._space()
        if not self._takes(end):
            raise self._refused(f"{end} is missing")
        return found

    def _test(self, depth: int) -> Test:
        self.tests += 1
        if self.tests > _MOST_TESTS:
            raise UnsearchableQuery(reason=f"_filter: more than {_MOST_TESTS} tests")
        steps = [self._step(depth)]
        while self._takes("."):
            steps.append(self._step(depth))
        if len(steps) > _MOST_STEPS:
            raise UnsearchableQuery(reason=f"more than {_MOST_STEPS} steps")
        operator = self._after_space(_TOKEN)
        if operator not in OPERATORS:
            raise self._refused("an operator such as eq should stand here")
        self._space()
        quoted = _STRING.match(self.text, self.at)
        if quoted is None:
            if self.text.startswith('"', self.at):
                raise self._refused("the text should end in a quotation mark")
            return Test(tuple(steps), operator, self._after_space(_TOKEN, spaced=True))
        self.at = quoted.end()
        try:
            value = msgspec.json.decode(quoted[0], type=str)
        except (msgspec.DecodeError, UnicodeError):
            raise self._refused("a text should be written as in JSON") from None
        return Test(tuple(steps), operator, value)

    def _step(self, depth: int) -> tuple[str, Node | None]:
        found = _NAME.match(self.text, self.at)
        if found is None:
            raise self._refused("a parameter should stand here")
        self.at = found.end()
        return found[0], self._rest(depth, "]") if self._takes("[") else None

    def _after_space(self, pattern: re.Pattern[str], *, spaced: bool = False) -> str:
        if not self._space() and not spaced:
            raise self._refused("a space should stand here")
        found = pattern.match(self.text, self.at)
        if found is None:
            raise self._refused("something should stand here")
        self.at = found.end()
        return found[0]

    def _space(self) -> bool:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found is not None

    def _takes(self, letter: str) -> bool:
        if self.text.startswith(letter, self.at):
            self.at += len(letter)
            return True
        return False

    def _refused(self, problem: str) -> UnsearchableQuery:
        return UnsearchableQuery(reason=f"_filter: at letter {self.at + 1}: {problem}")


def _joined(word: str, inner: list[Node]) -> Node:
    return inner[0] if len(inner) == 1 else Joined(word, tuple(inner))


class _Binding:
    """Finds the parameters of a filter in the types that it comes to speak of."""

    def __init__(self) -> None:
        self.left = 1000

    def node(self, type_: str, node: Node) -> Condition:
        if isinstance(node, Test):
            return self._path(type_, node.steps, node)
        inner = tuple(self.node(type_, one) for one in node.inner)
        match node.word:
            case "and":
                return Every(type_, inner)
            case "or":
                return Either(type_, inner)
            case _:
                return Negation(type_, inner[0])

    def _path(
        self, type_: str, steps: tuple[tuple[str, Node | None], ...], test: Test
    ) -> Condition:
        self.left -= 1
        if self.left < 0:
            raise UnsearchableQuery(
                reason="a chain over too many types; name them as in subject:Patient.name"
            )
        (name, within), *rest = steps
        code, _, chosen = name.partition(":")
        parameter = plan_of(type_).parameters.get(code)
        if parameter is None:
            raise UnsearchableQuery(reason=f"{type_} has no search parameter {code[:60]}")
        if not rest:
            if within is not None or chosen:
                raise UnsearchableQuery(reason="_filter: a path must end in a parameter")
            return _test(type_, parameter, test)
        if parameter.kind != "reference":
            raise UnsearchableQuery(reason=f"{type_} has no reference parameter {code[:60]}")
        inner: list[tuple[str, Condition]] = []
        refused: UnsearchableQuery | None = None
        for target in [chosen] if chosen else parameter.targets or TYPE_NUMBERS:
            if target not in TYPE_NUMBERS:
                raise UnsearchableQuery(reason="there is no such resource type")
            try:
                condition = self._path(target, tuple(rest), test)
                if within is not None:
                    condition = Every(target, (self.node(target, within), condition))
                inner.append((target, condition))
            except UnsearchableQuery as problem:
                if self.left < 0:
                    raise
                refused = problem
        if not inner:
            raise refused or UnsearchableQuery(reason=f"{code[:60]} refers to nothing")
        return Chain(type_, parameter, tuple(inner))


def _test(type_: str, parameter: SearchParam, test: Test) -> Condition:
    """Return one test as a condition. Raises UnsearchableQuery where it cannot be answered."""
    kind, operator, value = parameter.kind, test.operator, test.value
    if operator == "pr":
        if value not in ("true", "false"):
            raise UnsearchableQuery(reason="_filter: pr must be followed by true or false")
        if not parameter.elements or parameter.code in ("_id", "_lastUpdated"):
            raise _unanswerable(parameter, operator)
        return Leaf(type_, parameter, "missing", ("false" if value == "true" else "true",))
    plain = Leaf(type_, parameter, "", (_escaped(value),))
    if kind in _ORDERED and operator in _PREFIXES:
        return Leaf(type_, parameter, "", (operator + _escaped(value),))
    match kind, operator:
        case (("token" | "uri" | "reference" | "composite"), "eq"):
            return plain
        case "reference", "re":
            return plain
        case "string", "sw":
            return plain
        case "string", "co":
            return Leaf(type_, parameter, "contains", (_escaped(value),))
        case "string", _ if operator in _TEXTUAL:
            return Comparison(type_, parameter, operator, value)
        case "token", ("ne" | "co" | "sw" | "ew"):
            if parameter.code == "_id" or plan_of(type_).identifier_elements & {
                *parameter.elements
            }:
                raise _unanswerable(parameter, operator)
            return Comparison(type_, parameter, operator, value)
        case "token", ("in" | "ss" | "sb"):
            modifier = {"in": "in", "ss": "below", "sb": "above"}[operator]
            return Leaf(type_, parameter, modifier, (_escaped(value),))
        case "date", "po" if parameter.code != "_lastUpdated":
            return Comparison(type_, parameter, operator, value)
        case _:
            raise _unanswerable(parameter, operator)


def _unanswerable(parameter: SearchParam, operator: str) -> UnsearchableQuery:
    return UnsearchableQuery(reason=f"_filter: {parameter.code} cannot be compared by {operator}")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,")
