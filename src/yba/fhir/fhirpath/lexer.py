"""Text of an expression into tokens.

Standard: FHIRPath 2.0, "Lexical Elements".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from yba.fhir.fhirpath.errors import FhirPathSyntaxError

LONGEST = 20_000
"""Characters of an expression that are read at all."""


class Token(NamedTuple):
    """A piece of text with its kind: name, quoted, text, number, date, time, symbol, end."""

    kind: str
    text: str
    place: int


_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<date>@\d{4}(?:-\d\d(?:-\d\d)?)?(?:T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)?(?:Z|[+-]\d\d:\d\d)?)?)
  | (?P<time>@T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<text>'(?:[^'\\]|\\.)*')
  | (?P<quoted>`(?:[^`\\]|\\.)*`)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<special>\$[a-z]+)
  | (?P<symbol><=|>=|!=|!~|[-+*/|&=~<>.,()\[\]{}%])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of an expression, ending with one of kind "end".

    Raises FhirPathSyntaxError at the first character that begins none.
    """
    if len(text) > LONGEST:
        raise FhirPathSyntaxError("the expression is too long")
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        unfinished = text.startswith("/*", place) and (match is None or match.lastgroup != "space")
        if match is None or match.lastgroup is None or unfinished:
            raise FhirPathSyntaxError(f"cannot read the expression at character {place + 1}")
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup, match[0], place))
        place = match.end()
    found.append(Token("end", "", place))
    return found


def unquote(text: str) -> str:
    """Return the text between quotes, escapes resolved."""
    return _ESCAPE.sub(_unescape, text[1:-1])


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] == "u" and len(code) == 5:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)
