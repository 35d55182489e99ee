"""What is shipped is listed, nothing of it is GPL, and what is known against it is told."""

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools import supply_chain  # noqa: E402

_PIN = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return supply_chain.bill()


def test_every_pinned_package_and_browser_file_is_on_the_bill(bill: dict[str, Any]):
    listed = {(one["name"].lower(), one["version"]) for one in bill["components"]}
    pinned = set(_PIN.findall(supply_chain.LOCKED.read_text()))
    assets = json.loads(supply_chain.ASSETS.read_text())["packages"]

    assert pinned <= listed
    assert {("htmx.org", assets["node_modules/htmx.org"]["version"])} <= listed


def test_the_bill_has_neither_a_moment_nor_a_place_it_was_fetched_from(bill: dict[str, Any]):
    assert "timestamp" not in bill["metadata"]
    assert "serialNumber" not in bill
    assert "files.pythonhosted" not in json.dumps(bill["components"])


def test_nothing_that_is_shipped_is_under_the_gpl_or_agpl(bill: dict[str, Any]):
    licences = {
        one["name"]: one["licenses"][0]["license"]["name"]
        for one in bill["components"]
        if one.get("licenses")
    }
    copyleft = re.compile(
        r"(?<!L)(?<!Lesser )\bA?GPL|Affero|(?<!Lesser )General Public", re.IGNORECASE
    )

    assert len(licences) > 60
    assert {name: text for name, text in licences.items() if copyleft.search(text)} == {}


def test_a_finding_is_told_and_an_unanswered_question_is_no_clean_bill():
    answer = {"dependencies": [
        {"name": "good", "version": "1", "vulns": []},
        {"name": "bad", "version": "2", "vulns": [{"id": "CVE-0", "fix_versions": ["3"]}]},
        {"name": "silent", "skip_reason": "not found"},
    ]}  # fmt: skip

    found, unasked = supply_chain.python_findings(json.dumps(answer))

    assert [(one.package, one.name, one.mended_in) for one in found] == [("bad", "CVE-0", "3")]
    assert unasked == ["silent"]
    assert supply_chain.browser_findings("") == ([], ["browser assets"])


def test_an_acceptance_ends_on_its_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "accepted.json"
    file.write_text(json.dumps([{"id": "CVE-0", "why": "not reachable", "until": "2026-12-31"}]))
    monkeypatch.setattr(supply_chain, "ACCEPTED", file)

    assert supply_chain.accepted(datetime(2026, 12, 1, tzinfo=UTC)) == {"CVE-0": "not reachable"}
    assert supply_chain.accepted(datetime(2027, 1, 1, tzinfo=UTC)) == {}
