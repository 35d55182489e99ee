"""The engine against an independent one: every search and invariant expression of R4 over the R4 examples.

By default two examples of each type; YBA_DIFFERENTIAL=all takes every one.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from msgspec import Struct
from tests.conformance_report import Score
from tests.fhir.package import examples, package

from yba.fhir import fhirpath, r4

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

_ROOT = re.compile(r"\(*([A-Z][A-Za-z]+)\b")
_REFUSED = object()
_NO_DOMAIN_RESOURCES = ("Binary", "Bundle", "Parameters")
# Where the engines differ, and why ours is right.
AGREED = {
    "theirs lacks resolve(), hasValue() and hasExtension()": lambda text, theirs: str(
        theirs
    ).startswith("Not implemented: "),
    "theirs takes no base type as the start of a path": lambda text, theirs: text.startswith(
        ("Resource.", "DomainResource.")
    ),
    # cid-0 of ChargeItemDefinition names an element `name` that the type does not have.
    "ours refuses an element that a type does not have": lambda text, theirs: text
    == "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')",
}  # fmt: skip


def _definitions() -> list[dict[str, Any]]:
    with tarfile.open(package()) as archive:
        found: list[dict[str, Any]] = []
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            if name.startswith(("StructureDefinition-", "SearchParameter-")) and name.endswith(
                ".json"
            ):
                content = archive.extractfile(member)
                assert content is not None
                found.append(json.loads(content.read()))
        return found


def _alternatives(expression: str) -> list[str]:
    """Return the parts of an expression between `|` outside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in expression:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'`":
            quote = letter
        else:
            depth += (letter in "([") - (letter in ")]")
            if letter == "|" and not depth:
                parts.append("")
                continue
        parts[-1] += letter
    return [part.strip() for part in parts]


def _expressions() -> dict[str, list[str]]:
    """Return the expressions that apply to each type of resource."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for definition in _definitions():
        if definition["resourceType"] == "SearchParameter":
            for part in _alternatives(definition.get("expression", "")):
                if start := _ROOT.match(part):
                    found[start[1]][part] = None
        elif definition.get("derivation") == "specialization":
            for element in definition["snapshot"]["element"]:
                path = element["path"]
                for constraint in element.get("constraint", ()):
                    # ele-1 and ext-1 stand at every element.
                    if constraint["key"] not in ("ele-1", "ext-1") and "[x]" not in path:
                        text = constraint.get("expression") or "true"
                        whole = path == definition["type"]
                        found[definition["type"]][text if whole else f"{path}.all({text})"] = None
    of_all, of_most = found.pop("Resource"), found.pop("DomainResource")
    found["Binary"] = {}
    return {
        type_: [*texts, *of_all, *(() if type_ in _NO_DOMAIN_RESOURCES else of_most)]
        for type_, texts in found.items()
    }


def _plain(value: Any) -> Any:
    """Return a value as plain JSON, numbers normalised, however an engine holds it."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value)).normalize()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if name != "resourceType"}  # type: ignore[misc]
    if isinstance(value, list):
        return [_plain(item) for item in value]  # type: ignore[misc]
    return _plain(value.data) if hasattr(value, "data") else str(value)


def _ours(text: str, resource: r4.Resource) -> Any:
    try:
        items = fhirpath.compile_expression(text).evaluate(resource)
    except fhirpath.FhirPathError:
        return _REFUSED
    values = [item.value if isinstance(item, fhirpath.Node) else item for item in items]
    return [
        _plain(json.loads(r4.encode(v), parse_float=Decimal) if isinstance(v, Struct) else v)
        for v in values
    ]


@cache
def _their_code(text: str) -> Callable[[Any, Any], list[Any]]:
    from fhirpathpy import compile as compile_  # type: ignore[import-untyped]
    from fhirpathpy.models import models  # type: ignore[import-untyped]

    return compile_(text, models["r4"])


def _theirs(text: str, raw: Any) -> Any:
    try:
        return [_plain(v) for v in _their_code(text)(raw, {"resource": raw, "rootResource": raw})]
    except Exception as problem:
        return str(problem) if str(problem).startswith("Not implemented") else _REFUSED


def test_an_independent_engine_finds_the_same(capsys: pytest.CaptureFixture[str], score: Score):
    pytest.importorskip("fhirpathpy")
    expressions = _expressions()
    taken: dict[str, int] = defaultdict(int)
    compared, differences = 0, dict[str, str]()
    reasons: dict[str, int] = defaultdict(int)
    for name, body in sorted(examples().items()):
        raw = json.loads(body, parse_float=Decimal)
        type_ = raw["resourceType"]
        taken[type_] += 1
        if taken[type_] > 2 and os.environ.get("YBA_DIFFERENTIAL") != "all":
            continue
        resource = r4.decode(body)
        for text in expressions[type_]:
            ours, theirs = _ours(text, resource), _theirs(text, raw)
            compared += 1
            if ours == theirs:
                continue
            reason = next((r for r, fits in AGREED.items() if fits(text, theirs)), None)
            if reason is None:
                differences[f"{name}: {text}"] = f"ours {ours}, theirs {theirs}"
            else:
                reasons[reason] += 1
    capsys.readouterr()  # trace() of theirs prints

    if os.environ.get("YBA_DIFFERENTIAL") != "all":
        answered = compared - sum(reasons.values())
        score("fhirpath-engines", answered - len(differences), answered)
    assert differences == {}
    assert compared > 5000
    assert reasons.keys() == AGREED.keys()
