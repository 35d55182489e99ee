"""J3, a day of signatures: a token at the PC, pulled out and put back, and proofs that last.

The hospital really runs; the doctor's token is SoftHSM2 behind the real
signing program, the trust services are a process of their own. At the end
everything is switched off and a file is checked as if years had passed, and
PIN, password and private key are looked for in the database, in the logs, in
the files and in the memory of the node.

The basket holds eight papers; YBA_TEST_BASKET=50 fills it as a full day does.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import Browser, Locator, Page, expect
from tests.authority import TestAuthority, running_authority
from tests.builders.node import Node
from tests.fakes.token import MODULE, SoftToken, make_token

from yba.app.demo_people import PASSWORD
from yba.kernel.clock import utc_now

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PIN = "48291357"
MISTYPED = "mat-khau-go-nham-7391"
# As tests/journeys/fill_basket.py names them.
PATIENTS = "Người Bệnh Số"
ROOT = Path(__file__).parents[2]
NUMBER = int(os.environ.get("YBA_TEST_BASKET", "8"))


class SigningNode(Node):
    """The demo hospital with a time-stamp authority and licensed roots."""

    authority: TestAuthority

    def environment(self) -> dict[str, str]:
        """Return the node's settings."""
        return super().environment() | {"YBA_TIMESTAMP_URL": self.authority.tsa_url}

    @property
    def dsn(self) -> str:
        """Return the address of its database."""
        return f"postgresql://yba@/yba?host={(self.folder / 'postgres.socket').read_text()}"


