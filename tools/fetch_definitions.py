"""Fetch the official FHIR R4 definitions and examples (CC0) into var/cache/fhir, for tests and the generator.

The npm package is named with its exact version and checked against the hash recorded here. A second run
changes nothing and needs no network. Where it cannot be had, the tests that read it skip and say so.

    python tools/fetch_definitions.py
"""

import base64
import hashlib
import subprocess
from pathlib import Path

import build_assets

NAME = "hl7.fhir.r4.examples"
VERSION = "4.0.1"
SHA512 = "DXBdIZOeQaSKIgCU7w6HOC7sw/6BzylmipLkBW4f//pT+Bc94x+8LImwTdvaNThPJoOzpBzvxAzNqjeu3X/zLw=="
FOLDER = Path(__file__).resolve().parents[1] / "var" / "cache" / "fhir"


def main() -> int:
    """Fetch the package unless it is there already."""
    target = FOLDER / f"{NAME}-{VERSION}.tgz"
    if target.is_file() and _sha512(target) == SHA512:
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    npm, environment = build_assets._npm()
    command = [
        *npm,
        "pack",
        f"{NAME}@{VERSION}",
        "--pack-destination",
        str(FOLDER),
        "--loglevel=error",
    ]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode or not target.is_file():
        print(
            f"definitions: {NAME} {VERSION} could not be fetched; the tests on it will be skipped"
        )
        return 0
    if _sha512(target) != SHA512:
        target.unlink()
        raise SystemExit(
            f"definitions: {NAME} {VERSION} is not the package that was recorded; removed"
        )
    print(f"definitions: {target.relative_to(FOLDER.parents[2])}")
    return 0


def _sha512(path: Path) -> str:
    return base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


if __name__ == "__main__":
    raise SystemExit(main())
