"""Other people's files: every one gets an answer, and none is called valid under our roots.

Fetched by tools/fetch_signed_files.py. Forty of each source are tried; YBA_EXAMPLES=all tries all.
"""

import os
import random
import time
from pathlib import Path

import pytest
from tests.foundation.signing.checking.makers import NOON

from yba.foundation.signing.authority import Trust
from yba.foundation.signing.model import Verdict, Verification
from yba.foundation.signing.verification import Asked, format_of, verify

_FOLDER = Path(__file__).parents[4] / "var" / "cache" / "signed"
_SAMPLE = 40
_LARGEST = 400_000


def _files() -> list[Path]:
    found: list[Path] = []
    for source in sorted(_FOLDER.glob("[!.]*/")):
        files = sorted(source.iterdir())
        if os.environ.get("YBA_EXAMPLES") != "all":
            small = [one for one in files if one.stat().st_size < _LARGEST]
            files = random.Random(source.name).sample(small, min(_SAMPLE, len(small)))
        found += files
    return found


@pytest.mark.slow
def test_every_foreign_file_gets_an_answer(authority, capsys):
    files = _files()
    if not files:
        pytest.skip("var/cache/signed is empty (run: python tools/fetch_signed_files.py)")
    told: dict[tuple[str, str], int] = {}
    asked = Asked(Trust(roots=authority.roots), NOON)
    for path in files:
        content = path.read_bytes()
        started = time.monotonic()
        found = verify(content, asked)
        took = time.monotonic() - started
        assert isinstance(found, Verification), path.name
        assert found.verdict is not Verdict.VALID, path.name
        assert took < 20, (path.name, took)
        key = (format_of(content).value, found.verdict.value)
        told[key] = told.get(key, 0) + 1
    with capsys.disabled():
        print(f"\n{len(files)} foreign files:", dict(sorted(told.items())))
