"""The words that are agreed to, by purpose, language and version. Pure; from data/texts.toml."""

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class ConsentText:
    """What is asked, word by word; its hash is kept with every answer."""

    purpose: str
    version: str
    language: str
    body: str
    valid_from: date

    @property
    def sha256(self) -> bytes:
        """Return the hash of the words as they are shown, in UTF-8."""
        return hashlib.sha256(self.body.encode()).digest()


@cache
def all_texts() -> tuple[ConsentText, ...]:
    """Return every text there ever was, by purpose and day."""
    rows: list[dict[str, Any]] = tomllib.loads((_DATA / "texts.toml").read_text("utf-8"))["purpose"]
    return tuple(
        ConsentText(row["code"], one["version"], one["language"], one["body"], one["from"])
        for row in rows
        for one in row["text"]
    )


def text_on(purpose: str, language: str, on: date) -> ConsentText | None:
    """Return the newest wording in force that day, or None."""
    fits = [
        text for text in all_texts()
        if (text.purpose, text.language) == (purpose, language) and text.valid_from <= on
    ]  # fmt: skip
    return max(fits, key=lambda text: text.valid_from, default=None)


def text_of_version(purpose: str, language: str, version: str) -> ConsentText | None:
    """Return the wording that somebody once agreed to."""
    return next(
        (t for t in all_texts() if (t.purpose, t.language, t.version) == (purpose, language, version)),
        None,
    )  # fmt: skip
