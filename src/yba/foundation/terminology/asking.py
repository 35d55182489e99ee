"""Questions about single concepts: look up, validate, compare.

Standard: FHIR R4 CodeSystem $lookup, $validate-code, $subsumes; ValueSet $validate-code.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from yba.foundation.terminology import (
    compiling,
    filter_store,
    grammars,
    set_store,
    system_store,
    taking_up,
)
from yba.foundation.terminology.compiling import Compiler
from yba.foundation.terminology.definitions import canonical
from yba.foundation.terminology.errors import (
    BadQuestion,
    NotExpandable,
    UnknownCode,
    UnknownSystem,
)
from yba.foundation.terminology.membership import is_in
from yba.foundation.terminology.set_store import Member
from yba.foundation.terminology.system_store import Detail, Relative, System
from yba.plumbing.database import Tx

Json = Mapping[str, Any]
Outcome = Literal["equivalent", "subsumes", "subsumed-by", "not-subsumed"]
SCRATCH = "urn:yba:scratch"


@dataclass(frozen=True, slots=True)
class Coded:
    """A code as a question gives it."""

    system: str
    code: str
    version: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """Everything known of a concept on a day."""

    system: System
    detail: Detail
    display: str
    designations: Sequence[Json]
    attributes: Sequence[Mapping[str, str]]
    relatives: Sequence[Relative]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a code is valid; `display` is the one to show, `message` says what is wrong."""

    result: bool
    message: str = ""
    display: str = ""
    coded: Coded | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What every validation needs to know besides the codes."""

    on: date
    language: str = ""
    # True: groups are allowed; False: they are not; None: the asker does not say.
    abstract: bool | None = None
    notes: list[str] = field(default_factory=list[str])


async def known_system(tx: Tx, *, url: str, version: str = "") -> System:
    """Return a system by its canonical or its place in the record. Raises UnknownSystem."""
    if url.startswith("CodeSystem/"):
        held = await system_store.of_resource(tx, resource=url)
        if held:
            return held[0]
    base, named = canonical(url)
    found = await system_store.find(tx, url=base, version=version or named)
    if found is None:
        raise UnknownSystem(url=f"{base}|{version or named}" if version or named else base)
    return found


async def lookup(tx: Tx, *, coded: Coded, on: date, language: str = "") -> Looked:
    """Return what is known of a code. Raises UnknownSystem, UnknownCode."""
    system = await known_system(tx, url=coded.system, version=coded.version)
    detail = await system_store.detail(tx, system=system, code=coded.code, on=on)
    if detail is None:
        raise UnknownCode(url=system.url)
    designations = list(designations_of(system, detail))
    attributes = [*detail.attributes, *_national(detail)]
    supplements = await system_store.supplements_of(tx, url=system.url)
    for more in await system_store.additions(
        tx, systems=[one.system for one in supplements], code=detail.code
    ):
        designations += more.designations
        attributes += more.attributes
    return Looked(
        system,
        detail,
        display_in(language, system.language, detail.name_vi, designations),
        designations,
        attributes,
        await system_store.relatives(tx, system=system.system, code=detail.code),
    )


def designations_of(system: System, detail: Detail) -> Iterable[Json]:
    """Return the other names of a concept; of a national list, both languages."""
    if system.origin == taking_up.NATIONAL:
        yield {"language": "vi", "value": detail.name_vi}
        if detail.name_en:
            yield {"language": "en", "value": detail.name_en}
    yield from detail.designations


def _national(detail: Detail) -> Iterable[Mapping[str, str]]:
    """Return what a national list says of a code as FHIR properties."""
    if detail.properties or detail.valid_from != system_store.OPEN:
        yield {"c": "effectiveDate", "t": "dateTime", "v": detail.valid_from.isoformat()}
        if detail.valid_to is not None:
            yield {"c": "deprecationDate", "t": "dateTime", "v": detail.valid_to.isoformat()}
    for name, value in detail.properties.items():
        for one in value if isinstance(value, list) else [value]:
            kind = {bool: "boolean", int: "integer", float: "decimal"}.get(type(one), "string")
            text = str(one).lower() if kind == "boolean" else str(one)
            yield {"c": name, "t": kind, "v": text}


def display_in(wanted: str, own: str, display: str, designations: Iterable[Json]) -> str:
    """Return the name in the wanted language, or the usual one."""
    if not wanted:
        return display
    for tag in (part.partition(";")[0].strip() for part in wanted.split(",")):
        if _speaks(own, tag):
            return display
        for one in designations:
            if _speaks(str(one.get("language", "")), tag):
                return str(one.get("value", display))
    return display


def _speaks(language: str, wanted: str) -> bool:
    language, wanted = language.lower(), wanted.lower()
    return language != "" and (
        language == wanted or language.startswith(wanted + "-") or wanted.startswith(language + "-")
    )


# -- validation -----------------------------------------------------------------------------------


async def validate_in_system(tx: Tx, *, coded: Coded, terms: Terms) -> Verdict:
    """Say whether a code system has a code, and whether the display is one of its names.

    Raises UnknownSystem.
    """
    if grammars.is_grammar(coded.system):
        return _by_grammar(coded)
    system = await known_system(tx, url=coded.system, version=coded.version)
    detail = await system_store.detail(tx, system=system, code=coded.code, on=terms.on)
    if detail is None:
        part = "" if system.content == "complete" else ", of which only a part is held here"
        return Verdict(
            False, f"The code is not in the code system {system.canonical}{part}.", coded=coded
        )
    return await _judged(tx, coded, system, detail, terms, None)


def _by_grammar(coded: Coded) -> Verdict:
    if not grammars.has(coded.system, coded.code):
        return Verdict(False, f"The code does not follow {coded.system}.", coded=coded)
    return Verdict(True, display=grammars.display(coded.system, coded.code), coded=coded)


async def _judged(
    tx: Tx, coded: Coded, system: System, detail: Detail, terms: Terms, member: Member | None
) -> Verdict:
    names = [*designations_of(system, detail), *((member.designations or []) if member else [])]
    for one in await system_store.supplements_of(tx, url=system.url):
        for more in await system_store.additions(tx, systems=[one.system], code=detail.code):
            names += more.designations
    usual = (member.display if member else "") or detail.name_vi
    best = display_in(terms.language, system.language, usual, names)
    if detail.is_abstract and terms.abstract is False:
        return Verdict(False, "The code is abstract: choose a more specific one.", best, coded)
    known = [usual, detail.name_vi, *(str(n.get("value", "")) for n in names)]
    return _with_display(coded, best, known)


def _with_display(coded: Coded, best: str, known: Iterable[str]) -> Verdict:
    """Compare the given display with every name, whatever its case and spaces."""
    if coded.display:
        given = " ".join(coded.display.split()).casefold()
        if all(given != " ".join(name.split()).casefold() for name in known):
            return Verdict(False, f'The display "{coded.display}" is incorrect', best, coded)
    return Verdict(True, display=best, coded=coded)


async def validate_in_set(
    tx: Tx, *, value_set: str, codings: Sequence[Coded], terms: Terms
) -> Verdict:
    """Say whether one of the codings is in a value set, the first that is.

    A coding without a system may have any system of the value set that has the code.
    Raises UnknownValueSet, NotExpandable where it cannot be decided, BadQuestion where the
    system is missing and several have the code.
    """
    undecided: NotExpandable | None = None
    refused: Verdict | None = None
    for coded in codings:
        try:
            verdict = await _validate_one(tx, value_set, coded, terms)
        except NotExpandable as problem:
            undecided = problem
            continue
        if verdict.result:
            return verdict
        if refused is None or (verdict.display and not refused.display):
            refused = verdict
    if undecided is not None:
        raise undecided
    return refused or Verdict(False, "No code is given.")


async def _validate_one(tx: Tx, value_set: str, coded: Coded, terms: Terms) -> Verdict:
    url, version = canonical(value_set)
    try:
        found = await compiling.compiled(tx, url=url, version=version)
    except NotExpandable:
        return await _validate_apart(tx, value_set, coded, terms)
    members = await set_store.members_with(
        tx, number=found.number, url=coded.system or None, code=coded.code
    )
    if not members:
        members = await _in_other_case(tx, found.number, coded)
    if not coded.system and len({member.url for member in members}) > 1:
        raise BadQuestion(reason="several systems of the value set have this code: name one")
    if not members:
        return await _not_in(tx, value_set, coded)
    member = members[0]
    coded = Coded(member.url, member.code, coded.version, coded.display)
    system = await system_store.by_key(tx, system=member.system) if member.system else None
    if system is not None:
        detail = await system_store.detail(tx, system=system, code=member.code, on=terms.on)
        if detail is None:
            return Verdict(False, "The code was not valid on that day.", coded=coded)
        if coded.version and system.version and coded.version != system.version:
            return Verdict(
                False, f"The value set has version {system.version} of the system.", coded=coded
            )
        return await _judged(tx, coded, system, detail, terms, member)
    names = [member.display, *(str(n.get("value", "")) for n in member.designations or [])]
    best = display_in(terms.language, "", member.display, member.designations or [])
    return _with_display(coded, best, names)


async def _in_other_case(tx: Tx, number: int, coded: Coded) -> list[Member]:
    """Find the code in a system that does not distinguish letters' case."""
    if not coded.system:
        return []
    system = await system_store.find(tx, url=coded.system, version=coded.version)
    if system is None or system.case_sensitive:
        return []
    true = await filter_store.some(tx, system=system.system, codes=[coded.code], any_case=True)
    if not true:
        return []
    return await set_store.members_with(tx, number=number, url=coded.system, code=true[0])


