"""`check`: the fast way first, the explaining way when it fails."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from yba.fhir import r4
from yba.fhir.validation import messages
from yba.fhir.validation.issues import Issue, issue
from yba.fhir.validation.soundness import is_sound
from yba.fhir.validation.walker import issues_of

__all__ = ["LARGEST_BODY", "check", "is_sound"]

LARGEST_BODY: Final = 64 * 1024 * 1024
"""Bytes of one resource that are read at all."""

_NOT_SOUND: Final = "not sound"
_PLAIN = msgspec.json.Decoder(float_hook=Decimal)


def check(document: bytes | r4.Resource, decoded: r4.Resource | None = None) -> list[Issue]:
    """Return every issue of a resource; an empty list means it is valid R4.

    `document` is JSON, or a typed resource (which is written and read to check what Python does not).
    `decoded` saves a decode: the result of `r4.decode` for the same bytes. Never raises for bad input.
    """
    body = document if isinstance(document, bytes) else _encode(document)
    if body is None:
        return [issue("fatal", "structure", "", messages.NOT_WRITABLE)]
    if len(body) > LARGEST_BODY:
        return [issue("fatal", "too-long", "", messages.TOO_LARGE, limit=LARGEST_BODY)]
    problem = _problem_of(body, decoded)
    return [] if problem is None else _explain(body, problem)[0]


def structural_issues(body: bytes) -> tuple[list[Issue], Any]:
    """Return the issues of JSON as `check` does, and its plain value; that is None if it is no JSON at all."""
    if len(body) > LARGEST_BODY:
        return check(body), None
    problem = _problem_of(body, None)
    if problem is not None:
        return _explain(body, problem)
    try:
        return [], plain_json(body)
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError):
        return [], None


def plain_json(body: bytes) -> Any:
    """Return JSON as dictionaries and lists, numbers with a point as Decimal."""
    return _PLAIN.decode(body)


def _problem_of(body: bytes, decoded: r4.Resource | None) -> str | None:
    try:
        resource = decoded if decoded is not None else r4.decode(body)
        # NUL cannot be stored as text; it hides only behind a backslash.
        if is_sound(resource) and not (b"\\" in body and b"\\u0000" in body):
            return None
    except (r4.NotFhir, RecursionError) as error:
        return str(error)
    return _NOT_SOUND


def _explain(body: bytes, problem: str) -> tuple[list[Issue], Any]:
    try:
        plain = plain_json(body)
    except RecursionError:
        return [issue("fatal", "too-long", "", messages.TOO_DEEP)], None
    except (msgspec.DecodeError, ValueError, ArithmeticError) as error:
        return [issue("fatal", "structure", "", messages.NOT_JSON, reason=error)], None
    issues = issues_of(plain)
    if not issues and problem != _NOT_SOUND:
        # The decoder is stricter in something that the walker does not know; do not let it pass.
        issues = [Issue("error", "structure", "", problem)]
    return issues, plain


def _encode(resource: r4.Resource) -> bytes | None:
    try:
        return r4.encode(resource)
    except (TypeError, ValueError, RecursionError, msgspec.EncodeError):
        return None
