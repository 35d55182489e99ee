"""What search and validation ask of value sets and hierarchies.

Main rule: an answer is exact or refused. A value set whose members cannot be listed (a grammar such
as languages, a system whose content is elsewhere) raises NotExpandable; membership may still be known.
"""

from __future__ import annotations

from dataclasses import dataclass

from yba.plumbing.database import Tx

MOST_CODES = 20_000


@dataclass(frozen=True, slots=True)
class Codes:
    """The members of a value set, or the codes below or above one, as (system, code).

    `complete` is False where there are more than the caller's limit; the codes are then
    only some of them, and the caller joins `terminology.expansion_v1` instead or refuses.
    """

    codes: frozenset[tuple[str, str]]
    complete: bool = True


async def codes_of(tx: Tx, *, value_set: str, limit: int = MOST_CODES) -> Codes:
    """Return the members of a value set by its canonical `url` or `url|version`.

    Codes that were members only before or after today are members too: a record keeps meaning
    what it meant. Compiled once and kept until a part changes.

    Raises UnknownValueSet, NotExpandable.
    """
    raise NotImplementedError


async def expanded(tx: Tx, *, value_set: str) -> int:
    """Make sure that the value set is compiled; return its number in `terminology.expansion_v1`.

    The view has (value_set bigint, system text, code text), system as its canonical URL, and an
    index on (value_set, code). Raises UnknownValueSet, NotExpandable.
    """
    raise NotImplementedError


async def is_member(tx: Tx, *, value_set: str, system: str | None, code: str) -> bool:
    """Tell whether a code is in a value set; also for grammars (languages, media types, units).

    Without a system, whether any system of the value set has that code.
    Raises UnknownValueSet, and NotExpandable where it cannot be decided.
    """
    raise NotImplementedError


async def descendants(tx: Tx, *, system: str | None, code: str, limit: int = MOST_CODES) -> Codes:
    """Return a concept and everything below it (`:below`, `is-a`).

    Without a system, in every system that has the code. An unknown code has only itself.
    """
    raise NotImplementedError


async def ancestors(tx: Tx, *, system: str | None, code: str) -> Codes:
    """Return a concept and everything above it (`:above`, `generalizes`)."""
    raise NotImplementedError
