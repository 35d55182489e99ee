"""The page on which anybody checks a proof file on her own machine: served, or as one file to keep.

It computes everything itself; what it trusts are the keys written into it when it was fetched. One
file to keep, opened years later without a network, therefore still says who signed.
"""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

_FOLDER = Path(__file__).parent / "page"
FILE_NAME = "kiem-chung-nhat-ky.html"


@cache
def part(name: str) -> str:
    """Return one of check.html, check.css, check.js."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def served(*, keys: Sequence[str], witnesses: Sequence[str], base: str) -> str:
    """Return the page that fetches its script and style from `base`, under the site's own policy."""
    offer = (
        f'<p><a href="{html.escape(base)}/check.html" download="{FILE_NAME}" data-t="download">'
        "Tải trang này về để dùng khi không có mạng</a></p>"
    )
    return _filled(
        keys,
        witnesses,
        policy="",
        style=f'<link rel="stylesheet" href="{html.escape(base)}/check.css">',
        script=f'<script src="{html.escape(base)}/check.js"></script>',
        offer=offer,
    )


def kept(*, keys: Sequence[str], witnesses: Sequence[str]) -> str:
    """Return the page as one file that may run nothing but its own script and reach nobody."""
    script, style = part("check.js"), part("check.css")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return _filled(
        keys,
        witnesses,
        policy=f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        style=f"<style>{style}</style>",
        script=f"<script>{script}</script>",
        offer="",
    )


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _filled(keys: Sequence[str], witnesses: Sequence[str], **parts: str) -> str:
    page = part("check.html")
    values = {
        "keys": html.escape(" ".join(keys)),
        "witnesses": html.escape(" ".join(witnesses)),
        **parts,
    }
    for name, value in values.items():
        page = page.replace("{{" + name + "}}", value)
    return page
