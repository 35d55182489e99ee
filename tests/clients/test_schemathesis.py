"""schemathesis asks a real node what its OpenAPI document allows, and worse, and finds nothing to complain of.

A bounded, repeatable sample; YBA_SCHEMATHESIS=all takes every type and more examples.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from tests.clients.conftest import Checks, Place
from tests.conformance_report import Score

pytestmark = [pytest.mark.conformance, pytest.mark.slow]
TYPES = ("Patient", "metadata")
EVERYTHING = os.environ.get("YBA_SCHEMATHESIS") == "all"
EXAMPLES = 40 if EVERYTHING else 2


def _calls(schema: Any) -> dict[str, list[Any]]:
    """Return the calls of the document by the first part of their address."""
    found: dict[str, list[Any]] = {}
    for result in schema.get_all_operations():
        call = result.ok()
        kind = call.path.strip("/").partition("/")[0] or "$system"
        if EVERYTHING or kind in TYPES or kind[:1] in ("$", "_"):
            found.setdefault("$system" if kind[:1] in ("$", "_") else kind, []).append(call)
    return found


def _try(call: Any, mode: Any, checks: list[Any], place: Place) -> None:
    @given(case=call.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Any) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {place.token}"})
        case.validate_response(answer, checks=checks)

    # A call that takes any text has nothing that breaks its description.
    with suppress(Unsatisfiable):
        ask()


def test_node_keeps_to_its_own_document(place: Place, can: Checks, score: Score):
    schemathesis = pytest.importorskip("schemathesis")
    known = pytest.importorskip("schemathesis.checks")
    checks_of = pytest.importorskip("schemathesis.specs.openapi.checks")
    modes = schemathesis.GenerationMode
    schema = schemathesis.openapi.from_url(f"{place.url}/openapi.json")
    checks = [
        known.not_a_server_error,
        checks_of.status_code_conformance,
        checks_of.content_type_conformance,
        checks_of.response_headers_conformance,
        checks_of.response_schema_conformance,
    ]
    for calls in _calls(schema).values():
        for call in calls:
            can(call.label, lambda call=call: _try(call, modes.POSITIVE, checks, place))
            # Bodies that break a schema of this size take minutes to find.
            if EVERYTHING or call.method == "get":
                can(
                    f"not {call.label}", lambda call=call: _try(call, modes.NEGATIVE, checks, place)
                )

    assert not can.failed, can.report()
    if not EVERYTHING:
        score("schemathesis", can.passed, can.total)
