"""All official R4 examples: same JSON out as in, no false issue, search values without failure."""

import json
from pathlib import Path

import pytest
from tests.conformance_report import Score
from tests.fhir.package import examples, package
from tools.fhir_generator.__main__ import generate

from yba.fhir import r4
from yba.fhir.index import extract
from yba.fhir.validation import check, is_sound
from yba.fhir.validation.service import plain_json
from yba.fhir.validation.walker import issues_of

pytestmark = [pytest.mark.slow, pytest.mark.conformance]

# These lack elements that R4 makes mandatory (the first two are one resource).
_INCOMPLETE = {"ImplementationGuide-fhir.json", "ig-r4.json", "Questionnaire-qs1.json"}


def _values(document: bytes) -> object:
    """Return JSON whose numbers are compared by their spelling."""
    return json.loads(
        document, parse_float=lambda text: ("number", text.lower().replace("e+", "e"))
    )


def test_examples_are_written_as_they_were_read(score: Score):
    different = [
        name
        for name, body in examples().items()
        if _values(r4.encode(r4.decode(body))) != _values(body)
    ]

    score("round-trip", len(examples()) - len(different), len(examples()))
    assert len(examples()) >= 729
    assert different == []


def test_examples_have_no_issue_unless_they_are_incomplete(score: Score):
    found = {name: check(body) for name, body in examples().items()}

    wrong = {name: issues for name, issues in found.items() if issues}
    score("validation", len(found) - len(set(wrong) ^ _INCOMPLETE), len(found))
    assert set(wrong) == _INCOMPLETE
    assert {issue.code for issues in wrong.values() for issue in issues} == {"required"}


def test_explaining_check_finds_nothing_where_the_fast_one_finds_nothing():
    sound = [
        body for body in examples().values() if len(body) < 200_000 and is_sound(r4.decode(body))
    ]

    assert [issues for body in sound if (issues := issues_of(plain_json(body)))] == []


def test_search_values_of_examples_are_extracted_without_failure(score: Score):
    with_values = 0
    for body in examples().values():
        index = extract(r4.decode(body))
        with_values += bool(index.tokens or index.references or index.strings or index.uris)

    score("extraction", len(examples()), len(examples()))
    assert with_values > 700


def test_committed_code_is_what_the_generator_writes(tmp_path: Path):
    generate(package(), tmp_path)

    committed = Path(r4.__file__).parent / "generated"
    written = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.py")}
    assert written == {p.relative_to(committed): p.read_bytes() for p in committed.rglob("*.py")}
