"""The verbs of terminology: look up, search, check, load."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import cast

from yba.foundation.terminology import (
    base,
    importing,
    national,
    packages,
    shipped,
    store,
    system_store,
)
from yba.foundation.terminology.asking import (
    Coded,
    Looked,
    Terms,
    Verdict,
    known_system,
    lookup,
    scratch,
    subsumes,
    try_map,
    try_system,
    try_value_set,
    validate_in_set,
    validate_in_system,
)
from yba.foundation.terminology.compiling import Wishes
from yba.foundation.terminology.expanding import Expansion, Wanted, expand
from yba.foundation.terminology.importing import ImportReport, PublishedList
from yba.foundation.terminology.lookups import (
    Codes,
    ancestors,
    codes_of,
    descendants,
    expanded,
    is_member,
)
from yba.foundation.terminology.model import (
    CodeBook,
    Concept,
    Edition,
    Found,
    Problem,
    ProblemKind,
    Withheld,
    is_icd10_shaped,
    normal_code,
    problem,
    problems_of,
    system_name,
    words_of,
)
from yba.foundation.terminology.packages import TableColumns
from yba.foundation.terminology.system_store import System
from yba.foundation.terminology.taking_up import (
    TYPES,
    refuse_unusable,
    take_rows,
    take_up,
    withdraw,
)
from yba.foundation.terminology.translating import (
    Delta,
    Match,
    Translating,
    closure,
    is_success,
    translate,
)
from yba.kernel.text import tidy
from yba.plumbing.database import Tx

__all__ = [
    "CodeBook",
    "Coded",
    "Codes",
    "Concept",
    "Delta",
    "Edition",
    "Expansion",
    "Found",
    "ImportReport",
    "Looked",
    "Match",
    "Problem",
    "PublishedList",
    "TYPES",
    "System",
    "TableColumns",
    "Terms",
    "Translating",
    "Verdict",
    "Wanted",
    "Wishes",
    "ancestors",
    "check_diagnosis",
    "closure",
    "code_book",
    "codes_of",
    "communes",
    "concept",
    "concepts",
    "concepts_of",
    "descendants",
    "editions",
    "expand",
    "expanded",
    "import_list",
    "is_member",
    "is_success",
    "known_system",
    "load_shipped",
    "load_table",
    "lookup",
    "province_of_commune",
    "provinces",
    "refuse_unusable",
    "scratch",
    "search",
    "search_concepts",
    "shipped_concepts",
    "subsumes",
    "systems",
    "take_up",
    "translate",
    "try_map",
    "try_system",
    "try_value_set",
    "validate_in_set",
    "validate_in_system",
    "withdraw",
]

_MOST_WORDS = 8
_LONGEST_TEXT = 100


async def concept(tx: Tx, *, system: str, code: str, on: date) -> Concept | None:
    """Return the concept in force on that day, or None.

    `system` is a short name or a claim list's name; an ICD-10 code may come
    with or without its dot.
    """
    name = system_name(system)
    return await store.concept(tx, system=name, code=normal_code(name, code), on=on)


async def concepts_of(
    tx: Tx, *, system: str, codes: Sequence[str], on: date
) -> Mapping[str, Concept]:
    """Return the concepts in force among `codes`, by their stored code."""
    name = system_name(system)
    wanted = [normal_code(name, code) for code in codes]
    return await store.concepts_of(tx, system=name, codes=wanted, on=on)


async def concepts(tx: Tx, *, system: str, on: date) -> list[Concept]:
    """Return a whole list on that day, ordered by code."""
    return await store.concepts(tx, system=system_name(system), on=on)


async def code_book(tx: Tx, *, systems: Sequence[str], on: date) -> CodeBook:
    """Return whole lists of one day in memory, for checking many files."""
    lists: dict[str, Mapping[str, Concept]] = {}
    for system in map(system_name, systems):
        found = await store.concepts(tx, system=system, on=on)
        lists[system] = {item.code: item for item in found}
    return CodeBook(on, lists)


async def search(
    tx: Tx,
    *,
    system: str,
    text: str,
    on: date,
    limit: int = 20,
    sex: str | None = None,
    age_days: int | None = None,
) -> Found:
    """Return what matches `text` on that day, best first, in one statement.

    `text` is the beginning of a code, or words in any order, with or without
    accents, each perhaps unfinished. Order: the exact code, codes that begin
    so, whole words before unfinished ones, common concepts before rare ones.
    What does not fit the person's sex or age is in `withheld`, with the reason.
    """
    name = system_name(system)
    text = text[:_LONGEST_TEXT]
    words = words_of(text)[:_MOST_WORDS]
    if not words:
        return Found(())
    hits = await store.search(
        tx,
        system=name,
        on=on,
        code_key=_code_key(text),
        words=words,
        spellings=_spellings(text),
        sex=sex if sex in ("male", "female") else None,
        age_days=age_days,
        limit=limit,
    )
    withheld = [
        Withheld(hit.concept(), problem(cast("ProblemKind", hit.reason), hit.code))
        for hit in hits
        if hit.reason is not None
    ]
    return Found([hit.concept() for hit in hits if hit.reason is None], withheld)


def _code_key(text: str) -> str:
    """Return the text as the beginning of a code, or '' if it cannot be one."""
    key = text.strip().upper().replace(".", "")
    return key if key.isascii() and key.replace("_", "").isalnum() else ""


def _spellings(text: str) -> list[str]:
    """Return how a name may hold the accented text; nothing for text without accents."""
    tidied = tidy(text)
    if tidied.isascii():
        return []
    lower = tidied.lower()
    return [lower, lower[0].upper() + lower[1:]]


async def search_concepts(
    tx: Tx,
    *,
    system: str,
    text: str,
    on: date,
    limit: int = 20,
    sex: str | None = None,
    age_days: int | None = None,
) -> list[Concept]:
    """Return what `search` offers, without what it holds back."""
    found = await search(
        tx, system=system, text=text, on=on, limit=limit, sex=sex, age_days=age_days
    )
    return list(found.concepts)


async def check_diagnosis(
    tx: Tx,
    *,
    code: str,
    on: date,
    sex: str | None = None,
    age_days: int | None = None,
    as_main: bool = False,
) -> list[Problem]:
    """Return what stands against a diagnosis for this person on that day.

    `on` is the end of the encounter: the list of that day counts.
    Source: Circular 06/2026/TT-BYT; Decision 4469/QĐ-BYT annexes A2 to A4.
    """
    stored = normal_code("icd10", code)
    found = (
        await store.concept(tx, system="icd10", code=stored, on=on)
        if is_icd10_shaped(stored)
        else None
    )
    if found is None:
        return [problem("unknown", stored, on=on)]
    return problems_of(found, sex=sex, age_days=age_days, as_main=as_main)


async def provinces(tx: Tx, *, on: date) -> list[Concept]:
    """Return the provinces that exist on that day."""
    return await store.concepts(tx, system="province", on=on)


async def communes(tx: Tx, *, province: str, on: date) -> list[Concept]:
    """Return the communes of a province on that day."""
    return await store.communes(tx, province=province, on=on)


async def province_of_commune(tx: Tx, *, commune: str, on: date) -> str | None:
    """Return the province code of a commune on that day."""
    found = await store.concept(tx, system="commune", code=commune, on=on)
    return None if found is None else str(found.properties["province"])


async def editions(tx: Tx, *, limit: int = 100) -> list[Edition]:
    """Return the loaded lists, newest first."""
    return await store.editions(tx, limit=limit)


def shipped_concepts(system: str) -> Sequence[Concept]:
    """Return a list as the program ships it, without a database."""
    return shipped.concepts(system_name(system))


async def load_shipped(tx: Tx) -> int:
    """Load the lists inside the program, and the definitions of FHIR, that are new or changed.

    Called after every migration; a second call does nothing. A list that was
    replaced by an import keeps the import. Returns the number of lists loaded.
    """
    loaded = await shipped.load(tx)
    new = await national.register(tx)
    if loaded or new:
        await national.arrange(tx, system="icd10")
    await base.load(tx)
    return loaded


async def import_list(
    tx: Tx,
    *,
    published: PublishedList,
    valid_from: date,
    valid_to: date | None = None,
    allow_shrink: bool = False,
) -> ImportReport:
    """Bring a published list into force from a day, all or nothing.

    Codes that changed get a new row and the old row ends the day before;
    codes that a complete list no longer has end the day before. Importing the
    same file again changes nothing.

    Raises ListLooksTruncated if most codes in force would end.
    """
    report = await importing.apply(
        tx,
        published=published,
        valid_from=valid_from,
        valid_to=valid_to,
        allow_shrink=allow_shrink,
    )
    await national.register(tx, names=[published.system])
    if published.is_complete:
        await national.complete(tx, system=published.system)
    await national.arrange(tx, system=published.system, groups=published.groups)
    return report


async def systems(tx: Tx) -> list[System]:
    """Return every version of every code system that is known, by URL."""
    return await system_store.every(tx)


async def load_table(
    tx: Tx,
    *,
    path: Path,
    url: str,
    version: str,
    name: str,
    language: str,
    columns: TableColumns,
) -> tuple[int, int]:
    """Load a code system from a table with headings; a second time replaces it.

    Returns the number of concepts and of pairs in its hierarchy.
    Raises UnreadableList, UnusableDefinition.
    """
    row, rows = packages.table(
        path, url=url, version=version, name=name, language=language, columns=columns
    )
    return len(rows), await take_rows(tx, row, rows)
