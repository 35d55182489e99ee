"""What the program is made of, and what is known against it.

    python tools/supply_chain.py bill [FILE]    write a CycloneDX bill of materials (var/sbom.cdx.json)
    python tools/supply_chain.py audit          ask public databases about every pinned version

The bill is made from the locked requirements and the lock of the browser assets, so two machines
write the same bytes. `audit` ends with 1 for a finding that `requirements/accepted.json` does not
accept, and with 0, saying what was not asked, where no database can be reached; with
YBA_AUDIT_REQUIRED=1 that is a failure, too.
"""

import base64
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKED = ROOT / "requirements" / "run.txt"
ACCEPTED = ROOT / "requirements" / "accepted.json"
ASSETS = ROOT / "assets" / "package-lock.json"
BILL = ROOT / "var" / "sbom.cdx.json"
_TOOLS = Path(sys.executable).parent


@dataclass(frozen=True)
class Finding:
    """Something known against a version that we ship."""

    package: str
    version: str
    name: str
    mended_in: str


# -- the bill of materials ----------------------------------------------------------------------


def bill() -> dict[str, Any]:
    """Return the bill of materials as CycloneDX 1.6."""
    made = subprocess.run(
        [_TOOLS / "cyclonedx-py", "requirements", LOCKED, "--pyproject", ROOT / "pyproject.toml",
         "--output-reproducible", "--short-PURLs", "--sv", "1.6", "--of", "JSON"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    document: dict[str, Any] = json.loads(made.stdout)
    for component in document["components"]:
        # Where it was fetched from is a matter of the machine; what it must be, is not.
        wheels = component.pop("externalReferences", ())
        component["properties"] = [
            {"name": f"yba:accepted-file:{hash_['alg']}", "value": hash_["content"]}
            for wheel in wheels for hash_ in wheel.get("hashes", ())
        ]  # fmt: skip
        component.pop("description", None)
        licence = _licence_of(component["name"])
        if licence:
            component["licenses"] = [{"license": {"name": licence}}]
    browser = list(_browser_components())
    document["components"] += browser
    document["dependencies"] += [{"ref": component["bom-ref"]} for component in browser]
    return document


def _licence_of(name: str) -> str:
    """Return the licence that an installed package declares, or ""."""
    try:
        said: Any = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    declared = said.get("License-Expression") or ""
    classified = [
        line.rsplit(" :: ", 1)[-1] for line in said.get_all("Classifier") or () if "License" in line
    ]
    first_line = (said.get("License") or "").strip().split("\n")[0]
    return declared or ", ".join(classified) or first_line[:80]


def _browser_components() -> Iterator[dict[str, Any]]:
    packages: dict[str, Any] = json.loads(ASSETS.read_text())["packages"]
    for path, package in sorted(packages.items()):
        if not path or package.get("dev"):
            continue
        name = path.rpartition("node_modules/")[2]
        algorithm, _, digest = package["integrity"].partition("-")
        component: dict[str, Any] = {
            "bom-ref": f"asset:{name}@{package['version']}",
            "type": "library",
            "name": name,
            "version": package["version"],
            "purl": f"pkg:npm/{name.replace('@', '%40')}@{package['version']}",
            "hashes": [{"alg": algorithm.upper().replace("SHA", "SHA-"), "content": _hex(digest)}],
        }
        if package.get("license"):
            component["licenses"] = [{"license": {"name": package["license"]}}]
        yield component


def _hex(digest: str) -> str:
    return base64.b64decode(digest).hex()


# -- what is known against it -------------------------------------------------------------------


def accepted(today: datetime) -> dict[str, str]:
    """Return the findings that somebody accepted, with the reason, as long as that holds."""
    said: list[dict[str, str]] = json.loads(ACCEPTED.read_text())
    return {
        one["id"]: one["why"] for one in said
        if datetime.fromisoformat(one["until"]).replace(tzinfo=UTC) > today
    }  # fmt: skip


def python_findings(answer: str) -> tuple[list[Finding], list[str]]:
    """Return what pip-audit found, and the names it could not ask about."""
    found: list[Finding] = []
    unasked: list[str] = []
    for package in json.loads(answer)["dependencies"]:
        if "skip_reason" in package:
            unasked.append(package["name"])
        for one in package.get("vulns", ()):
            mended = ", ".join(one.get("fix_versions", ()))
            found.append(Finding(package["name"], package["version"], one["id"], mended))
    return found, unasked


def browser_findings(answer: str) -> tuple[list[Finding], list[str]]:
    """Return what `npm audit` found, and that it could not ask."""
    try:
        said: dict[str, Any] = json.loads(answer)
    except ValueError:
        return [], ["browser assets"]
    if "vulnerabilities" not in said:
        return [], ["browser assets"]
    return [
        Finding(name, one.get("range", ""), str(via.get("url", via.get("source", "?"))), "")
        for name, one in said["vulnerabilities"].items()
        for via in one["via"] if isinstance(via, dict)
    ], []  # fmt: skip


def audit() -> int:
    """Ask about every version that is shipped; print findings and what was not asked."""
    asked = subprocess.run(
        [_TOOLS / "pip-audit", "-r", LOCKED, "--require-hashes", "--disable-pip",
         "--format", "json", "--progress-spinner", "off"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    try:
        found, unasked = python_findings(asked.stdout)
    except ValueError:
        found, unasked = [], [re.sub(r"\s+", " ", asked.stderr).strip()[-200:] or "packages"]
    npm = _npm_audit()
    more, silent = browser_findings(npm)
    tolerated = accepted(datetime.now(UTC))
    return _tell([*found, *more], [*unasked, *silent], tolerated)


def _npm_audit() -> str:
    try:
        asked = subprocess.run(
            ["npm", "audit", "--json", "--omit=dev"],
            cwd=ASSETS.parent, check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout


def _tell(found: list[Finding], unasked: list[str], tolerated: dict[str, str]) -> int:
    open_findings = [one for one in found if one.name not in tolerated]
    for one in found:
        note = f"accepted: {tolerated[one.name]}" if one.name in tolerated else "NOT accepted"
        print(f"audit: {one.package} {one.version}: {one.name}, mended in "
              f"{one.mended_in or 'no version yet'} ({note})")  # fmt: skip
    if unasked:
        print(f"audit: not asked about {len(unasked)}: no database was reached ({unasked[0]} …)")
    if not found and not unasked:
        print("audit: nothing is known against any version that is shipped")
    required = os.environ.get("YBA_AUDIT_REQUIRED") == "1"
    return 1 if open_findings or (unasked and required) else 0


def main(arguments: list[str]) -> int:
    """Carry out one command."""
    match arguments:
        case ["bill", *rest]:
            target = Path(rest[0]) if rest else BILL
            target.parent.mkdir(parents=True, exist_ok=True)
            document = bill()
            target.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
            print(f"bill of materials: {len(document['components'])} components in {target}")
            return 0
        case ["audit"]:
            return audit()
        case _:
            print(__doc__)
            return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
