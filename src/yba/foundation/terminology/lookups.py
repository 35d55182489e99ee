"""What search and validation ask of value sets and hierarchies.

Main rule: an answer is exact or refused. A value set whose members cannot be listed (a grammar such
as languages, a system whose content is elsewhere) raises NotExpandable; membership may still be known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from yba.foundation.terminology import compiling, set_store, system_store
from yba.foundation.terminology.compiling import Compiler
from yba.foundation.terminology.definitions import canonical
from yba.foundation.terminology.errors import NotExpandable
from yba.foundation.terminology.membership import is_in
from yba.foundation.terminology.system_store import System
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
    what it meant. Compiled once and kept until a part changes; in a transaction that may not
    write it is compiled for this call.

    Raises UnknownValueSet, NotExpandable.
    """
    url, version = canonical(value_set)
    found = await compiling.find(tx, url=url, version=version)
    if not found.is_compiled and await system_store.is_read_only(tx):
        members = await Compiler(tx).imported(value_set)
        return _limited(((m.url, m.code) for m in members), limit)
    number = await expanded(tx, value_set=value_set)
    return _limited(await set_store.codes(tx, number=number, limit=limit + 1), limit)


def _limited(codes: Iterable[tuple[str, str]], limit: int) -> Codes:
    distinct = list(dict.fromkeys(codes))
    return Codes(frozenset(distinct[:limit]), complete=len(distinct) <= limit)


async def expanded(tx: Tx, *, value_set: str) -> int:
    """Make sure that the value set is compiled; return its number in `terminology.expansion_v1`.

    The view has (value_set bigint, system text, code text), system as its canonical URL, and an
    index on (value_set, code). Needs a transaction that may write.
    Raises UnknownValueSet, NotExpandable.
    """
    url, version = canonical(value_set)
    return (await compiling.compiled(tx, url=url, version=version)).number


async def is_member(tx: Tx, *, value_set: str, system: str | None, code: str) -> bool:
    """Tell whether a code is in a value set; also for grammars (languages, media types, units).

    Without a system, whether any system of the value set has that code.
    Raises UnknownValueSet, and NotExpandable where it cannot be decided.
    """
    url, version = canonical(value_set)
    found = await compiling.find(tx, url=url, version=version)
    if found.is_compiled and not found.refusal:
        return await set_store.has(tx, number=found.number, url=system, code=code)
    if found.is_compiled or await system_store.is_read_only(tx):
        return await is_in(Compiler(tx), value_set, system, code)
    try:
        number = await expanded(tx, value_set=value_set)
    except NotExpandable:
        return await is_in(Compiler(tx), value_set, system, code)
    return await set_store.has(tx, number=number, url=system, code=code)


async def descendants(tx: Tx, *, system: str | None, code: str, limit: int = MOST_CODES) -> Codes:
    """Return a concept and everything below it (`:below`, `is-a`).

    Without a system, in every system that has the code. An unknown code has only itself, and
    none without a system.
    """
    found: list[tuple[str, str]] = [(system, code)] if system is not None else []
    for one in await _systems(tx, system, code):
        below = await system_store.descendants(tx, system=one.system, code=code, limit=limit + 1)
        found += [(one.url, code), *((one.url, other) for other in below)]
    return _limited(found, limit)


async def ancestors(tx: Tx, *, system: str | None, code: str) -> Codes:
    """Return a concept and everything above it (`:above`, `generalizes`)."""
    found: list[tuple[str, str]] = [(system, code)] if system is not None else []
    for one in await _systems(tx, system, code):
        above = await system_store.ancestors(tx, system=one.system, code=code)
        found += [(one.url, code), *((one.url, other) for other in above)]
    return _limited(found, MOST_CODES)


async def _systems(tx: Tx, url: str | None, code: str) -> list[System]:
    if url is None:
        return await system_store.with_code(tx, code=code)
    one = await system_store.find(tx, url=url)
    return [] if one is None else [one]
