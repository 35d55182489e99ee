"""For what the restricted part of a record is opened: codes of HL7 v3 PurposeOfUse. Pure; from data."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data" / "purposes.toml"


@dataclass(frozen=True, slots=True)
class NeedPurpose:
    """One purpose, with its names and the days on which it is offered."""

    code: str
    vi: str
    en: str
    valid_from: date
    valid_to: date | None = None

    def name(self, language: str) -> str:
        """Return how people call it."""
        return self.en if language == "en" else self.vi


@cache
def all_purposes() -> tuple[NeedPurpose, ...]:
    """Return every purpose there ever was, in the order in which they are offered."""
    rows: list[dict[str, Any]] = tomllib.loads(_DATA.read_text("utf-8"))["purpose"]
    return tuple(
        NeedPurpose(row["code"], row["vi"], row["en"], row["from"], row.get("to")) for row in rows
    )


def needs_on(on: date) -> dict[str, NeedPurpose]:
    """Return the purposes that may be chosen on a day, by code."""
    return {
        one.code: one
        for one in all_purposes()
        if one.valid_from <= on and (one.valid_to is None or on < one.valid_to)
    }


def purpose_name(code: str, language: str) -> str:
    """Return how a purpose is called, also one that is offered no more; the code where unknown."""
    return next((one.name(language) for one in all_purposes() if one.code == code), code)
