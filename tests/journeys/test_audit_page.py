"""A citizen checks her proof file in a browser without any network."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Browser, Page, expect
from tests.foundation.audit.conftest import copy_of, dropped, log_in, named, template

from yba.foundation.audit import checkpage, log_store, notes, proving, witnessing
from yba.foundation.audit.notes import COSIGNATURE_V1, SignerKey
from yba.plumbing.database import Database

__all__ = ["template"]
WITNESS = SignerKey("w.example", COSIGNATURE_V1, Ed25519PrivateKey.from_private_bytes(b"w" * 32))
ENTRIES = 12


@dataclass
class Kept:
    """What she has at home: the page as a file, and her proof file."""

    page: Path
    proof: dict[str, Any]


async def _made(server: str, template: str, folder: Path) -> Kept:
    name = await copy_of(server, template)
    database = Database(named(server, name), connections=2)
    log = await log_in(database, folder)
    for _ in range(ENTRIES):
        await log.record("an", *[f"other-{number}" for number in range(50)])
        await log.round()
    async with database.transaction() as tx:
        note = await proving.newest_checkpoint(tx)
        text = notes.read_note(note).text
        size = notes.read_checkpoint(text).size
        line = WITNESS.line_for(text.encode(), seconds=1_789_448_400)
        await witnessing.add_witness(tx, key=WITNESS.verifier, url="http://w.x", at=log.at)
        await tx.execute(log_store.PUT_COSIGNATURE, size, str(WITNESS.verifier), line)
    async with database.reading() as tx:
        proof = await proving.proof_of_patient(tx, patient_id="an")
    page = folder / "check.html"
    keys = {"keys": [str(log.signer.verifier)], "witnesses": [str(WITNESS.verifier)]}
    page.write_text(checkpage.kept(**keys), encoding="utf-8")
    await database.close()
    await dropped(server, name)
    return Kept(page, proof)


@pytest.fixture(scope="module")
def kept(server: str, template: str) -> Kept:
    """Return what she downloaded, made before any browser runs."""
    folder = Path(tempfile.mkdtemp(prefix="yba-kept-"))
    return asyncio.run(_made(server, template, folder))


Check = Callable[..., Page]


@pytest.fixture
def check(kept: Kept, browser: Browser, tmp_path: Path) -> Generator[Check]:
    """Return how she opens the page from her disk and gives it a file."""
    context = browser.new_context(offline=True, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")

    def give(content: str | bytes, *, mode: str = "") -> Page:
        page = context.new_page()
        page.on("pageerror", lambda problem: pytest.fail(f"script error: {problem}"))
        page.goto(kept.page.as_uri() + mode)
        file = tmp_path / "proof.json"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        page.set_input_files("#file", str(file))
        page.wait_for_selector("#verdict[data-done]")
        return page

    yield give
    context.close()


def test_the_page_is_small_and_whole():
    page = checkpage.kept(keys=[], witnesses=[])

    assert len(page.encode()) <= 30_000
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("mode", ["", "#plain"])
def test_her_entries_stand_in_the_log(kept: Kept, check: Check, mode: str):
    page = check(json.dumps(kept.proof), mode=mode)

    expect(page.locator("#verdict")).to_contain_text(f"Cả {ENTRIES} lượt truy cập đều có")
    expect(page.locator("#facts")).to_contain_text("w.example")
    expect(page.locator("#rows tr")).to_have_count(ENTRIES)
    page.click("#language")
    expect(page.locator("#verdict")).to_contain_text(f"All {ENTRIES} accesses stand")


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "who": lambda e: e["fields"]["who"]["value"].__setitem__(1, "Bs. Khác"),
    "act": lambda e: e["fields"]["act"]["value"].__setitem__(3, "record.save"),
    "time": lambda e: e.__setitem__("seconds", e["seconds"] + 1),
    "action": lambda e: e.__setitem__("action", "C"),
    "purpose": lambda e: e["fields"]["purpose"].__setitem__("value", "ETREAT"),
    "patient": lambda e: e["fields"]["patient"].__setitem__("value", None),
    "resources": lambda e: e["fields"]["resources"].__setitem__("value", []),
    "salt": lambda e: e["fields"]["who"].__setitem__("salt", "0" * 64),
    "index": lambda e: e.__setitem__("index", e["index"] + 1),
    "proof": lambda e: e["proof"].reverse(),
    "short proof": lambda e: e["proof"].pop(),
}


@pytest.mark.parametrize("mode", ["", "#plain"])
def test_every_changed_entry_is_named(kept: Kept, check: Check, mode: str):
    proof = json.loads(json.dumps(kept.proof))
    for entry, change in zip(proof["entries"], CHANGES.values(), strict=False):
        change(entry)
    page = check(json.dumps(proof), mode=mode)

    wrong = page.locator("#rows td.bad")
    expect(page.locator("#verdict .bad")).to_contain_text(f"{len(CHANGES)} trong {ENTRIES}")
    expect(wrong).to_have_count(len(CHANGES))
    expect(page.locator("#rows td.good")).to_have_count(ENTRIES - len(CHANGES))


def _flipped(kept: Kept, count: int) -> Generator[bytes]:
    """Yield the file with one bit changed, at places spread over what is proven."""
    content = json.dumps(kept.proof).encode()
    low = content.index(b'"checkpoint"')
    high = content.rindex(b'"proof"') + 40
    for number in range(count):
        place = low + (high - low) * number // count
        changed = bytearray(content)
        changed[place] ^= 1
        if json.dumps(kept.proof) != _normal(bytes(changed)):
            yield bytes(changed)


def _normal(content: bytes) -> str:
    try:
        return json.dumps(json.loads(content))
    except ValueError:
        return ""


def test_a_flipped_bit_anywhere_is_found(kept: Kept, check: Check):
    page = check(json.dumps(kept.proof))
    for content in _flipped(kept, 25):
        page.evaluate("document.getElementById('verdict').removeAttribute('data-done')")
        given = {"name": "proof.json", "mimeType": "application/json", "buffer": content}
        page.set_input_files("#file", given)  # type: ignore[arg-type]
        page.wait_for_selector("#verdict[data-done] .bad", timeout=5_000)


@pytest.mark.parametrize("mode", ["", "#plain"])
def test_another_signer_is_not_believed(kept: Kept, check: Check, mode: str):
    forged = SignerKey(kept.proof["origin"], 1, Ed25519PrivateKey.from_private_bytes(b"f" * 32))
    text = notes.read_note(kept.proof["checkpoint"]).text
    note = f"{text}\n{forged.line_for(text.encode())}"
    page = check(
        json.dumps(kept.proof | {"checkpoint": note, "keys": [str(forged.verifier)]}), mode=mode
    )

    expect(page.locator("#verdict .bad")).to_contain_text("Không có khoá nào")


def test_a_narrow_dark_screen_shows_everything(kept: Kept, browser: Browser, tmp_path: Path):
    context = browser.new_context(
        viewport={"width": 360, "height": 780}, color_scheme="dark", offline=True
    )
    page = context.new_page()
    page.goto(kept.page.as_uri())
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(kept.proof))
    page.set_input_files("#file", str(file))
    page.wait_for_selector("#rows tr")

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()
