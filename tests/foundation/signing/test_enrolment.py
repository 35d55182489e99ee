"""Requests for certificates: openssl believes them, and the key has not left its place."""

import os
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from tests.fakes.token import MODULE, SoftToken, make_token
from typer.testing import CliRunner

from yba.foundation.signing import enrolment_cli
from yba.foundation.signing.errors import KeyNotHere, PinWrong

PIN = "482913"
WHO = ("--name", "Bệnh viện Thử Nghiệm", "--organisation", "Bệnh viện Thử Nghiệm",
       "--unit", "Khoa Nội", "--identifier", "TINVN-0100000000", "--email", "a@b.test")  # fmt: skip


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YBA_DATA_DIR", str(tmp_path / "node"))
    return tmp_path


def verified(request: Path) -> str:
    """Return what openssl reads in a request, which it has verified."""
    command = ["openssl", "req", "-in", str(request), "-verify", "-noout", "-subject", "-text",
               "-nameopt", "utf8,sep_comma_plus"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "verify OK" in done.stderr
    return done.stdout


def test_a_software_key_asks_for_its_certificate(node: Path):
    output = node / "request.pem"
    for _ in range(2):
        done = CliRunner().invoke(enrolment_cli.app, ["request", "seal-2", *WHO, "-o", str(output)])
        assert done.exit_code == 0, done.output
        told = verified(output)
        assert "CN=Bệnh viện Thử Nghiệm" in told
        assert "serialNumber=TINVN-0100000000" in told
        assert "sha256WithRSAEncryption" in told
    # The same key asks again: it was made once.
    keys = list((node / "node" / "pki" / "keys").glob("*.key"))
    assert [key.name for key in keys] == ["seal-2.key"]
    assert b"PRIVATE" not in output.read_bytes()


@pytest.fixture(scope="module")
def token(authority, tmp_path_factory: pytest.TempPathFactory) -> SoftToken:
    """Return one token for all tests: the driver of a process sees one folder."""
    folder = tmp_path_factory.mktemp("token")
    return make_token(folder, authority, ["doctor", "doctor-ec"], name="THE-MOI", pin=PIN)


@pytest.mark.parametrize("label", ["doctor", "doctor-ec"])
def test_a_key_on_a_token_asks_for_its_certificate(
    node: Path, authority, token: SoftToken, monkeypatch: pytest.MonkeyPatch, label: str
):
    monkeypatch.setenv("SOFTHSM2_CONF", token.environment["SOFTHSM2_CONF"])
    monkeypatch.setenv("YBA_PKCS11_MODULE", MODULE)
    output, uri = node / "request.pem", f"pkcs11:token=THE-MOI;object={label}"

    def ask(pin: str, name: str = uri):
        arguments = ["request", name, *WHO, "-o", str(output)]
        return CliRunner().invoke(enrolment_cli.app, arguments, input=pin + "\n")

    assert PinWrong.code in ask("000000").output
    assert KeyNotHere.code in ask(PIN, "pkcs11:token=THE-MOI;object=nobody").output
    assert not output.exists()
    done = ask(PIN)
    assert done.exit_code == 0, done.output
    assert PIN not in done.output

    told = verified(output)
    assert ("ecdsa-with-SHA256" if label.endswith("ec") else "sha256WithRSAEncryption") in told
    asked = x509.load_pem_x509_csr(output.read_bytes())
    certified = x509.load_der_x509_certificate(authority.certificate(label))
    assert asked.is_signature_valid
    assert asked.public_key() == certified.public_key()


def test_a_token_without_its_driver_is_told(node: Path):
    assert "YBA_PKCS11_MODULE" not in os.environ
    done = CliRunner().invoke(enrolment_cli.app, ["request", "pkcs11:token=A;object=b", *WHO])

    assert done.exit_code == 1
    assert "YBA_PKCS11_MODULE" in done.output