@pytest.fixture(scope="module")
def folder() -> Generator[Path]:
    path = Path(tempfile.mkdtemp(prefix="yba-signing-day-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def authority() -> Generator[TestAuthority]:
    with running_authority(utc_now(), clock="runs", doctor="Nguyễn Văn Khám") as running:
        yield running


@pytest.fixture(scope="module")
def clinic(folder: Path, authority: TestAuthority) -> Generator[SigningNode]:
    node = SigningNode(folder, command="demo")
    node.authority = authority
    trusted = folder / "pki" / "trusted"
    trusted.mkdir(parents=True)
    for label in ("root", "issuing", "tsa-root"):
        (trusted / f"{label}.crt").write_bytes(authority.certificate(label))
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="module")
def token(folder: Path, authority: TestAuthority) -> SoftToken:
    return make_token(folder / "token", authority, ["doctor"], name="THE-BAC-SI", pin=PIN)


@pytest.fixture
def sit_down(clinic: SigningNode, browser: Browser) -> Iterator[Callable[[str], Page]]:
    contexts = []

    def open_browser(login: str) -> Page:
        context = browser.new_context(
            base_url=clinic.base, viewport={"width": 1280, "height": 900}, locale="vi-VN"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto("/sign-in")
        page.fill("#login", login)
        page.fill("#password", MISTYPED)
        page.click("#sign-in-button")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        page.click("#sign-in-button")
        page.wait_for_url(lambda address: "/sign-in" not in address)
        return page

    yield open_browser
    for context in contexts:
        context.close()


@pytest.fixture
def pinentry(folder: Path, token: SoftToken) -> Path:
    """Return a window that gives the PIN, after pulling the token out if it is told to."""
    program = folder / "pinentry"
    program.write_text(
        f"""#!{sys.executable}
import os, shutil, sys
place = {str(token.folder)!r}
sys.stdin.read()
if os.path.exists(place + "/pull"):
    os.remove(place + "/pull")
    shutil.move(place + "/tokens", place + "/pulled")
    os.mkdir(place + "/tokens")
print("OK Pleased to meet you")
print("D {PIN}")
print("OK")
"""
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def agent(folder: Path, token: SoftToken) -> Iterator[Callable[..., object]]:
    """Return how the doctor uses the signing program at her PC."""
    running: list[subprocess.Popen[bytes]] = []
    config = folder / "agent.json"

    def use(verb: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "yba.app.cli", "agent", verb, *arguments]
        command += ["--config", str(config)]
        if verb == "pair":
            subprocess.run(command, check=True, env=token.environment, capture_output=True)
            return
        log = (folder / "agent.log").open("ab")
        running.append(subprocess.Popen(command, env=token.environment, stdout=log, stderr=log))
        log.close()

    yield use
    for process in running:
        process.terminate()
        process.wait(10)


def _fill(clinic: SigningNode, first: int, number: int) -> None:
    subprocess.run(
        [sys.executable, "-m", "tests.journeys.fill_basket", "bacsi", str(first), str(number)],
        check=True,
        cwd=ROOT,
        env={**clinic.environment(), "YBA_DATABASE_URL": clinic.dsn, "PYTHONPATH": str(ROOT)},
    )


def _ours(page: Page) -> Locator:
    """Return the boxes of the papers that this day brought; the demo has some of its own."""
    return page.locator("#basket li").filter(has_text=PATIENTS).locator('input[name="paper"]')


def _choose_ours(page: Page) -> None:
    others = page.locator("#basket li").filter(has_not_text=PATIENTS)
    for box in others.locator('input[name="paper"]').all():
        box.uncheck()


def _wait_for_papers(page: Page, number: int) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        page.goto("/inbox")
        if _ours(page).count() == number:
            _choose_ours(page)
            return
        page.wait_for_timeout(500)
    raise AssertionError("the papers did not come")


def test_a_day_of_signatures(
    clinic: SigningNode,
    authority: TestAuthority,
    token: SoftToken,
    agent: Callable[..., object],
    pinentry: Path,
    sit_down: Callable[[str], Page],
    folder: Path,
    keep: Callable[[Page, str], None],
) -> None:
    doctor = sit_down("bacsi")
    _pair_and_link(doctor, clinic, agent, pinentry, keep)
    _fill(clinic, 0, NUMBER)
    _wait_for_papers(doctor, NUMBER)
    keep(doctor, "3-basket")

    _the_token_is_pulled_out(doctor, token)
    authority.set(tsa="down")
    address = _everything_is_signed_once(doctor, keep)
    authority.mend()
    _a_colleague_signs_under_a_delegation(doctor, sit_down("bacsi2"), clinic)

    signed = _last_for_long(doctor, address, folder)
    _nothing_secret_is_kept(clinic, authority, folder)
    authority.set(tsa="down", ocsp="down", crl="down")
    clinic.kill_server()
    _still_valid_years_later(signed, clinic)
    clinic.start()


def _pair_and_link(
    page: Page,
    clinic: SigningNode,
    agent: Callable[..., object],
    pinentry: Path,
    keep: Callable[[Page, str], None],
) -> None:
    page.goto("/inbox/keys")
    page.fill("#name", "Máy phòng khám 1")
    page.click("#pair")
    code = page.locator("#pairing-code").inner_text()
    agent("pair", clinic.base, "--module", MODULE, "--code", code)
    agent("run", "--pinentry", str(pinentry))
    page.goto("/inbox/keys")
    keep(page, "3-keys")
    page.locator("button.link-key").first.click()
    expect(page.locator("#key-place")).to_contain_text("máy của bạn")


def _the_token_is_pulled_out(page: Page, token: SoftToken) -> None:
    (token.folder / "pull").touch()
    page.click("#sign")
    expect(page.locator("#refusal")).to_contain_text("rút ra")
    assert _ours(page).count() == NUMBER, "nothing was half signed"
    assert page.locator('input[name="paper"]:checked').count() == NUMBER, "the choice is kept"
    token.plug_in()


def _everything_is_signed_once(page: Page, keep: Callable[[Page, str], None]) -> str:
    page.click("#sign")
    expect(page.locator("#signed-count")).to_have_text(f"{NUMBER} / {NUMBER}", timeout=120_000)
    expect(page.locator("#outcomes")).to_contain_text("dấu thời gian sẽ bổ sung sau")
    keep(page, "3-signed")
    address = page.locator("#outcomes a").first.get_attribute("href")
    assert address is not None
    return address


def _a_colleague_signs_under_a_delegation(
    doctor: Page, colleague: Page, clinic: SigningNode
) -> None:
    doctor.goto("/inbox/keys")
    doctor.select_option("#to_whom", label="BS. Phạm Thị Nhi")
    doctor.fill("#to", (utc_now() + timedelta(days=2)).date().isoformat())
    doctor.fill("#reason", "Nghỉ phép hai ngày")
    doctor.click("#delegate")
    expect(doctor.locator("body")).to_contain_text("Nghỉ phép hai ngày")
    _fill(clinic, 500, 1)
    _wait_for_papers(colleague, 1)
    expect(colleague.locator("#basket")).to_contain_text("thay BS. Nguyễn Văn Khám")
    colleague.click("#sign")
    expect(colleague.locator("#signed-count")).to_have_text("1 / 1")


def _last_for_long(page: Page, address: str, folder: Path) -> Path:
    """Wait until the worker has sealed the paper and made its proof last."""
    path = folder / "signed.pdf"
    until = time.monotonic() + 150
    while time.monotonic() < until:
        content = page.request.get(address).body()
        if content.count(b"/DocTimeStamp") and content.count(b"/ETSI.CAdES.detached") >= 2:
            path.write_bytes(content)
            return path
        page.wait_for_timeout(1000)
    raise AssertionError("no archive time stamp came")


def _still_valid_years_later(signed: Path, clinic: SigningNode) -> None:
    later = (utc_now() + timedelta(days=4 * 365)).isoformat()
    told = subprocess.run(
        [sys.executable, "-m", "yba.app.cli", "verify", str(signed), "--at", later],
        env=clinic.environment(),
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout.decode() + told.stderr.decode()
    assert "Nguyễn Văn Khám" in told.stdout.decode()


def _nothing_secret_is_kept(clinic: SigningNode, authority: TestAuthority, folder: Path) -> None:
    """Look for PIN, password and private key wherever a node could keep them.

    That is every table, every log, every file it stores, and the memory of all its processes,
    the database's among them. The demo tells its password itself, on its screen and in its source.
    """
    secrets = {"PIN": PIN.encode(), **_private(authority)}
    kept = {"database": asyncio_free(_dump, clinic.dsn)}
    stored = [*folder.glob("*.log"), *(one for one in (folder / "blobs").rglob("*"))]
    kept |= {one.name: one.read_bytes() for one in stored if one.is_file()}
    for place, content in kept.items():
        for name, secret in {**secrets, "mistyped password": MISTYPED.encode()}.items():
            # Columns of bytes come out in hexadecimal.
            assert secret not in content, f"{name} in {place}"
            assert secret.hex().encode() not in content, f"{name} in {place}"
    assert PASSWORD.encode() not in kept["database"]
    assert clinic.process is not None
    family = _family(clinic.process.pid)
    assert len(family) > 1, "the server and the database at least"
    shared: set[str] = set()
    for process in family:
        content = _memory(process, shared)
        for name, secret in secrets.items():
            assert secret not in content, f"{name} in the memory of process {process}"


def _private(authority: TestAuthority) -> dict[str, bytes]:
    """Return the parts of the doctor's private key, as programs keep them."""
    key = authority.key("doctor")
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    parts = {"prime p": numbers.p, "prime q": numbers.q, "exponent d": numbers.d}
    orders: tuple[Literal["big", "little"], ...] = ("big", "little")
    return {
        f"{name} ({order})": value.to_bytes((value.bit_length() + 7) // 8, order)
        for name, value in parts.items()
        for order in orders
    }


def asyncio_free(verb: Callable[[str], object], dsn: str) -> bytes:
    """Run a coroutine in a thread of its own: Playwright keeps a loop in this one."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(verb(dsn))).result()  # type: ignore[arg-type]


async def _dump(dsn: str) -> bytes:
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        parts: list[bytes] = []
        for table in tables:
            rows = await connection.fetch(f"SELECT t::text FROM {table['name']} t LIMIT 20000")
            parts += [str(row[0]).encode() for row in rows]
        return b"\n".join(parts)
    finally:
        await connection.close()


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in one.read_text().split():
            found += _family(int(child))
    return found


def _memory(pid: int, shared: set[str]) -> bytes:
    """Return what a process has in memory that it may write to.

    What processes share, as those of the database do with its half gigabyte of pages, is returned
    for the first of them and its name (device and inode) kept in `shared`.
    """
    parts: list[bytes] = []
    try:
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw.(.) (\S+ \S+ \d+)", line)
                if found is None:
                    continue
                start, end = (int(one, 16) for one in found.groups()[:2])
                name = f"{found[4]} {end - start}"
                if found[3] == "s" and name in shared:
                    continue
                try:
                    memory.seek(start)
                    parts.append(memory.read(end - start))
                    if found[3] == "s":
                        shared.add(name)
                except (OSError, ValueError, OverflowError):
                    continue
    except PermissionError:
        pytest.skip("the memory of another process may not be read here (ptrace)")
    except FileNotFoundError:
        return b""
    return b"".join(parts)
