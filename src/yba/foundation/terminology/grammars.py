"""Code systems whose codes are a grammar or a list that others publish: checked, never listed.

Standards: BCP 47 (RFC 5646), BCP 13 (RFC 6838), UCUM, ISO 4217, ISO 3166, IANA time zones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from zoneinfo import available_timezones

from yba.fhir.ucum import service as ucum

_LANGUAGE = re.compile(
    r"^(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})"
    r"(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*"
    r"(?:-[a-wyz\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?$",
    re.IGNORECASE,
)
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA = re.compile(rf"^{_NAME}/{_NAME}(?:\s*;\s*{_NAME}=(?:{_NAME}|\"[^\"]*\"))*$")


@cache
def _currencies() -> Mapping[str, str]:
    text = files("yba.foundation.terminology").joinpath("data", "currencies.tsv").read_text("utf-8")
    lines = [line.partition("\t") for line in text.splitlines() if not line.startswith("#")]
    return {code: name for code, _, name in lines}


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "urn:ietf:bcp:47": lambda code: len(code) < 100 and _LANGUAGE.match(code) is not None,
    "urn:ietf:bcp:13": lambda code: len(code) < 300 and _MEDIA.match(code) is not None,
    "http://unitsofmeasure.org": ucum.is_valid,
    "https://www.iana.org/time-zones": lambda code: code in _zones(),
    "urn:iso:std:iso:4217": lambda code: code in _currencies(),
}
_LISTS: Mapping[str, Callable[[], Sequence[tuple[str, str]]]] = {
    "https://www.iana.org/time-zones": lambda: [(zone, zone) for zone in sorted(_zones())],
    "urn:iso:std:iso:4217": lambda: list(_currencies().items()),
}


def is_listed(url: str) -> bool:
    """Tell whether a system that others publish is short enough to be listed too."""
    return url in _LISTS


def listed(url: str) -> Sequence[tuple[str, str]]:
    """Return (code, display) of a system that is listed."""
    return _LISTS[url]()


def is_grammar(url: str) -> bool:
    """Tell whether the codes of a system are known by a rule."""
    return url in _CHECKS


def has(url: str, code: str) -> bool:
    """Tell whether a system known by a rule has a code."""
    return _CHECKS[url](code)


def display(url: str, code: str) -> str:
    """Return how such a code is shown."""
    return _currencies().get(code, code) if url == "urn:iso:std:iso:4217" else code


def urls() -> list[str]:
    """Return the systems that are known by a rule."""
    return list(_CHECKS)
