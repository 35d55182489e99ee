"""`yba verify FILE` speaks plainly in two languages and tells the shell."""

import pytest
import typer
from typer.testing import CliRunner

from yba.foundation.signing.cli import verify


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return a function that runs the command with an empty installation."""
    monkeypatch.setenv("YBA_DATA_DIR", str(tmp_path / "var"))
    app = typer.Typer()
    app.command()(verify)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(a) for a in arguments])


@pytest.fixture
def files(tmp_path, signing, signed, page):
    """Return a folder with a root, a signed and an unsigned file."""
    (tmp_path / "root.pem").write_bytes(signing.authority.root_pem())
    (tmp_path / "issuing.crl").write_bytes(signing.authority.crl())
    (tmp_path / "signed.pdf").write_bytes(signed)
    (tmp_path / "plain.pdf").write_bytes(page)
    (tmp_path / "broken.pdf").write_bytes(signed.replace(b"/Title", b"/Titel", 1))
    return tmp_path


def test_a_valid_file_ends_with_0_and_names_the_signer(run, files, doctor):
    root, crl = files / "root.pem", files / "issuing.crl"
    at = "2026-09-16T00:00Z"
    result = run(files / "signed.pdf", "--root", root, "--revocations", crl, "--at", at)

    assert result.exit_code == 0
    assert "Chữ ký hợp lệ" in result.output
    assert "The signature is valid" in result.output
    assert doctor.name in result.output


def test_a_changed_file_ends_with_1(run, files):
    result = run(files / "broken.pdf", "--root", files / "root.pem")

    assert result.exit_code == 1
    assert "KHÔNG hợp lệ" in result.output


def test_an_unknown_authority_ends_with_1(run, files):
    assert run(files / "signed.pdf").exit_code == 1


def test_an_unsigned_file_ends_with_1(run, files):
    result = run(files / "plain.pdf")

    assert result.exit_code == 1
    assert "không có chữ ký số" in result.output


def test_a_missing_file_ends_with_2(run, files):
    assert run(files / "nowhere.pdf").exit_code == 2
