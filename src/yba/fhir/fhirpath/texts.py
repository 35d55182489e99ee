"""Functions on text.

Standard: FHIRPath 2.0, "String Manipulation" and "Additional String Functions".
"""

# ruff: noqa: ARG001  (all functions of the language have one signature)

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from yba.fhir.fhirpath.converting import to_string
from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.fhirpath.evaluation import Code, Env, Function, integer, maybe, text
from yba.fhir.fhirpath.values import Collection, system

_LONGEST_PATTERN = 1_000
_JSON_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_JSON_CHARACTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@lru_cache(maxsize=512)
def _pattern(source: str) -> re.Pattern[str]:
    if len(source) > _LONGEST_PATTERN:
        raise FhirPathError("the pattern is too long")
    try:
        return re.compile(source, re.DOTALL)
    except (re.error, RecursionError, OverflowError):
        raise FhirPathError("the pattern is no regular expression") from None


def _on_texts(work: Callable[..., Any]) -> Function:
    """Make a function that is empty as soon as its focus or an argument is."""

    def run(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
        values = [text(focus), *(text(argument(env)) for argument in arguments)]
        return [] if None in values else maybe(work(*values))

    return run


def _substring(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    whole, start = text(focus), integer(arguments[0](env))
    length = integer(arguments[1](env)) if len(arguments) > 1 else None
    if whole is None or start is None or not 0 <= start < len(whole):
        return []
    return [whole[start:] if length is None else whole[start : start + max(length, 0)]]


def _length(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    whole = text(focus)
    return [] if whole is None else [len(whole)]


def _to_chars(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    return list(text(focus) or "")


def _split(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    whole, separator = text(focus), text(arguments[0](env))
    if whole is None or separator is None:
        return []
    return list(whole.split(separator)) if separator else list(whole)


def _join(env: Env, focus: Collection, arguments: tuple[Code, ...]) -> Collection:
    separator = text(arguments[0](env)) if arguments else ""
    # Nothing joined is the empty text, as the suite of SQL on FHIR has it; FHIRPath's own suite leaves it open.
    return [(separator or "").join(to_string(system(item)) or "" for item in focus)]


def _replace_matches(whole: str, pattern: str, substitute: str) -> str:
    if not pattern:
        return whole
    # $1 and ${name} are how FHIRPath writes what Python writes \\1 and \\g<name>.
    python = re.sub(
        r"\$(\d+)|\$\{(\w+)\}", lambda m: f"\\g<{m[1] or m[2]}>", substitute.replace("\\", "\\\\")
    )
    try:
        return _pattern(pattern).sub(python, whole)
    except (re.error, IndexError):
        raise FhirPathError("the substitution names no group of the pattern") from None


def _encode(whole: str, form: str) -> str | None:
    data = whole.encode()
    match form:
        case "hex":
            return data.hex()
        case "base64":
            return base64.b64encode(data).decode()
        case "urlbase64":
            return base64.urlsafe_b64encode(data).decode()
        case _:
            return None


def _decode(whole: str, form: str) -> str | None:
    try:
        match form:
            case "hex":
                return bytes.fromhex(whole).decode()
            case "base64":
                return base64.b64decode(whole, validate=True).decode()
            case "urlbase64":
                return base64.urlsafe_b64decode(whole).decode()
            case _:
                return None
    except (ValueError, binascii.Error):
        return None


def _escape(whole: str, form: str) -> str | None:
    if form == "html":
        return html.escape(whole)
    return json.dumps(whole, ensure_ascii=False)[1:-1] if form == "json" else None


def _unescape(whole: str, form: str) -> str | None:
    if form == "html":
        return html.unescape(whole)
    return _JSON_ESCAPE.sub(_json_character, whole) if form == "json" else None


def _json_character(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else _JSON_CHARACTERS.get(code, code)


FUNCTIONS: Final[dict[str, tuple[int, int, Function]]] = {
    "indexOf": (1, 1, _on_texts(lambda whole, part: whole.find(part))),
    "lastIndexOf": (1, 1, _on_texts(lambda whole, part: whole.rfind(part))),
    "substring": (1, 2, _substring),
    "startsWith": (1, 1, _on_texts(lambda whole, part: whole.startswith(part))),
    "endsWith": (1, 1, _on_texts(lambda whole, part: whole.endswith(part))),
    "contains": (1, 1, _on_texts(lambda whole, part: part in whole)),
    "upper": (0, 0, _on_texts(lambda whole: whole.upper())),
    "lower": (0, 0, _on_texts(lambda whole: whole.lower())),
    "replace": (2, 2, _on_texts(lambda whole, old, new: whole.replace(old, new))),
    "matches": (1, 2, _on_texts(lambda whole, p, *_: _pattern(p).search(whole) is not None)),
    "matchesFull": (1, 2, _on_texts(lambda whole, p, *_: _pattern(p).fullmatch(whole) is not None)),
    "replaceMatches": (2, 2, _on_texts(_replace_matches)),
    "length": (0, 0, _length),
    "toChars": (0, 0, _to_chars),
    "trim": (0, 0, _on_texts(lambda whole: whole.strip())),
    "split": (1, 1, _split),
    "join": (0, 1, _join),
    "encode": (1, 1, _on_texts(_encode)),
    "decode": (1, 1, _on_texts(_decode)),
    "escape": (1, 1, _on_texts(_escape)),
    "unescape": (1, 1, _on_texts(_unescape)),
}
