"""The data set: the Synthea bundles beside the checkout."""

from __future__ import annotations

import bz2
import os
from pathlib import Path

import msgspec


class _Entries(msgspec.Struct):
    entry: list[msgspec.Raw] = []


_DECODER = msgspec.json.Decoder(_Entries)
_CHECKOUT = Path(__file__).parents[1]


class Bundle:
    """One bundle: its bytes and how many entries it has."""

    def __init__(self, path: Path) -> None:
        self.body = bz2.decompress(path.read_bytes())
        self.count = len(_DECODER.decode(self.body).entry)


def folder() -> Path:
    """Return where the bundles are."""
    base = os.environ.get("YBA_CONFORMANCE")
    return (Path(base) if base else _CHECKOUT.parent / "shared" / "conformance") / "synthea"


def bundles(limit: int | None = None) -> tuple[list[Bundle], list[Bundle]]:
    """Return the two bundles that come first, and those of patients."""
    files = sorted(folder().glob("*.json.bz2"))
    if not files:
        raise SystemExit(f"no data set: set YBA_CONFORMANCE ({folder()} is empty)")
    first = [Bundle(file) for file in files if file.name.startswith("0-")]
    rest = [file for file in files if not file.name.startswith("0-")]
    return first, [Bundle(file) for file in rest[:limit]]
