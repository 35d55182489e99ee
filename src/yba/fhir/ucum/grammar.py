"""The grammar of unit expressions: text to a typed tree, strictly as UCUM has it.

Case-sensitive codes only, as FHIR requires. Standard: UCUM 2.2, sections 2-12 ("Grammar of Units and Unit Terms").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from yba.fhir.ucum.errors import UnitError
from yba.fhir.ucum.essence import Atom, essence

_LONGEST: Final = 512
_DEEPEST: Final = 32
# Symbol characters outside brackets; brackets hold anything but brackets and braces; an exponent ends the symbol.
_SYMBOL: Final = re.compile(r"(?:[!#-'*,:-Z\\^-z|~0-9+\-]|\[[!-Z\\^-z|~]*\])+")
_ENDS_IN_NUMBER: Final = re.compile(r"(.*?[^0-9+\-])([+\-]?[0-9]+)")
_ANNOTATION: Final = re.compile(r"\{[!-z|~]+\}")


@dataclass(frozen=True, slots=True)
class Simple:
    """A symbol with its prefix ("" for none) and exponent."""

    prefix: str
    atom: Atom
    exponent: int


@dataclass(frozen=True, slots=True)
class Factor:
    """A whole number, also the 1 that an annotation alone stands for."""

    value: int


@dataclass(frozen=True, slots=True)
class Product:
    """Components from left to right, each with whether it is divided by."""

    parts: tuple[tuple[bool, Component], ...]


Component: TypeAlias = Simple | Factor | Product


@lru_cache(maxsize=4096)
def parse(code: str) -> Product:
    """Return the tree of a unit expression; the empty text is unity. Raises UnitError if it is none."""
    if len(code) > _LONGEST:
        raise UnitError("the unit expression is too long")
    if not code:
        return Product(())
    reader = _Reader(code)
    tree = reader.term(0, leading_slash=code.startswith("/"))
    if reader.at < len(code):
        raise UnitError(f"unexpected {code[reader.at]!r} in unit")
    return tree


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def term(self, depth: int, *, leading_slash: bool = False) -> Product:
        if depth > _DEEPEST:
            raise UnitError("the unit expression is nested too deeply")
        self.at += leading_slash
        parts = [(leading_slash, self._component(depth))]
        while self.text[self.at : self.at + 1] in (".", "/"):
            divided = self.text[self.at] == "/"
            self.at += 1
            parts.append((divided, self._component(depth)))
        return Product(tuple(parts))

    def _component(self, depth: int) -> Component:
        start = self.text[self.at : self.at + 1]
        if start == "(":
            self.at += 1
            inner = self.term(depth + 1)
            if self.text[self.at : self.at + 1] != ")":
                raise UnitError("a bracket is not closed in unit")
            self.at += 1
            return inner
        if start == "{":
            self._annotation()
            return Factor(1)
        found = _SYMBOL.match(self.text, self.at)
        if found is None:
            raise UnitError("a unit is missing in the expression")
        self.at = found.end()
        component = _simple(found[0])
        if self.text[self.at : self.at + 1] == "{":
            self._annotation()
        return component

    def _annotation(self) -> None:
        found = _ANNOTATION.match(self.text, self.at)
        if found is None:
            raise UnitError("an annotation of a unit is not ASCII text in braces")
        self.at = found.end()


def _simple(text: str) -> Component:
    if text.isdigit():
        return Factor(int(text))
    found = _symbol(text)
    if found is not None:
        return Simple(*found, 1)
    ending = _ENDS_IN_NUMBER.fullmatch(text)
    if ending is not None:
        found = _symbol(ending[1])
        if found is not None:
            return Simple(*found, int(ending[2]))
    raise UnitError(f"not a UCUM unit: {text[:40]}")


def _symbol(text: str) -> tuple[str, Atom] | None:
    """Return prefix and atom; a symbol that is an atom by itself is never read as a prefix and an atom."""
    table = essence()
    if text in table.atoms:
        return "", table.atoms[text]
    for length in (1, 2):
        atom = table.atoms.get(text[length:])
        if text[:length] in table.prefixes and atom is not None and atom.is_metric:
            return text[:length], atom
    return None
