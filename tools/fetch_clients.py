"""Install the npm clients that tests drive against a node, into var/cache/clients.

Exact versions and hashes come from tests/clients/npm/package-lock.json. A second run changes nothing and needs no
network. Where they cannot be had, the tests that need them skip and say so.

    python tools/fetch_clients.py
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

import build_assets

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "tests" / "clients" / "npm"
FOLDER = ROOT / "var" / "cache" / "clients"


def main() -> int:
    """Install the clients that are not there already."""
    wanted = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()
    mark = FOLDER / "installed"
    if mark.is_file() and mark.read_text() == wanted:
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(SOURCE / name, FOLDER / name)
    npm, environment = build_assets._npm()
    command = [
        *npm,
        "ci",
        "--ignore-scripts",
        "--legacy-peer-deps",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]
    if subprocess.run(command, cwd=FOLDER, env=environment, check=False).returncode:
        print("clients: npm cannot fetch them; the tests that need them will skip")
        return 0
    mark.write_text(wanted)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
