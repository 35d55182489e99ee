"""The official FHIRPath R4 suite."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tests.conformance_report import Score
from tests.fhir.xml_reader import json_of
from tests.outside import conformance

from yba.fhir import fhirpath, r4
from yba.fhir.fhirpath.converting import to_string
from yba.fhir.fhirpath.evaluation import truth
from yba.fhir.fhirpath.values import type_of

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

NOW = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)


def _inputs(folder: Path) -> dict[str, r4.Resource]:
    found: dict[str, r4.Resource] = {}
    for file in folder.iterdir():
        body = file.read_bytes()
        found[file.stem] = r4.decode(json_of(body) if file.suffix == ".xml" else body)
    return found


def _shown(item: fhirpath.Item) -> str:
    value = fhirpath.system(item)
    text = to_string(value)
    if isinstance(value, fhirpath.Temporal):
        return "@" + ("T" if value.kind == "Time" else "") + str(value)
    return text if text is not None else repr(item)


def _same(output: ET.Element, item: fhirpath.Item) -> bool:
    expected = output.text or ""
    shown = _shown(item)
    wanted_type = output.get("type")
    if wanted_type in ("dateTime", "date", "time", "instant") and not expected.startswith("@"):
        expected = "@" + expected
    if wanted_type and wanted_type.lower() != type_of(item).name.lower():
        return False
    try:
        return Decimal(shown) == Decimal(expected)
    except ArithmeticError:
        return shown == expected


def _problem(test: ET.Element, inputs: dict[str, r4.Resource]) -> str:
    """Return what is wrong with the answer to a test, or nothing."""
    expression = test.find("expression")
    assert expression is not None
    context = inputs[Path(test.get("inputfile") or "patient-example.xml").stem]
    invalid = expression.get("invalid")
    try:
        code = fhirpath.compile_expression(
            expression.text or "", strict=test.get("mode") == "strict"
        )
        found = code.evaluate(context, now=NOW)
    except fhirpath.FhirPathError as error:
        return "" if invalid else f"raised {error}"
    if invalid:
        return f"expected an error, got {found}"
    if test.get("predicate") == "true":
        found = [truth(found) is True]
    outputs = test.findall("output")
    if len(outputs) != len(found):
        return f"expected {[o.text for o in outputs]}, got {found}"
    if test.get("ordered") == "false":
        found = sorted(found, key=_shown)
        outputs = sorted(outputs, key=lambda o: o.text or "")
    wrong = [o.text for o, item in zip(outputs, found, strict=True) if not _same(o, item)]
    return f"expected {wrong}, got {found}" if wrong else ""


def test_official_suite_is_answered_as_expected(score: Score):
    suite = ET.parse(conformance("fhirpath/tests-fhir-r4.xml")).getroot()
    inputs = _inputs(conformance("fhirpath/inputs"))
    tests = list(suite.iter("test"))
    problems = {
        str(test.get("name")): problem for test in tests if (problem := _problem(test, inputs))
    }

    score("fhirpath", len(tests) - len(problems), len(tests))
    assert len(tests) == 935
    assert problems == {}
