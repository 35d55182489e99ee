"""Fetch the official FHIR R4 definitions and examples (CC0) into var/cache/fhir, for tests and the generator.

Each npm package is named with its exact version and checked against the hash recorded here. A second run
changes nothing and needs no network. Where it cannot be had, the tests that read it skip and say so.

    python tools/fetch_definitions.py
"""

import base64
import hashlib
import subprocess
from pathlib import Path

import build_assets

PACKAGES = {
    "hl7.fhir.r4.examples-4.0.1": (
        "DXBdIZOeQaSKIgCU7w6HOC7sw/6BzylmipLkBW4f//pT+Bc94x+8LImwTdvaNThPJoOzpBzvxAzNqjeu3X/zLw=="
    ),
    # The International Patient Summary: what the documents of $summary must conform to.
    "hl7.fhir.uv.ips-2.0.0": (
        "4PWToJ9b1FgXsm9DIvHiU6HO9Z5m75jxk0e0MXOmhFlf2m2slk/d6RoiSYIChKJlvmtJ7GbRftt7PphlwmZcbQ=="
    ),
}
FOLDER = Path(__file__).resolve().parents[1] / "var" / "cache" / "fhir"


def main() -> int:
    """Fetch the packages that are not there already."""
    for name, sha512 in PACKAGES.items():
        _fetch(name, sha512)
    return 0


def _fetch(name: str, sha512: str) -> None:
    target = FOLDER / f"{name}.tgz"
    if target.is_file() and _sha512(target) == sha512:
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    npm, environment = build_assets._npm()
    wanted = "@".join(name.rsplit("-", 1))
    command = [*npm, "pack", wanted, "--pack-destination", str(FOLDER), "--loglevel=error"]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode or not target.is_file():
        print(f"definitions: {wanted} could not be fetched; the tests on it will be skipped")
        return
    if _sha512(target) != sha512:
        target.unlink()
        raise SystemExit(f"definitions: {wanted} is not the package that was recorded; removed")
    print(f"definitions: {target.relative_to(FOLDER.parents[2])}")


def _sha512(path: Path) -> str:
    return base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


if __name__ == "__main__":
    raise SystemExit(main())
