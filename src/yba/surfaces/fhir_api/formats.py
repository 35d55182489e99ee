"""Which format a request is written in and which one its answer shall have. Pure.

Standard: FHIR R4 http.html#mime-type, #parameters; RFC 9110 section 12 (q-values), section 8.4.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

Format: TypeAlias = Literal["json", "xml"]

FHIR_JSON = b"application/fhir+json; charset=utf-8"
FHIR_XML = b"application/fhir+xml; charset=utf-8"
JSON_TYPES = ("application/fhir+json", "application/json", "text/json", "application/json+fhir")
XML_TYPES = ("application/fhir+xml", "application/xml", "text/xml", "application/xml+fhir")
FORM = "application/x-www-form-urlencoded"
_WORDS: dict[str, Format] = {
    "json": "json", "xml": "xml",
    **dict.fromkeys(JSON_TYPES, "json"), **dict.fromkeys(XML_TYPES, "xml"),
}  # fmt: skip
_ANY = ("*/*", "application/*")
_VERSIONS = ("4.0", "4.0.1")


@lru_cache(maxsize=256)
def by_name(text: str) -> Format | None:
    """Return the format that a `_format` parameter names, or None."""
    # A plus sign in an address means a space, unless somebody encoded it.
    name, version = _split(text.replace("fhir json", "fhir+json").replace("fhir xml", "fhir+xml"))
    return _WORDS.get(name) if version in ("", *_VERSIONS) else None


@lru_cache(maxsize=512)
def by_accept(header: str) -> Format | None:
    """Return the format that an Accept header likes best, or None if it takes neither."""
    best: Format | None = None
    most = 0.0
    for part in header.split(","):
        quality = _quality(part)
        name, version = _split(part)
        found = _WORDS.get(name) or ("json" if name in _ANY or name.endswith("json") else None)
        if found is not None and quality > most and version in ("", *_VERSIONS):
            best, most = found, quality
    return best


@lru_cache(maxsize=512)
def names_fhir(header: str) -> bool:
    """Return whether an Accept header names a format of FHIR, not merely takes anything."""
    return any(_split(part)[0] in _WORDS for part in header.split(","))


@lru_cache(maxsize=256)
def by_content_type(header: str) -> tuple[str, bool]:
    """Return the bare media type of a body, and whether its parameters can be honoured."""
    name, version = _split(header)
    charset = _parameter(header, "charset")
    return name, version in ("", *_VERSIONS) and charset in ("", "utf-8", "utf8")


@lru_cache(maxsize=256)
def packing(accept_encoding: str) -> Literal["", "gzip", "zstd"]:
    """Return how an answer may be packed: zstd rather than gzip, unless gzip is liked better."""
    found: dict[str, float] = {}
    for part in accept_encoding.split(","):
        found[part.partition(";")[0].strip().lower()] = _quality(part)
    zstd, gzip = found.get("zstd", 0.0), found.get("gzip", found.get("*", 0.0))
    if zstd and zstd >= gzip:
        return "zstd"
    return "gzip" if gzip else ""


@lru_cache(maxsize=256)
def preferences(header: str) -> dict[str, str]:
    """Return what a Prefer header asks for, by name (RFC 7240); the first of several counts."""
    found: dict[str, str] = {}
    for part in header.replace(";", ",").split(","):
        name, _, value = part.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _split(text: str) -> tuple[str, str]:
    return text.partition(";")[0].strip().lower(), _parameter(text, "fhirversion")


def _parameter(text: str, wanted: str) -> str:
    for part in text.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == wanted:
            return value.strip().strip('"').lower()
    return ""


def _quality(part: str) -> float:
    text = _parameter(part, "q")
    if not text:
        return 1.0
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
