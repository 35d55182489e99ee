"""The official functional tests of UCUM."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from decimal import Context, Decimal

import pytest
from tests.conformance_report import Score
from tests.outside import conformance

from yba.fhir import ucum

pytestmark = pytest.mark.conformance


def _agrees(found: Decimal, expected: str) -> bool:
    """Return whether a number rounds to the expected one, at the digits that one has."""
    wanted = Decimal(expected)
    return Context(prec=len(wanted.as_tuple().digits)).plus(found) == wanted


def _validates(case: ET.Element) -> bool:
    return ucum.is_valid(case.attrib["unit"]) == (case.get("valid") == "true")


def _names(case: ET.Element) -> bool:
    return ucum.display_name(case.attrib["unit"]) == case.get("display")


def _converts(case: ET.Element) -> bool:
    a = case.attrib
    return _agrees(ucum.convert(Decimal(a["value"]), a["srcUnit"], a["dstUnit"]), a["outcome"])


def _calculates(verb: Callable[[Decimal, str, Decimal, str], tuple[Decimal, str]]):
    def check(case: ET.Element) -> bool:
        a = case.attrib
        value, unit = verb(Decimal(a["v1"]), a["u1"], Decimal(a["v2"]), a["u2"])
        return _agrees(ucum.convert(value, unit, a["uRes"]), a["vRes"])

    return check


PARTS = {
    "validation": (_validates, 529),
    "displayNameGeneration": (_names, 9),
    "conversion": (_converts, 30),
    "multiplication": (_calculates(ucum.multiply), 2),
    "division": (_calculates(ucum.divide), 3),
}


def test_official_suite_is_passed_in_full(score: Score):
    # Two more cases stand in the file as comments of its authors.
    root = ET.parse(conformance("ucum/UcumFunctionalTests.xml")).getroot()
    failed: list[dict[str, str]] = []
    for name, (check, total) in PARTS.items():
        cases = root.findall(f"{name}/case")
        assert len(cases) == total
        failed += [c.attrib for c in cases if not check(c)]

    total = sum(total for _, total in PARTS.values())
    score("ucum", total - len(failed), total)
    assert failed == []
