"""The JavaScript client `fhir-kit-client` does everything it offers with a node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.clients.conftest import Place
from tests.conformance_report import ROOT, Score

pytestmark = [pytest.mark.conformance, pytest.mark.slow]
FOLDER = ROOT / "var" / "cache" / "clients"
DRIVE = Path(__file__).parent / "npm" / "drive.mjs"


def _node() -> str:
    """Return Node 20 or newer, or skip."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not on this machine")
    version = subprocess.run(
        [found, "--version"], capture_output=True, text=True, check=True
    ).stdout
    if int(version.lstrip("v").split(".")[0]) < 20:
        pytest.skip("fhir-kit-client needs Node 20 or newer")
    return found


def test_fhir_kit_client_can_do_all_it_offers(place: Place, score: Score):
    if not (FOLDER / "node_modules" / "fhir-kit-client").is_dir():
        pytest.skip(
            "fhir-kit-client is not in var/cache/clients (run: python tools/fetch_clients.py)"
        )
    done = subprocess.run(
        [_node(), str(DRIVE), str(FOLDER), place.url, place.token],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])

    assert answer["failed"] == {}
    score("client-fhir-kit", answer["total"], answer["total"])
