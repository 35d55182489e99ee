"""Browser files under names that carry their content hash.

Our own files lie in `<context>/static/<context>/`; those made by others were
put into `var/assets` by `tools/build_assets.py`. All are held in memory,
compressed once, and may be cached for ever because a change of content is a
change of name.
"""

import gzip
import hashlib
import json
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from yba.kernel.refusal import NotFound
from yba.plumbing.web import PUBLIC, Page

PREFIX = "/static"
_PACKAGE = Path(__file__).parents[2]
_REFERENCE = re.compile(r"asset\(([a-z0-9./_-]+)\)")
_FOREVER = "public, max-age=31536000, immutable"
_COMPRESSED = {".css", ".js", ".svg"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    body: bytes
    packed: bytes | None
    media_type: str


class Assets:
    """All browser files, by the plain name that templates use."""

    def __init__(self, built: Path) -> None:
        """Read what was built from others, then our own."""
        self._urls: dict[str, str] = {}
        self._files: dict[str, Asset] = {}
        self._load_built(built)
        own = [path for path in sorted(_PACKAGE.glob("**/static/*/*")) if path.is_file()]
        # Scripts and pictures first: style sheets point to them by hash.
        for path in sorted(own, key=lambda path: path.suffix == ".css"):
            self._add_own(f"{path.parent.name}/{path.name}", path.read_bytes())

    def url(self, name: str) -> str:
        """Return the path of the file with that plain name.

        A file that has not been built yet has a path that answers 404, so that
        pages still work, plainly. Our own files must exist: KeyError if not.
        """
        found = self._urls.get(name)
        if found is None and "/" in name:
            raise KeyError(f"no static file {name}")
        return found or f"{PREFIX}/not-built/{name}"

    def get(self, path: str) -> Asset | None:
        """Return the file at `path` below the prefix, or None."""
        return self._files.get(path)

    def _load_built(self, folder: Path) -> None:
        manifest = folder / "manifest.json"
        if not manifest.is_file():
            return
        for name, hashed in json.loads(manifest.read_text()).items():
            self._keep(name, hashed, (folder / hashed).read_bytes())

    def _add_own(self, name: str, body: bytes) -> None:
        if name.endswith(".css"):
            body = _REFERENCE.sub(
                lambda found: f"url({self.url(found[1])})", body.decode()
            ).encode()
        stem, _, suffix = name.rpartition(".")
        self._keep(name, f"{stem}-{hashlib.sha256(body).hexdigest()[:12]}.{suffix}", body)

    def _keep(self, name: str, path: str, body: bytes) -> None:
        suffix = "." + path.rpartition(".")[2]
        packed = gzip.compress(body, 9, mtime=0) if suffix in _COMPRESSED else None
        media_type = mimetypes.types_map.get(suffix, "application/octet-stream")
        media_type = {".woff2": "font/woff2", ".js": "text/javascript"}.get(suffix, media_type)
        self._urls[name] = f"{PREFIX}/{path}"
        self._files[path] = Asset(body, packed, media_type)


async def _static_file(request: Request) -> Response:
    assets: Assets = request.app.state.yba.templates.assets
    asset = assets.get(request.path_params["path"])
    if asset is None:
        raise NotFound
    headers = {"cache-control": _FOREVER, "vary": "accept-encoding"}
    if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(asset.packed, media_type=asset.media_type, headers=headers)
    return Response(asset.body, media_type=asset.media_type, headers=headers)


PAGES = [Page(PREFIX + "/{path:path}", _static_file, name="html:static", permission=PUBLIC)]
