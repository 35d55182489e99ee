"""The node speaks TLS itself: nothing older than 1.2, no weak cipher, no plain http on that port."""

import http.client
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests import copies
from tests.builders.node import free_port

from yba.plumbing import settings

pytestmark = pytest.mark.slow
PROGRAM = """
from yba.app import node
from yba.plumbing import settings
node.serve(settings.load(), with_worker=False)
"""


@dataclass(frozen=True)
class TlsNode:
    port: int
    certificate: Path

    def ask(self, method: str = "GET", path: str = "/health") -> http.client.HTTPResponse:
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        connection = http.client.HTTPSConnection(
            "localhost", self.port, timeout=10, context=trusting
        )
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def handshake(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Try what a client offers with `options`; openssl ends with 0 if it was accepted."""
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", *options]
        return subprocess.run(command, input="", capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
async def node(
    server: str, shipped: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[TlsNode]:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost",
               "-addext", "subjectAltName=DNS:localhost", "-days", "2"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    port = free_port()
    async with copies.copied(server, shipped) as database:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("YBA_")} | {
            "YBA_DATA_DIR": str(folder), "YBA_DATABASE_URL": database.dsn, "YBA_PORT": str(port),
            "YBA_TLS_CERTIFICATE": str(certificate), "YBA_TLS_KEY": str(key),
            "YBA_ASSETS_DIR": os.environ.get("YBA_ASSETS_DIR", "var/assets"),
        }  # fmt: skip
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM], env=environment, stdout=log, stderr=log
            )
        found = TlsNode(port, certificate)
        try:
            _wait(found, process, folder / "log")
            yield found
        finally:
            process.terminate()
            process.wait(30)


def _wait(node: TlsNode, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            if node.ask().status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(log.read_text()[-2000:])


async def test_a_browser_is_answered_with_transport_security(node: TlsNode):
    answer = node.ask()

    assert answer.status == 200
    assert (answer.getheader("strict-transport-security") or "").startswith("max-age=63072000")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_current_versions_are_spoken_with_strong_ciphers(node: TlsNode, version: str):
    told = node.handshake(version)

    assert told.returncode == 0, told.stderr
    cipher = next(line for line in told.stdout.splitlines() if "Cipher is" in line)
    assert any(name in cipher for name in ("GCM", "CHACHA20")), cipher
    assert "CBC" not in cipher


@pytest.mark.parametrize(
    "options",
    [
        ("-tls1", "-cipher", "ALL@SECLEVEL=0"), ("-tls1_1", "-cipher", "ALL@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA"),
        ("-tls1_2", "-cipher", "AES128-GCM-SHA256:AES256-SHA"), ("-tls1_2", "-cipher", "aNULL:eNULL"),
        ("-tls1_2", "-cipher", "3DES:RC4:DES@SECLEVEL=0"),
    ],
    ids=["1.0", "1.1", "CBC", "no forward secrecy", "no authentication", "old"],
)  # fmt: skip
async def test_old_versions_and_weak_ciphers_are_refused(node: TlsNode, options: tuple[str, ...]):
    assert node.handshake(*options).returncode != 0


async def test_plain_http_is_not_answered(node: TlsNode):
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1 2" not in plain.recv(4096)


def test_a_certificate_without_its_key_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    certificate = tmp_path / "certificate.pem"
    certificate.write_text("x")
    monkeypatch.setenv("YBA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("YBA_TLS_CERTIFICATE", str(certificate))
    with pytest.raises(settings.BadSetting, match="YBA_TLS_KEY"):
        settings.load()
    monkeypatch.setenv("YBA_TLS_KEY", str(tmp_path / "nothing"))
    with pytest.raises(settings.BadSetting, match="YBA_TLS_KEY"):
        settings.load()