async def _not_in(tx: Tx, value_set: str, coded: Coded) -> Verdict:
    message = f"The code is not in the value set {_shown(value_set)}."
    if coded.system and not grammars.is_grammar(coded.system):
        system = await system_store.find(tx, url=coded.system, version=coded.version)
        if system is None:
            message += f" The code system {coded.system} is not known here."
    return Verdict(False, message, coded=coded)


def _shown(value_set: str) -> str:
    return "that was given" if value_set.startswith(SCRATCH) else value_set


async def _validate_apart(tx: Tx, value_set: str, coded: Coded, terms: Terms) -> Verdict:
    """Decide for a value set that cannot be listed."""
    if not await is_in(Compiler(tx), value_set, coded.system or None, coded.code):
        return await _not_in(tx, value_set, coded)
    if not coded.system:
        return Verdict(True, coded=coded)
    if grammars.is_grammar(coded.system):
        return _by_grammar(coded)
    system = await system_store.find(tx, url=coded.system, version=coded.version)
    detail = system and await system_store.detail(tx, system=system, code=coded.code, on=terms.on)
    if system is None or detail is None:
        return Verdict(True, coded=coded)
    return await _judged(tx, coded, system, detail, terms, None)


# -- comparing ------------------------------------------------------------------------------------


async def subsumes(tx: Tx, *, a: Coded, b: Coded, on: date) -> Outcome:
    """Say how two codes of one system stand to each other.

    Raises UnknownSystem, UnknownCode, BadQuestion for two systems.
    """
    if a.system != b.system:
        raise BadQuestion(reason="both codes must be of one code system")
    system = await known_system(tx, url=a.system, version=a.version or b.version)
    first = await system_store.detail(tx, system=system, code=a.code, on=on)
    second = await system_store.detail(tx, system=system, code=b.code, on=on)
    if first is None or second is None:
        raise UnknownCode(url=system.url)
    if first.code == second.code:
        return "equivalent"
    key = system.system
    if await system_store.is_above(tx, system=key, ancestor=first.code, descendant=second.code):
        return "subsumes"
    if await system_store.is_above(tx, system=key, ancestor=second.code, descendant=first.code):
        return "subsumed-by"
    return "not-subsumed"


@asynccontextmanager
async def scratch(tx: Tx) -> AsyncGenerator[None]:
    """Try definitions that a question brings along; nothing of them stays."""
    transaction = tx.connection.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


async def try_value_set(tx: Tx, json: Json) -> str:
    """Take a value set up under a name for this question only; return that name."""
    await taking_up.take_value_set(tx, {**json, "url": SCRATCH}, "", taking_up.LOADED)
    return SCRATCH


async def try_system(tx: Tx, json: Json) -> str:
    """Take a code system up for this question only; return its URL."""
    url = str(json.get("url") or SCRATCH)
    await taking_up.take_json(tx, resources=[{**json, "url": url}], origin=taking_up.RECORD)
    return url


async def try_map(tx: Tx, json: Json) -> str:
    """Take a concept map up for this question only; return its URL."""
    await taking_up.take_json(tx, resources=[{**json, "url": SCRATCH}], origin=taking_up.RECORD)
    version = json.get("version")
    return f"{SCRATCH}|{version}" if version else SCRATCH
