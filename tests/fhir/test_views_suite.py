"""The official suite of SQL on FHIR."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.conformance_report import Score
from tests.outside import conformance

from yba.fhir import r4, views

pytestmark = pytest.mark.conformance

_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def _problem(test: dict[str, Any], resources: list[r4.Resource]) -> str:
    """Return what is wrong with the answer to a test, or nothing."""
    try:
        view = views.read_view(test["view"])
        compiled = views.compile_view(view)
        rows = [row for resource in resources for row in compiled.rows(resource)]
    except views.ViewError as problem:
        return "" if test.get("expectError") else f"refused: {problem}"
    if test.get("expectError"):
        return f"expected an error, got {rows}"
    names = [column.name for column in view.columns]
    if "expectColumns" in test and names != test["expectColumns"]:
        return f"expected columns {test['expectColumns']}, got {names}"
    found = sorted(_shown(dict(zip(names, row, strict=True))) for row in rows)
    expected = sorted(_shown(row) for row in test["expect"])
    return "" if found == expected else f"expected {expected}, got {found}"


def _shown(row: dict[str, Any]) -> str:
    """Return a row as text that is the same for numbers of the same value."""
    return repr(
        {
            name: Decimal(value).normalize()
            if isinstance(value, int | Decimal) and not isinstance(value, bool)
            else value
            for name, value in sorted(row.items())
        }
    )


def _tests(file: Path) -> tuple[list[dict[str, Any]], list[r4.Resource]]:
    suite = _DECODER.decode(file.read_bytes())
    resources = [
        r4.decode(msgspec.json.Encoder(decimal_format="number").encode(r))
        for r in suite["resources"]
    ]
    return suite["tests"], resources


def test_official_suite_is_passed_in_full(score: Score):
    problems: dict[str, str] = {}
    total = 0
    for file in sorted(conformance("sql-on-fhir").glob("*.json")):
        tests, resources = _tests(file)
        total += len(tests)
        for test in tests:
            if problem := _problem(test, resources):
                problems[f"{file.stem}: {test['title']}"] = problem

    score("sql-on-fhir", total - len(problems), total)
    assert total == 134
    assert problems == {}
