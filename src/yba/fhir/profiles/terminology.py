"""Whether a code belongs to a value set: the question validation asks, and the answer of packages.

Standard: FHIR R4 ValueSet.compose, CodeSystem; terminologies.html, "Binding Strengths".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from yba.fhir import ucum
from yba.fhir.profiles.packages import Json, Packages

_DEEPEST: Final = 12
_UCUM: Final = "http://unitsofmeasure.org"
# Code systems that are grammars or that the standard leaves to others; their codes are known by their form.
_GRAMMARS: Final[Mapping[str, re.Pattern[str]]] = {
    "urn:ietf:bcp:47": re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*"),
    # R4 itself writes "json" and "xml" where media types are asked for.
    "urn:ietf:bcp:13": re.compile(r"[\w.+!#$&^*-]+(/[\w.+!#$&^*-]+)?(\s*;.*)?", re.ASCII),
    "urn:ietf:rfc:3986": re.compile(r"\S+"),
}


class Terminology(Protocol):
    """Answers whether a code is in a value set."""

    def validate(self, *, system: str | None, code: str, value_set: str) -> bool | None:
        """Return whether `code` of `system` is in the value set; None if that cannot be said here.

        Without a system (an element of type code) the code alone is looked for.
        """
        ...

    def has_code(self, *, system: str, code: str) -> bool | None:
        """Return whether a code system has a code; None if its content is not known here."""
        ...


class PackagedTerminology:
    """Answers from the value sets and code systems of packages."""

    def __init__(self, packages: Packages) -> None:
        self._packages = packages
        self._sets: dict[str, _ValueSet | None] = {}
        self._systems: dict[str, _System | None] = {}

    def validate(self, *, system: str | None, code: str, value_set: str) -> bool | None:
        """Return whether the code is in the value set; None if the packages do not hold what decides it."""
        return self._in_set(system, code, value_set, 0)

    def has_code(self, *, system: str, code: str) -> bool | None:
        """Return whether a code system has a code; None if the packages do not hold all of it."""
        if system == _UCUM:
            return ucum.is_valid(code)
        found = self._system(system)
        return None if found is None else code in found.ancestors

    def _in_set(self, system: str | None, code: str, value_set: str, depth: int) -> bool | None:
        found = self._set(value_set)
        if found is None or depth > _DEEPEST:
            return None
        answer = _any(self._included(system, code, part, depth) for part in found.include)
        if answer is False or not found.exclude:
            return answer
        out = _any(self._included(system, code, part, depth) for part in found.exclude)
        if out is True:
            return False
        return None if out is None else answer

    def _included(self, system: str | None, code: str, part: _Part, depth: int) -> bool | None:
        answers: list[bool | None] = [
            self._in_set(system, code, inner, depth + 1) for inner in part.value_sets
        ]
        if part.system:
            if system is not None and system != part.system:
                return False
            answers.append(self._of_system(code, part))
        return _all(answers)

    def _of_system(self, code: str, part: _Part) -> bool | None:
        if part.codes is not None:
            return code in part.codes
        if part.system == _UCUM and not part.filters:
            return ucum.is_valid(code)
        grammar = _GRAMMARS.get(part.system)
        if grammar is not None:
            return grammar.fullmatch(code) is not None
        system = self._system(part.system)
        if system is None:
            return None
        if not part.filters:
            return code in system.ancestors
        return _all([system.passes(code, *one) for one in part.filters])

    def _set(self, canonical: str) -> _ValueSet | None:
        if canonical not in self._sets:
            resource = self._packages.find("ValueSet", canonical)
            self._sets[canonical] = None if resource is None else _read_set(resource)
        return self._sets[canonical]

    def _system(self, url: str) -> _System | None:
        if url not in self._systems:
            resource = self._packages.find("CodeSystem", url)
            self._systems[url] = None if resource is None else _read_system(resource)
        return self._systems[url]


@dataclass(frozen=True, slots=True)
class _Part:
    """One include or exclude."""

    system: str
    codes: frozenset[str] | None
    filters: tuple[tuple[str, str, str], ...]
    value_sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _ValueSet:
    include: tuple[_Part, ...]
    exclude: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _System:
    ancestors: Mapping[str, frozenset[str]]
    """The codes above each code."""

    def passes(self, code: str, property_: str, operator: str, value: str) -> bool | None:
        above = self.ancestors.get(code)
        if above is None:
            return False
        if property_ != "concept":
            return None
        match operator:
            case "is-a":
                return code == value or value in above
            case "descendent-of":
                return value in above
            case "is-not-a":
                return code != value and value not in above
            case "=":
                return code == value
            case "in":
                return code in value.split(",")
            case _:
                return None


def _any(answers: Any) -> bool | None:
    answer: bool | None = False
    for one in answers:
        if one is True:
            return True
        if one is None:
            answer = None
    return answer


def _all(answers: Sequence[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers or not answers else True


def _read_set(resource: Json) -> _ValueSet | None:
    compose = resource.get("compose", {})
    if not compose.get("include"):
        return _expanded(resource.get("expansion", {}))
    return _ValueSet(
        tuple(_part(p) for p in compose["include"]),
        tuple(_part(p) for p in compose.get("exclude", ())),
    )


def _expanded(expansion: Json) -> _ValueSet | None:
    codes: dict[str, set[str]] = {}
    waiting: list[Any] = list(expansion.get("contains", ()))
    while waiting:
        item = waiting.pop()
        if "code" in item and not item.get("abstract"):
            codes.setdefault(item.get("system", ""), set()).add(item["code"])
        waiting += item.get("contains", ())
    parts = tuple(_Part(s, frozenset(c), (), ()) for s, c in codes.items())
    return _ValueSet(parts, ()) if parts else None


def _part(part: Json) -> _Part:
    return _Part(
        system=part.get("system", ""),
        codes=frozenset(c["code"] for c in part["concept"]) if "concept" in part else None,
        filters=tuple((f["property"], f["op"], f["value"]) for f in part.get("filter", ())),
        value_sets=tuple(part.get("valueSet", ())),
    )


def _read_system(resource: Json) -> _System | None:
    if resource.get("content") != "complete" or not resource.get("concept"):
        return None
    above: dict[str, set[str]] = {}
    waiting: list[tuple[Any, frozenset[str]]] = [(c, frozenset()) for c in resource["concept"]]
    while waiting:
        concept, parents = waiting.pop()
        code: str = concept["code"]
        above.setdefault(code, set()).update(parents)
        for property_ in concept.get("property", ()):
            if property_.get("code") in ("parent", "subsumedBy") and "valueCode" in property_:
                above[code].add(property_["valueCode"])
        inner = parents | {code}
        waiting += [(c, inner) for c in concept.get("concept", ())]
    return _System({code: _closed(code, above) for code in above})


def _closed(code: str, above: Mapping[str, set[str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(above[code])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += above.get(one, ())
    return frozenset(found)
