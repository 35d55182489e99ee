"""Words of narratives and of whole resources, for `_text` and `_content`; without case and accents.

Main rule: both sides are cut into words here, so PostgreSQL's own parser never has a say.
Standard: FHIR R4 search, "_text", "_content".
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import orjson

from yba.foundation.record.errors import UnsearchableQuery
from yba.kernel.text import fold

NARRATIVE, CONTENT = 1, 2
_LONGEST = 60
_MOST_WORDS = 16_000
_MOST_ASKED = 50
_WORD = re.compile(r"[^\W_]+")
_TAG = re.compile(r"<[^>]*>")
# A string in JSON, and the colon after it if it is the name of a property.
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"(\s*:)?')
_TOKEN = re.compile(r'\s*(?:(-?)"([^"]*)"|([()])|([^\s()"]+))')


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order."""
    return [word for word in _WORD.findall(fold(text)) if len(word) <= _LONGEST]


def vector(words: list[str]) -> str:
    """Return words with their places as the text of a tsvector."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words[:_MOST_WORDS], start=1):
        places.setdefault(word, []).append(place)
    return " ".join(f"'{word}':{','.join(map(str, found[:250]))}" for word, found in places.items())


def narrative(div: str) -> str:
    """Return the vector of a Narrative."""
    return vector(words_of(html.unescape(_TAG.sub(" ", div))))


def content(json: bytes) -> str:
    """Return the vector of every text in a resource; names of properties are not among them."""
    texts = [
        orjson.loads(b'"' + found + b'"') if b"\\" in found else found.decode()
        for found, is_name in _STRING.findall(json)
        if not is_name
    ]
    return vector(words_of(html.unescape(_TAG.sub(" ", "\n".join(texts)))))


# -- questions ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reader:
    tokens: list[tuple[str, str]]
    place: int = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        found = self.peek()
        self.place += 1
        return found


def question(text: str) -> str:
    """Return a question as the text of a tsquery: words, "phrases", begin*, AND, OR, NOT, -word, ( ).

    Words beside each other must all be there. Raises UnsearchableQuery for what cannot be read.
    """
    reader = _Reader(_tokens(text))
    if not reader.tokens or len(reader.tokens) > _MOST_ASKED:
        raise UnsearchableQuery(reason=f"a search of texts needs words, {_MOST_ASKED} at most")
    found = _either(reader)
    if reader.peek()[0] != "end":
        raise _unreadable()
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise _unreadable()
        place = found.end()
        minus, phrase, bracket, word = found.groups()
        if phrase is not None:
            tokens += [("not", "")] if minus else []
            tokens.append(("phrase", phrase))
        elif bracket is not None:
            tokens.append((bracket, ""))
        elif word.lower() in ("and", "or", "not"):
            tokens.append((word.lower(), ""))
        else:
            tokens += [("not", "")] if word.startswith("-") else []
            tokens.append(("phrase", word.removeprefix("-")))
    return tokens


def _either(reader: _Reader) -> str:
    parts = [_every(reader)]
    while reader.peek()[0] == "or":
        reader.take()
        parts.append(_every(reader))
    return parts[0] if len(parts) == 1 else "(" + " | ".join(parts) + ")"


def _every(reader: _Reader) -> str:
    parts = [_one(reader)]
    while reader.peek()[0] in ("and", "not", "phrase", "("):
        if reader.peek()[0] == "and":
            reader.take()
        parts.append(_one(reader))
    return parts[0] if len(parts) == 1 else "(" + " & ".join(parts) + ")"


def _one(reader: _Reader) -> str:
    kind, text = reader.take()
    match kind:
        case "not":
            return f"!{_one(reader)}"
        case "(":
            found = _either(reader)
            if reader.take()[0] != ")":
                raise _unreadable()
            return found
        case "phrase":
            words = words_of(text)
            if not words:
                raise _unreadable()
            quoted = [f"'{word}'" for word in words]
            if text.endswith("*"):
                quoted[-1] += ":*"
            return quoted[0] if len(quoted) == 1 else "(" + " <-> ".join(quoted) + ")"
        case _:
            raise _unreadable()


def _unreadable() -> UnsearchableQuery:
    return UnsearchableQuery(
        reason='texts are searched by words, "phrases", begin*, AND, OR, NOT, -word and brackets'
    )
