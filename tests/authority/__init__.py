"""A whole trust service for tests: see certomancer.yml and serve.py.

    with running_authority(at=NOON) as authority:
        authority.certificate("doctor")      # DER
        authority.key("doctor")              # a private key of `cryptography`
        authority.tsa_url                    # ask for a time stamp here
        authority.set(ocsp="down")           # from now on nobody answers

All dates of the configuration move with `at`: "revoked" was revoked on the
day before it. Labels of certificates are those of certomancer.yml.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
TODAY = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
_SOURCE = Path(__file__).parent / "certomancer.yml"
_ROOT = Path(__file__).parents[2]
_MOMENT = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\+0000"')
_KEY = re.compile(r"(\S+)\.key\.pem")
_ON_CURVES = {"ocsp", "doctor-ec"}


@dataclass(frozen=True)
class TestAuthority:
    """A running trust service and the keys of everybody in it."""

    __test__ = False

    folder: Path
    address: str

    def certificate(self, label: str) -> bytes:
        """Return a certificate in DER."""
        return (self.folder / "certificates" / f"{label}.der").read_bytes()

    def key_file(self, label: str) -> Path:
        """Return the PKCS#8 PEM file of a private key; see `subject-key` in the configuration."""
        return self.folder / "keys" / f"{label}.key.pem"

    def key(self, label: str) -> PrivateKey:
        """Return a private key."""
        return _loaded(self.key_file(label).read_bytes())

    @property
    def roots(self) -> tuple[bytes, ...]:
        """Return the roots to trust: of persons and seals, and of time stamps."""
        return (self.certificate("root"), self.certificate("tsa-root"))

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Return the certificates between a person and her root."""
        return (self.certificate("issuing"),)

    @property
    def tsa_url(self) -> str:
        """Return where time stamps are given."""
        return self.tsa("tsa")

    def tsa(self, label: str) -> str:
        """Return the address of a time-stamp service: tsa, ending, expired, wrong-purpose…"""
        return f"{self.address}/vn/tsa/{label}"

    def set(self, **modes: str) -> dict[str, dict[str, str]]:
        """Switch a fault on or off, or set the clock (`now=`); see serve.py."""
        request = urllib.request.Request(
            self.address + "/_control", json.dumps(modes).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def mend(self) -> None:
        """Let everything work again."""
        self.set(tsa="up", ocsp="up", crl="up")


@cache
def _loaded(pem: bytes) -> PrivateKey:
    # We made it ourselves, and looking for its faults takes longer than signing with it.
    key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return key


@cache
def _pem(label: str) -> bytes:
    key: PrivateKey = (
        ec.generate_private_key(ec.SECP256R1())
        if label in _ON_CURVES
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def configuration(at: datetime) -> str:
    """Return the configuration with every date moved so that `at` is its today."""
    shift = at.astimezone(UTC) - TODAY

    def moved(found: re.Match[str]) -> str:
        moment = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) + shift
        return f'"{moment:%Y-%m-%dT%H:%M:%S}+0000"'

    return _MOMENT.sub(moved, _SOURCE.read_text())


@contextmanager
def running_authority(
    at: datetime = TODAY, *, clock: str = "stands", doctor: str = "Trần Thị Ngọc Ánh"
) -> Generator[TestAuthority]:
    """Run the authority in a process of its own; its clock stands at `at`, or "runs".

    `doctor` is the name in the certificate "doctor".
    """
    folder = Path(tempfile.mkdtemp(prefix="yba-authority-"))
    try:
        text = configuration(at).replace("Trần Thị Ngọc Ánh", doctor)
        (folder / "certomancer.yml").write_text(text)
        (folder / "keys").mkdir()
        for label in sorted(set(_KEY.findall(text))):
            (folder / "keys" / f"{label}.key.pem").write_bytes(_pem(label))
        with _served(folder, at.isoformat() if clock == "stands" else "now") as address:
            yield TestAuthority(folder, address)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _served(folder: Path, moment: str) -> Generator[str]:
    with (folder / "errors.log").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.authority.serve", str(folder), moment],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )
    assert process.stdout is not None
    address = process.stdout.readline().decode().strip()
    try:
        assert address, (folder / "errors.log").read_text()[-3000:]
        yield address
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def a_day_before(at: datetime) -> datetime:
    """Return the moment at which "revoked" was revoked."""
    return at - timedelta(days=1)
