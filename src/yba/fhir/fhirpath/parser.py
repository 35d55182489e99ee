"""Tokens into a tree, by precedence.

Standard: FHIRPath 2.0, grammar and "Operator Precedence".
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final

from yba.fhir.fhirpath import temporal
from yba.fhir.fhirpath.errors import FhirPathSyntaxError
from yba.fhir.fhirpath.lexer import Token, tokens_of, unquote
from yba.fhir.fhirpath.tree import (
    Binary,
    Call,
    Empty,
    External,
    Indexed,
    Literal,
    Member,
    Special,
    Tree,
    TypeTest,
    Unary,
)
from yba.fhir.fhirpath.units import calendar_word
from yba.fhir.fhirpath.values import Quantity

# From loosest to tightest; `is` and `as` stand between | and +.
_LEVELS: Final = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "~", "!=", "!~"),
    ("<=", "<", ">", ">="),
    ("|",),
    ("is", "as"),
    ("+", "-", "&"),
    ("*", "/", "div", "mod"),
)
_TYPE_LEVEL: Final = 7
_DEEPEST: Final = 30


@lru_cache(maxsize=4096)
def parse(text: str) -> Tree:
    """Return the tree of an expression. Raises FhirPathSyntaxError if it is none."""
    parser = _Parser(tokens_of(text))
    try:
        tree = parser.expression()
    except RecursionError:
        raise FhirPathSyntaxError("the expression is nested too deeply") from None
    parser.expect("end", "")
    return tree


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += 1
        return token

    def _accept(self, text: str) -> bool:
        if self._next.text == text and self._next.kind in ("symbol", "name"):
            self._place += 1
            return True
        return False

    def expect(self, kind: str, text: str) -> None:
        """Take a token that must come now."""
        token = self._take()
        if token.kind != kind or token.text != text:
            raise self._wrong(token)

    def _wrong(self, token: Token) -> FhirPathSyntaxError:
        return FhirPathSyntaxError(f"cannot read the expression at character {token.place + 1}")

    def expression(self) -> Tree:
        """Read a whole expression."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FhirPathSyntaxError("the expression is nested too deeply")
        tree = self._binary(0)
        self._depth -= 1
        return tree

    def _binary(self, level: int) -> Tree:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._next.text in _LEVELS[level] and self._next.kind in ("symbol", "name"):
            operator = self._take().text
            if level == _TYPE_LEVEL:
                left = TypeTest(operator, left, self._type_name())
            else:
                left = Binary(operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Tree:
        if self._next.kind == "symbol" and self._next.text in "+-":
            operator = self._take().text
            return Unary(operator, self._unary())
        return self._invocations()

    def _invocations(self) -> Tree:
        tree = self._term()
        while True:
            if self._accept("."):
                tree = self._invocation(tree)
            elif self._accept("["):
                tree = Indexed(tree, self.expression())
                self.expect("symbol", "]")
            else:
                return tree

    def _invocation(self, focus: Tree | None) -> Tree:
        token = self._take()
        if token.kind == "special" and focus is not None:
            return Special(token.text)
        if token.kind not in ("name", "quoted"):
            raise self._wrong(token)
        name = unquote(token.text) if token.kind == "quoted" else token.text
        if token.kind == "name" and self._accept("("):
            return Call(focus, name, self._arguments())
        return Member(focus, name)

    def _arguments(self) -> tuple[Tree, ...]:
        found: list[Tree] = []
        if not self._accept(")"):
            found.append(self.expression())
            while self._accept(","):
                found.append(self.expression())
            self.expect("symbol", ")")
        return tuple(found)

    def _term(self) -> Tree:
        token = self._next
        if token.kind == "number":
            return self._number()
        if token.kind in ("text", "date", "time", "special"):
            self._take()
            return self._simple(token)
        if self._accept("("):
            tree = self.expression()
            self.expect("symbol", ")")
            return tree
        if self._accept("{"):
            self.expect("symbol", "}")
            return Empty()
        if self._accept("%"):
            return self._external()
        if token.kind == "name" and token.text in ("true", "false"):
            self._take()
            return Literal(token.text == "true")
        return self._invocation(None)

    def _simple(self, token: Token) -> Tree:
        if token.kind == "text":
            return Literal(unquote(token.text))
        if token.kind == "special":
            if token.text not in ("$this", "$index", "$total"):
                raise self._wrong(token)
            return Special(token.text)
        text = token.text[1:] if token.kind == "date" else token.text[2:]
        moment = temporal.read(text) if token.kind == "date" else temporal.read_time(text)
        if moment is None:
            raise self._wrong(token)
        return Literal(moment)

    def _number(self) -> Tree:
        text = self._take().text
        following = self._next
        if following.kind == "text":
            self._take()
            return Literal(Quantity(Decimal(text), unquote(following.text)))
        if following.kind == "name" and calendar_word(following.text):
            self._take()
            return Literal(Quantity(Decimal(text), following.text))
        return Literal(Decimal(text) if "." in text else int(text))

    def _external(self) -> Tree:
        token = self._take()
        if token.kind == "name":
            return External(token.text)
        if token.kind in ("quoted", "text"):
            return External(unquote(token.text))
        raise self._wrong(token)

    def _type_name(self) -> str:
        names = [self._identifier()]
        while self._next.text == "." and self._tokens[self._place + 1].kind in ("name", "quoted"):
            if self._tokens[self._place + 2].text == "(":
                break
            self._take()
            names.append(self._identifier())
        return ".".join(names)

    def _identifier(self) -> str:
        token = self._take()
        if token.kind == "quoted":
            return unquote(token.text)
        if token.kind != "name":
            raise self._wrong(token)
        return token.text
