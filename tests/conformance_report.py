"""The public page of conformance, kept true by the tests that it names.

Each suite's own test says `score("key", passed, total)`; that fails unless the row of docs/standards/conformance.md
says the same. YBA_WRITE_CONFORMANCE=1 writes the row instead. A suite that is skipped leaves its row alone.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "standards" / "conformance.md"
Score = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Suite:
    """One row of the page."""

    key: str
    title: str
    origin: str
    test: str
    """The file whose test says the score."""


_FHIR, _API = "tests/fhir/", "tests/surfaces/fhir_api/"
_TREE = "tests/foundation/audit/test_tree_suite.py"
SUITES = (
    Suite("fhirpath", "FHIRPath for R4", "FHIR test cases", _FHIR + "test_fhirpath_suite.py"),
    Suite("fhirpath-engines", "FHIRPath: answers as an independent engine's, where it has any", "`fhirpathpy` on the expressions and examples of R4", _FHIR + "test_fhirpath_differential.py"),
    Suite("ucum", "UCUM functional tests (two more are comments in their file)", "UCUM", _FHIR + "test_ucum_suite.py"),
    Suite("sql-on-fhir", "SQL on FHIR 2", "SQL on FHIR", _FHIR + "test_views_suite.py"),
    Suite("fhirpath-patch", "FHIRPath Patch", "FHIR test cases", _FHIR + "test_patch_suite.py"),
    Suite("json-patch", "JSON Patch", "FHIR test cases", _FHIR + "test_patch_suite.py"),
    Suite("round-trip", "R4 examples written as they were read", "R4 package", _FHIR + "test_examples.py"),
    Suite("validation", "R4 examples judged as they are (3 are incomplete)", "R4 package", _FHIR + "test_examples.py"),
    Suite("validate", "R4 package judged as it is by $validate: invariants, bindings, profiles (a sample; all 5,306 on demand)", "R4 package", _FHIR + "test_validate_examples.py"),
    Suite("extraction", "R4 examples extracted for search", "R4 package", _FHIR + "test_examples.py"),
    Suite("search-counts", "Published totals of searches on 92,114 Synthea resources", "Blaze", _API + "test_synthea.py"),
    Suite("client-fhirpy", "Client `fhirpy`: things it can do", "PyPI", "tests/clients/test_fhirpy.py"),
    Suite("client-fhirclient", "Client `fhirclient` (SMART): things it can do", "PyPI", "tests/clients/test_fhirclient.py"),
    Suite("schemathesis", "Calls in the OpenAPI document that the server keeps to (a sample)", "`schemathesis`, PyPI", "tests/clients/test_schemathesis.py"),
    Suite("client-parser", "Types and answers read by the parser `fhir.resources`", "PyPI", "tests/clients/test_fhir_resources.py"),
    Suite("client-fhir-kit", "Client `fhir-kit-client` (JavaScript): things it can do", "npm", "tests/clients/test_fhir_kit_client.py"),
    Suite("client-openid", "Clients `openid-client` and `oauth4webapi` (JavaScript): ways of being let in", "npm", "tests/clients/test_program_clients.py"),
    Suite("client-bulk", "Bulk-data client of `sekmet-fhir`: exports", "PyPI", "tests/clients/test_bulk_client.py"),
    Suite("merkle-inclusion", "Merkle trees: inclusion proofs, good and bad", "transparency-dev", _TREE),
    Suite("merkle-consistency", "Merkle trees: consistency proofs, good and bad", "transparency-dev", _TREE),
    Suite("merkle-subtreeinclusion", "Merkle trees: inclusion in subtrees, good and bad", "transparency-dev", _TREE),
    Suite("merkle-subtreeconsistency", "Merkle trees: consistency of subtrees, good and bad", "transparency-dev", _TREE),
)  # fmt: skip
_HEAD = """# Conformance

Written by the tests: each row is compared with what its test shows in every run (`tests/conformance_report.py`), so
this page cannot drift. Suites that lie beside the checkout or on a registry are skipped, with the reason, where absent.

| Suite | Who wrote it | Passed | Of | Shown by |
|---|---|---|---|---|
"""
_ROW = re.compile(r"\| (.+) \| (.+) \| ([0-9,]+|–) \| ([0-9,]+|–) \| `(.+)` \|")


def score(key: str, passed: int, total: int) -> None:
    """Say what a suite's test showed. Fails if the page says anything else."""
    suite = next(s for s in SUITES if s.key == key)
    if os.environ.get("YBA_WRITE_CONFORMANCE"):
        _write(suite, passed, total)
    stated = scores_of(PAGE.read_text()).get(suite.title)
    assert stated == (passed, total), (
        f"{PAGE.name} says {stated} of {suite.title}, the test shows {(passed, total)}: "
        "run it with YBA_WRITE_CONFORMANCE=1"
    )


def scores_of(page: str) -> dict[str, tuple[int, int]]:
    """Return (passed, total) by title of every row that has been run."""
    rows = (_ROW.fullmatch(line) for line in page.splitlines())
    return {
        row[1]: (int(row[3].replace(",", "")), int(row[4].replace(",", "")))
        for row in rows
        if row is not None and row[3] != "–"
    }


def page_of(scores: dict[str, tuple[int, int]]) -> str:
    """Return the whole page."""
    rows: list[str] = []
    for suite in SUITES:
        passed, total = (f"{n:,}" for n in scores[suite.title]) if suite.title in scores else "––"
        rows.append(f"| {suite.title} | {suite.origin} | {passed} | {total} | `{suite.test}` |")
    return _HEAD + "\n".join(rows) + "\n"


def _write(suite: Suite, passed: int, total: int) -> None:
    with PAGE.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        scores = scores_of(file.read()) | {suite.title: (passed, total)}
        file.truncate(0)
        file.write(page_of(scores))
