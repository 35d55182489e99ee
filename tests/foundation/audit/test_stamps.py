"""A checkpoint stamped by a real authority is believed by us and by OpenSSL, and no other is."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.authority import TestAuthority, running_authority
from tests.foundation.audit.conftest import NOON, Log

from yba.app.auditing import stamper_of
from yba.foundation.audit import jobs
from yba.foundation.audit.checking import Outside
from yba.plumbing.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def authority() -> Generator[TestAuthority]:
    with running_authority(at=NOON) as running:
        yield running


def openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["openssl", "ts", "-verify", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


async def test_a_stamp_of_the_day_is_believed_by_us_and_by_openssl(
    log: Log, authority: TestAuthority, tmp_path: Path
):
    root = x509.load_der_x509_certificate(authority.certificate("tsa-root"))
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    await log.record("p1", "p2")
    await log.round()
    stamper = stamper_of(replace(Settings(), timestamp_url=authority.tsa_url))
    assert stamper is not None

    assert await jobs.stamp_today(log.database, stamper, at=NOON + timedelta(seconds=5))
    assert not await jobs.stamp_today(log.database, stamper, at=NOON + timedelta(seconds=9))

    async with log.database.borrow() as connection:
        note, token = (
            await connection.fetch(
                "SELECT note, token FROM audit.stamp JOIN audit.checkpoint USING (size)"
            )
        )[0]
    (tmp_path / "stamp.der").write_bytes(token)
    digest = hashlib.sha256(note.encode()).hexdigest()
    given = ("-in", "stamp.der", "-token_in", "-CAfile", "root.pem")
    when = ("-attime", str(int(NOON.timestamp())))
    believed = openssl(tmp_path, "-digest", digest, *given, *when)
    assert believed.returncode == 0, believed.stderr
    assert openssl(tmp_path, "-digest", "00" * 32, *given, *when).returncode != 0

    await log.round()
    report = await log.check(Outside(roots=(root,)))
    assert (report.findings, report.stamps) == ([], 1)
    stranger = x509.load_der_x509_certificate(authority.certificate("root"))
    (found,) = (await log.check(Outside(roots=(stranger,)))).findings
    assert found.kind == "stamp"


async def test_an_authority_that_is_away_costs_only_the_wait(
    log: Log, authority: TestAuthority, unused_tcp_port: int
):
    await log.record("p1")
    size = await log.round()
    away = stamper_of(replace(Settings(), timestamp_url=f"http://127.0.0.1:{unused_tcp_port}/"))
    back = stamper_of(replace(Settings(), timestamp_url=authority.tsa_url))
    assert away is not None
    assert back is not None

    with pytest.raises(Exception, match=r"(?i)connect|time"):
        await jobs.stamp_today(log.database, away, at=NOON)
    assert (await log.check()).stamps == 0
    assert await log.round() == size  # nothing was written of the attempt
    assert await jobs.stamp_today(log.database, back, at=NOON + timedelta(minutes=10))

    await log.round()
    report = await log.check()
    assert (report.findings, report.stamps) == ([], 1)
