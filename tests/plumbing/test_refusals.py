"""Each refusal of access is one line that names nobody; a flood of them does not fill the disk."""

import json
from typing import Any

import pytest
import structlog

from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused, NotFound, NotSignedIn
from yba.plumbing import logs, refusals
from yba.plumbing.refusals import RefusalLog

DOCTOR = Actor("019f-doctor", "Bác sĩ Nguyễn Văn Thử", client_id="app-1")


@pytest.fixture(autouse=True)
def as_a_node_logs():
    logs.configure("json")
    yield
    structlog.reset_defaults()


def a_request(client: str = "192.0.2.7", method: str = "GET") -> dict[str, Any]:
    scope: dict[str, Any] = {"client": (client, 1), "method": method}
    refusals.begin(scope)
    return scope


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_says_what_and_to_which_account_and_names_nobody(capsys: pytest.CaptureFixture[str]):
    scope = a_request(method="PUT")
    refusals.remember_actor(DOCTOR)
    refusals.remember(AccessRefused())

    RefusalLog(b"secret").note(scope, status=403, route="fhir:Patient/{}", now=0.0)

    (line,) = lines(capsys)
    caller = line.pop("caller")
    line.pop("timestamp")
    assert line == {
        "event": "access.refused", "level": "warning", "status": 403, "reason": "access-refused",
        "route": "fhir:Patient/{}", "method": "PUT", "account": "019f-doctor",
        "program": "app-1", "left_out": 0, "request_id": None,
    }  # fmt: skip
    assert "192.0.2.7" not in caller


def test_networks_are_told_apart_by_who_holds_the_secret_alone(capsys: pytest.CaptureFixture[str]):
    for secret, client in ((b"a", "192.0.2.7"), (b"a", "192.0.2.8"), (b"b", "192.0.2.7")):
        RefusalLog(secret).note(a_request(client), status=401, route="x", now=0.0)

    assert len({line["caller"] for line in lines(capsys)}) == 3


def test_only_refused_access_is_written(capsys: pytest.CaptureFixture[str]):
    log = RefusalLog(b"secret")
    for status in (200, 303, 400, 404, 409, 422, 500):
        log.note(a_request(), status=status, route="x", now=0.0)
    scope = a_request()
    refusals.remember(NotFound())
    log.note(scope, status=404, route="x", now=0.0)

    assert lines(capsys) == []


def test_what_leads_to_signing_in_is_written_though_the_answer_leads_on(
    capsys: pytest.CaptureFixture[str],
):
    scope = a_request()
    refusals.remember(NotSignedIn())

    RefusalLog(b"secret").note(scope, status=303, route="x", now=0.0)

    assert lines(capsys)[0]["reason"] == "not-signed-in"


def test_a_method_that_somebody_made_up_is_not_written(capsys: pytest.CaptureFixture[str]):
    RefusalLog(b"s").note(a_request(method="NGUYEN"), status=403, route="x", now=0.0)

    assert lines(capsys)[0]["method"] == "other"


def test_a_flood_of_one_caller_is_counted_and_leaves_room_for_others(
    capsys: pytest.CaptureFixture[str],
):
    log = RefusalLog(b"secret")
    for _ in range(1000):
        log.note(a_request(), status=429, route="x", now=0.0)
    log.note(a_request("198.51.100.1"), status=401, route="y", now=0.0)

    written = lines(capsys)
    assert len(written) == refusals.OF_ONE_CALLER.burst + 1
    assert written[-1]["left_out"] == 1000 - refusals.OF_ONE_CALLER.burst


def test_a_flood_from_everywhere_is_bounded_for_all(capsys: pytest.CaptureFixture[str]):
    log = RefusalLog(b"secret")
    for second in range(20):
        for number in range(200):
            log.note(a_request(f"10.0.{second}.{number}"), status=401, route="x", now=second)

    most = refusals.OF_ALL.burst + 20 * refusals.OF_ALL.per_second
    assert refusals.OF_ALL.burst <= len(lines(capsys)) <= most
