"""The expansion of a value set, as $expand answers it.

Standard: FHIR R4 ValueSet $expand, ValueSet.expansion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from yba.foundation.terminology import asking, compiling, set_store, system_store
from yba.foundation.terminology.asking import display_in
from yba.foundation.terminology.compiling import Compiler, Wishes
from yba.foundation.terminology.definitions import canonical
from yba.foundation.terminology.errors import TooCostly
from yba.foundation.terminology.model import words_of
from yba.foundation.terminology.set_store import Shown, ValueSet
from yba.foundation.terminology.system_store import System
from yba.foundation.terminology.taking_up import NATIONAL
from yba.plumbing.database import Tx

Json = dict[str, Any]
MOST_SHOWN = 20_000
_MOST_WORDS = 8
_LONGEST_FILTER = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an expansion is asked for; `value_set` is a canonical, `given` one that comes along."""

    value_set: str = ""
    given: Mapping[str, Any] | None = None
    on: date = date(1900, 1, 1)
    filter: str = ""
    offset: int = 0
    count: int | None = None
    designations: bool = False
    designation: frozenset[str] = frozenset()
    definition: bool = False
    active_only: bool = False
    nested: bool = False
    for_choice: bool = False
    language: str = ""
    wishes: Wishes = field(default_factory=Wishes)


@dataclass(frozen=True, slots=True)
class Expansion:
    """A value set with its members: `contains` as in ValueSet.expansion.contains."""

    value_set: ValueSet
    total: int
    contains: list[Json]
    # What was used: (url|version) of each system.
    versions: list[str]
    offset: int | None


async def expand(tx: Tx, wanted: Wanted) -> Expansion:
    """Return one page of a value set, or all of it.

    Raises UnknownValueSet, NotExpandable, TooCostly where a whole answer would be too large.
    """
    async with AsyncExitStack() as stack:
        if wanted.given is not None or wanted.wishes:
            await stack.enter_async_context(asking.scratch(tx))
        value_set = await _prepared(tx, wanted)
        shown, total = await _page(tx, value_set, wanted)
        if wanted.count == 0:
            shown = []
        elif wanted.count is None and total > MOST_SHOWN:
            raise TooCostly(limit=MOST_SHOWN)
        return await _expansion(tx, value_set, wanted, shown, total)


async def _prepared(tx: Tx, wanted: Wanted) -> ValueSet:
    name = wanted.value_set
    if wanted.given is not None:
        name = await asking.try_value_set(tx, wanted.given)
    url, version = canonical(name)
    if not wanted.wishes:
        return await compiling.compiled(tx, url=url, version=version)
    found = await compiling.find(tx, url=url, version=version)
    members = await Compiler(tx, wanted.wishes).imported(name)
    number = await set_store.add(
        tx, resource={"url": asking.SCRATCH}, definition={}, origin=0, place=""
    )
    await set_store.keep(tx, number=number, members=members, refusal="", made_of=[])
    return replace(found, number=number, is_dated=True)


async def _page(tx: Tx, value_set: ValueSet, wanted: Wanted) -> tuple[list[Shown], int]:
    words = words_of(wanted.filter[:_LONGEST_FILTER])[:_MOST_WORDS]
    if wanted.filter.strip() and not words:
        return [], 0
    limit = MOST_SHOWN + 1 if wanted.count is None else max(wanted.count, 1)
    return await set_store.page(
        tx,
        value_set=value_set,
        on=wanted.on,
        words=words,
        beginning=_beginning(wanted.filter) if words else "",
        active_only=wanted.active_only,
        without_groups=wanted.for_choice,
        offset=wanted.offset,
        limit=min(limit, MOST_SHOWN + 1),
    )


def _beginning(text: str) -> str:
    key = text.strip().upper().replace(".", "")
    return key if key.isascii() and " " not in key else ""


async def _expansion(
    tx: Tx, value_set: ValueSet, wanted: Wanted, shown: Sequence[Shown], total: int
) -> Expansion:
    systems = {
        key: await system_store.by_key(tx, system=key) for key in {s.system for s in shown} - {""}
    }
    entries = [_entry(one, systems.get(one.system), wanted) for one in shown]
    is_paged = wanted.count is not None or wanted.offset > 0
    contains = entries
    if wanted.nested and not is_paged and not wanted.filter:
        contains = await _nested(tx, shown, entries)
    versions = list(
        dict.fromkeys(f"{one.url}|{one.version}" if one.version else one.url for one in shown)
    )
    return Expansion(value_set, total, contains, versions, wanted.offset if is_paged else None)


def _entry(one: Shown, system: System | None, wanted: Wanted) -> Json:
    names = list(_names(one, system))
    own = system.language if system else ""
    entry: Json = {"system": one.url}
    if one.is_abstract:
        entry["abstract"] = True
    if one.is_inactive:
        entry["inactive"] = True
    entry["code"] = one.code
    entry["display"] = display_in(
        wanted.language, own, one.display or one.name_vi or one.code, names
    )
    if wanted.designations or wanted.designation:
        kept = [n for n in names if not wanted.designation or _is_wanted(n, wanted.designation)]
        if kept:
            entry["designation"] = kept
    return entry


def _names(one: Shown, system: System | None) -> Iterable[Json]:
    if system is not None and system.origin == NATIONAL:
        if one.name_vi:
            yield {"language": "vi", "value": one.name_vi}
        if one.name_en:
            yield {"language": "en", "value": one.name_en}
    for name in (*(one.designations or ()), *(one.known or ())):
        yield {k: name[k] for k in ("language", "use", "value") if k in name}


def _is_wanted(name: Json, tokens: frozenset[str]) -> bool:
    use: Json = name.get("use", {})
    language = str(name.get("language", ""))
    return bool(
        tokens
        & {
            language, f"urn:ietf:bcp:47|{language}",
            f"{use.get('system', '')}|{use.get('code', '')}", str(use.get("code", "")),
        }
        - {"", "|", "urn:ietf:bcp:47|"}
    )  # fmt: skip


async def _nested(tx: Tx, shown: Sequence[Shown], entries: Sequence[Json]) -> list[Json]:
    """Hang each entry below its parent, where that is in the value set too."""
    places = {(one.system, one.code): n for n, one in enumerate(shown) if one.system}
    below: dict[int, int] = {}
    for system in {one.system for one in shown} - {""}:
        codes = [one.code for one in shown if one.system == system]
        for parent, child in await system_store.edges(tx, system=system, codes=codes):
            at, above = places[system, child], places.get((system, parent))
            if above is not None and (at not in below or above < below[at]):
                below[at] = above
    roots: list[Json] = []
    for n, entry in enumerate(entries):
        if n in below:
            entries[below[n]].setdefault("contains", []).append(entry)
        else:
            roots.append(entry)
    return roots
