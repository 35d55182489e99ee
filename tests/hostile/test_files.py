"""Attacks by files: entities, bombs, paths, formulas, patterns that never end."""

import gzip
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yba.care.archive import hosobenhan
from yba.fhir.xml import reading
from yba.kernel.refusal import NotFound, Refusal
from yba.money.insurance.xml import reader
from yba.plumbing.blobs import BlobStore

EXTERNAL = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%s;" % (str(n - 1).encode() if n else b"") * 10)
               for n in range(9)) + b"]>"
)  # fmt: skip
PARAMETER = b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>'


@pytest.mark.parametrize("head", [EXTERNAL, LAUGHS, PARAMETER], ids=["external", "laughs", "outer"])
@pytest.mark.parametrize(
    ("root", "read"),
    [
        (b"HoSoBenhAn", hosobenhan.from_xml),
        (b"Patient", reading.to_json),
        (b"GIAMDINHHS", reader.read_claim),
    ],
    ids=["record", "fhir", "claims"],
)
def test_entities_are_never_followed(head: bytes, root: bytes, read: Callable[[bytes], Any]):
    text = head + b"<" + root + b">&x;&a8;</" + root + b">"
    started = time.perf_counter()

    with pytest.raises((Refusal, ValueError)):
        list(read(text) or ())

    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "/..", "", "\x00" * 64]
)
def test_the_blob_store_has_no_other_files_than_hashes(name: str, tmp_path: Path):
    (tmp_path / "secret").write_text("x")
    store = BlobStore(tmp_path / "blobs")

    with pytest.raises(NotFound):
        store.get(name)
    with pytest.raises(NotFound):
        store.remove(name)
    assert (tmp_path / "secret").exists()


def packed(size: int, pack: Callable[[bytes], bytes]) -> bytes:
    """Return so many zeros, packed."""
    return pack(b'{"resourceType":"Patient"' + b" " * size + b"}")


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
async def test_what_unfolds_beyond_the_limit_is_refused_while_it_unfolds(pack, stranger):
    body = packed(30_000_000, pack)
    encoding = "gzip" if pack is gzip.compress else "deflate"

    answer = await stranger.post(
        "/fhir/Patient",
        content=body,
        headers={"content-encoding": encoding, "content-type": "application/fhir+json"},
    )

    assert answer.status_code in (401, 413, 415)


HOSTILE_TEXTS = ["a" * 20_000 + "!", "0" * 20_000 + ".", ("a." * 10_000) + "@", " " * 20_000 + "\n"]


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=["letters", "digits", "dots", "blanks"])
def test_no_pattern_of_the_program_takes_forever(text: str):
    """Every compiled pattern of our modules, tried with texts that make bad ones backtrack."""
    import re
    import sys

    slow: list[str] = []
    for name, module in list(sys.modules.items()):
        if not name.startswith("yba.") or module is None:
            continue
        for variable, value in vars(module).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                started = time.perf_counter()
                value.match(text)
                if time.perf_counter() - started > 0.5:
                    slow.append(f"{name}.{variable}")
    assert slow == []
