"""A program of somebody else (npm `fhirclient`, in a real browser) is let in, and put out again.

SMART App Launch 2.2: standalone by a citizen, and from the chart by a doctor.
"""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.builders.node import Node
from tests.conformance_report import ROOT
from tests.journeys.conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LIBRARY = ROOT / "var/cache/clients/node_modules/fhirclient/build/fhir-client.js"
PAGES = Path(__file__).parent / "program"
Keep = Callable[[Page, str], None]


class _Handler(http.server.SimpleHTTPRequestHandler):
    """The program's two pages and its library."""

    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0].rpartition("/")[2]
        return str(LIBRARY if name == "fhir-client.js" else PAGES / name)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def program(hospital: Node) -> Generator[str]:
    """Yield the address of a program that is registered with the hospital."""
    if not LIBRARY.is_file():
        pytest.skip("fhirclient is not in var/cache/clients (run: python tools/fetch_clients.py)")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    subprocess.run(
        [sys.executable, "-m", "yba.app.cli", "clients", "add", "Sổ huyết áp", "--client-id", "journey",
         "--redirect", f"{address}/index.html", "--launch", f"{address}/launch.html", "--scope",
         "launch launch/patient openid fhirUser patient/*.rs offline_access"],
        env=hospital.environment(), check=True, capture_output=True,
    )  # fmt: skip
    yield address
    server.shutdown()
    server.server_close()


def _told(page: Page) -> dict[str, Any]:
    page.wait_for_url("**/index.html*")
    told = page.locator("#told")
    expect(told).not_to_be_empty()
    text = told.inner_text()
    assert text.startswith("{"), text
    return json.loads(text)


def test_a_citizen_lets_a_program_in_and_puts_it_out(
    hospital: Node, program: str, person: Person, keep: Keep
):
    page = person("nguoidan", phone=True)
    page.goto(f"{program}/launch.html?iss={hospital.base}/fhir")
    expect(page.locator("#allow")).to_be_visible()
    expect(page.locator("#consent")).to_contain_text("toàn bộ hồ sơ sức khỏe")
    keep(page, "programs-consent-phone")
    page.click("#allow")
    told = _told(page)
    assert told["patient"] == told["given"]
    assert told["user"].endswith(f"Patient/{told['patient']}")
    assert told["beyond"] == "403"
    assert told["refresh"] is True

    page.goto(f"{hospital.base}/programs")
    expect(page.locator("main")).to_contain_text("Sổ huyết áp")
    keep(page, "programs-own-phone")
    page.click("#end-journey")
    expect(page.locator("main")).not_to_contain_text("Sổ huyết áp")
    page.goto(f"{program}/index.html")
    page.wait_for_function("document.getElementById('told').textContent.includes('failed')")


def test_a_person_says_no(hospital: Node, program: str, person: Person):
    page = person("nguoidan")
    page.goto(f"{program}/launch.html?iss={hospital.base}/fhir")
    page.click("#deny")
    page.wait_for_url("**/index.html*")
    expect(page.locator("#told")).to_contain_text("failed")


def test_a_doctor_opens_a_program_from_the_chart(
    hospital: Node, program: str, person: Person, keep: Keep
):
    page = person("bacsi")
    page.goto(f"{hospital.base}/chart")
    page.locator("#queue a[href*='/chart/visits/']").first.click()
    page.click("#open-program")
    keep(page, "programs-choices")
    encounter = page.url.rpartition("/")[2]
    page.click("#open-journey")
    expect(page.locator("#allow")).to_be_visible()
    expect(page.locator("#consent-patient")).to_be_visible()
    keep(page, "programs-consent")
    page.click("#allow")
    told = _told(page)
    assert told["encounter"] == encounter
    assert told["patient"] == told["given"]
    assert "Practitioner/" in told["user"]
    assert told["beyond"] == "403"
