"""Restricted categories of a resource, derived when it is written: from its codes and its labels.

Main rule: a code counts wherever it stands in the resource, contained resources included; a code
without a system counts as if its system were meant, because it cannot be told apart. What describes
medicine in general (value sets, plans, drugs) is not about a person and is only labelled by hand.
Source: data/labels.tsv; HL7 v3 ActCode (InformationSensitivityPolicy), Confidentiality.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntFlag
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from yba.foundation.access.kinds import COMMON

_DATA = Path(__file__).parent / "data" / "labels.tsv"
_CODE = re.compile(rb'"code":"([^"\\]{1,40})"')
_RANGE = re.compile(r"([A-Z])(\d\d)-([A-Z])(\d\d)")
_HEAD = 3
_SECURITY = b'"security":'


class Category(IntFlag):
    """Restricted categories, as the bits that are filed with a row."""

    NONE = 0
    HIV = 1
    PSY = 2
    REPRODUCTIVE = 4
    """Restricted while the person was a minor; an adult's is ordinary clinical data."""
    SUBSTANCE = 8
    VIOLENCE = 16
    SEXUAL = 32
    GENETIC = 64
    RESTRICTED = 128
    VERY_RESTRICTED = 256


ALL_CATEGORIES = sum(Category)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What codes mean: exactly, by their first letters, and which codes are worth a look."""

    exact: Mapping[tuple[str, str], int]
    prefixes: tuple[tuple[str, str, int], ...]
    heads: frozenset[bytes]
    codes: frozenset[str]
    beginnings: tuple[str, ...]
    security: Mapping[str, int]


@cache
def _rules() -> _Rules:
    exact: dict[tuple[str, str], int] = {}
    prefixes: list[tuple[str, str, int]] = []
    security: dict[str, int] = {}
    for row in _rows():
        bit, system, code = int(Category[row["category"]]), row["system"], row["code"]
        if system in ("act", "confidentiality"):
            security[code] = security.get(code, 0) | bit
        elif code.endswith("*"):
            prefixes.append((system, code[:-1], bit))
        elif _RANGE.fullmatch(code):
            prefixes += [(system, one, bit) for one in _expanded(code)]
        elif system == "icd10" and len(code) == _HEAD:
            prefixes.append((system, code, bit))
        else:
            exact[system, code] = exact.get((system, code), 0) | bit
    heads = {code[:_HEAD].encode() for _, code in exact}
    heads |= {code[:_HEAD].encode() for _, code, _ in prefixes}
    codes = frozenset(code for _, code in exact)
    beginnings = tuple({code for _, code, _ in prefixes})
    return _Rules(exact, tuple(prefixes), frozenset(heads), codes, beginnings, security)


def _rows() -> Iterator[dict[str, str]]:
    with _DATA.open(encoding="utf-8") as file:
        lines = (line for line in file if not line.startswith("#"))
        yield from csv.DictReader(lines, delimiter="\t")


def _expanded(text: str) -> Iterator[str]:
    found = _RANGE.fullmatch(text)
    assert found is not None
    first, low, last, high = found.groups()
    for letter in range(ord(first), ord(last) + 1):
        start = int(low) if letter == ord(first) else 0
        end = int(high) if letter == ord(last) else 99
        for number in range(start, end + 1):
            yield f"{chr(letter)}{number:02}"


def system_of(uri: str) -> str | None:
    """Return the short name of a code system, "" where none is named, None for another one."""
    if not uri:
        return ""
    lower = uri.lower()
    if "icd-10" in lower or "icd10" in lower or lower.endswith("2.16.840.1.113883.6.3"):
        return "icd10"
    if "loinc" in lower:
        return "loinc"
    if "snomed" in lower:
        return "snomed"
    if "whocc.no/atc" in lower or lower.endswith(":atc"):
        return "atc"
    return None


def categories_of_code(uri: str, code: str) -> int:
    """Return the categories that one code puts a resource into."""
    system = system_of(uri)
    if system is None:
        return 0
    rules = _rules()
    upper = code.strip().upper()
    found = 0
    for (of, one), bit in rules.exact.items():
        if upper == one and system in ("", of):
            found |= bit
    for of, one, bit in rules.prefixes:
        if upper.startswith(one) and system in ("", of):
            found |= bit
    return found


@lru_cache(maxsize=16_384)
def _is_listed(code: bytes) -> bool:
    """Return whether a code means something in some system."""
    rules, upper = _rules(), code.decode("utf-8", "replace").strip().upper()
    return upper in rules.codes or upper.startswith(rules.beginnings)


def categories_of(type_: str, body: bytes) -> int:
    """Return the restricted categories of a resource; `body` is its JSON as it is stored.

    Nearly every resource has none, and that is told by looking at its codes alone.
    """
    explicit = _SECURITY in body
    suspicious = False
    if type_ not in COMMON:
        heads = _rules().heads
        for code in _CODE.findall(body):
            if code[:_HEAD].upper() in heads and _is_listed(code):
                suspicious = True
                break
    if not explicit and not suspicious:
        return 0
    found = 0
    resource = json.loads(body)
    if explicit:
        rules = _rules()
        for one in _all(resource, "security"):
            found |= rules.security.get(str(one.get("code", "")), 0)
    if suspicious:
        found |= _coded(resource)
    return found


def _all(value: Any, name: str) -> Iterator[dict[str, Any]]:
    """Give the labels of a resource and of what it contains."""
    if isinstance(value, dict):
        meta = value.get("meta")
        if isinstance(meta, dict):
            yield from (one for one in meta.get(name) or () if isinstance(one, dict))
        for inner in value.values():
            yield from _all(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _all(inner, name)


def _coded(value: Any) -> int:
    found = 0
    if isinstance(value, dict):
        code = value.get("code")
        if isinstance(code, str):
            system = value.get("system")
            found |= categories_of_code(system if isinstance(system, str) else "", code)
        for inner in value.values():
            if isinstance(inner, dict | list):
                found |= _coded(inner)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict | list):
                found |= _coded(inner)
    return found
