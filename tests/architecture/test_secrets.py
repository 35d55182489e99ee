"""No secret lies in the repository, in what settings print, or in what is logged."""

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from yba.plumbing import logs
from yba.plumbing.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
# Shapes that only real secrets have; words like "password" alone mean nothing.
SHAPES = {
    "private key": re.compile(r"-----BEGIN (?:RSA |EC |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\s*\n[A-Za-z0-9+/=\s]{200,}"),
    "cloud key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "token of a code host": re.compile(r"\b(?:ghp|gho|ghs|glpat|github_pat)[_-][A-Za-z0-9_]{20,}"),
    "chat token": re.compile(r"\bxox[abps]-[A-Za-z0-9-]{10,}"),
    "address with password": re.compile(r"\b(?:postgres(?:ql)?|smtps?|https?|amqp)://[^\s:/@'\"{}<>$%]+:(?!password@|secret@|x@|y@|p@|pw@|pass@|user@)[^\s@/'\"{}<>$%]{6,}@(?!localhost|127\.|[a-z.]*(?:test|example|invalid))"),
}  # fmt: skip
READABLE = {".py", ".toml", ".md", ".sql", ".html", ".js", ".json", ".yml", ".yaml", ".txt", ".sh",
            ".css", ".po", ".in", ".cfg", ""}  # fmt: skip
# `pkcs11_token` is the label of a token, which stands on its sticker.
SECRET_NAMES = re.compile(r"secret|password|(?<!pkcs11_)token$|_key$|smtp_url|pin$")


def _tracked() -> list[Path]:
    try:
        named = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True
        ).stdout
        found = [ROOT / name.decode() for name in named.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [
            path
            for folder in ("src", "tests", "docs", "migrations", "tools", "requirements", "bench")
            for path in (ROOT / folder).rglob("*")
        ]
    return [path for path in found if path.is_file() and path.suffix in READABLE]


def test_no_secret_lies_in_the_repository():
    found: list[str] = []
    for path in _tracked():
        if path.stat().st_size > 2_000_000:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [
            f"{path.relative_to(ROOT)}: {name}"
            for name, shape in SHAPES.items()
            if shape.search(text)
        ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "A" * 16, "ghp_" + "a" * 36, "postgresql://yba:" + "hunter2hunter2@db.hospital.vn/yba",
        "-----BEGIN PRIVATE KEY-----\n" + "A" * 300,
    ],
)  # fmt: skip
def test_the_scan_sees_what_it_looks_for(text: str):
    assert any(shape.search(text) for shape in SHAPES.values())


def test_settings_print_no_secret():
    secret = {field.name for field in fields(Settings) if SECRET_NAMES.search(field.name)}
    values = {name: b"hunter2" if name.endswith("secret") and name != "remote_signing_secret"
              else "smtp://u:" + "hunter2@mail" for name in secret}  # fmt: skip
    config = Settings(**values)  # type: ignore[arg-type]

    assert {"secret", "bank_secret", "smtp_url", "remote_signing_secret"} <= secret
    assert "hunter2" not in repr(config)
    assert "hunter2" not in str(config)


def test_a_failure_is_logged_without_the_values_it_had_in_hand(capsys: pytest.CaptureFixture[str]):
    import structlog

    logs.configure("json")
    password = "hunter2"

    def fails() -> None:
        local_secret = password + "!"
        if local_secret:
            raise ValueError("no")

    try:
        fails()
    except ValueError as problem:
        structlog.get_logger("test").error("web.bug", exc_info=problem)

    printed = "".join(capsys.readouterr())
    assert "hunter2" not in printed
    assert "local_secret" in printed or "ValueError" in printed
