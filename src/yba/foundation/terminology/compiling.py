"""Which codes a value set has: include and exclude, filters, imports of other value sets.

Main rule: a set is exact or not given. Parts are fetched as sets of codes with constant statements and
put together here; the result is kept in `terminology.member` until a part changes.
Standard: FHIR R4 ValueSet.compose; filter operators of ValueSet.compose.include.filter.op.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from yba.foundation.terminology import filter_store, grammars, set_store, system_store
from yba.foundation.terminology.definitions import canonical
from yba.foundation.terminology.errors import ENDLESS, NotExpandable, UnknownValueSet
from yba.foundation.terminology.filtering import filtered
from yba.foundation.terminology.set_store import Member, ValueSet
from yba.foundation.terminology.system_store import System
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx

Json = Mapping[str, Any]
_DEEPEST = 30
_MOST_MEMBERS = 500_000
# How many codes one value set may look at, all its parts together; a pattern counts as many.
_MOST_LOOKED_AT = 3_000_000
_COST_OF_PATTERN = 200_000
_COST_OF_STATEMENT = 5_000
WITH_CONTENT = frozenset({"complete", "fragment", "example"})


@dataclass(slots=True)
class Wishes:
    """What a question says about versions and systems; none for the expansion that is kept."""

    assumed: Mapping[str, str] = field(default_factory=dict[str, str])
    forced: Mapping[str, str] = field(default_factory=dict[str, str])
    checked: Mapping[str, str] = field(default_factory=dict[str, str])
    excluded: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.assumed or self.forced or self.checked or self.excluded)


@dataclass(slots=True)
class Compiler:
    """Puts one value set together; remembers what it is made of."""

    tx: Tx
    wishes: Wishes = field(default_factory=Wishes)
    parts: set[str] = field(default_factory=set[str])
    _open: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    _spent: int = 0
    _wholes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _done: dict[tuple[str, str], list[Member]] = field(
        default_factory=dict[tuple[str, str], list[Member]]
    )

    def spend(self, codes: int) -> None:
        """Count what this value set costs. Raises NotExpandable when it is too much."""
        self._spent += codes + _COST_OF_STATEMENT
        if self._spent > _MOST_LOOKED_AT:
            raise NotExpandable(reason="the definition is too costly")

    async def members(self, definition: Json) -> list[Member]:
        """Return the members of a definition in order. Raises NotExpandable, UnknownValueSet."""
        if "expansion" in definition:
            return list(_listed(definition["expansion"].get("contains", [])))
        compose: Json = definition.get("compose", {})
        found: dict[tuple[str, str], Member] = {}
        for part in compose.get("include", []):
            for member in await self._part(part):
                found.setdefault((member.url, member.code), member)
            if len(found) > _MOST_MEMBERS:
                raise NotExpandable(reason=f"it has more than {_MOST_MEMBERS} codes")
        for part in compose.get("exclude", []):
            for member in await self._part(part):
                found.pop((member.url, member.code), None)
        members = list(found.values())
        if compose.get("inactive") is False:
            members = await self._active(members)
        if self.wishes.excluded:
            members = [m for m in members if m.url not in self.wishes.excluded]
        return members

    async def _active(self, members: Sequence[Member]) -> list[Member]:
        inactive: set[tuple[str, str]] = set()
        for system in {m.system for m in members if m.system}:
            codes = await filter_store.with_value(
                self.tx, system=system, name="inactive", values=["true"]
            )
            inactive |= {(system, code) for code in codes}
        return [m for m in members if (m.system, m.code) not in inactive]

    async def _part(self, part: Json) -> list[Member]:
        """Return the members of one include or exclude: all that its system and its sets share."""
        own = await self._of_system(part) if part.get("system") else None
        imported: list[list[Member]] = [
            await self.imported(str(url)) for url in part.get("valueSet", [])
        ]
        if own is None:
            own = imported.pop(0) if imported else []
        for others in imported:
            keys = {(member.url, member.code) for member in others}
            own = [member for member in own if (member.url, member.code) in keys]
        return own

    async def imported(self, text: str) -> list[Member]:
        """Return the members of a value set by its canonical."""
        url, version = canonical(text)
        self.parts.add(url)
        value_set = await find(self.tx, url=url, version=version)
        place = (value_set.url, value_set.version)
        if place in self._open or len(self._open) > _DEEPEST:
            raise NotExpandable(reason="value sets include each other in a circle")
        if place in self._done:
            self.spend(len(self._done[place]))
            return self._done[place]
        if value_set.number and value_set.is_compiled and not self.wishes:
            if value_set.refusal:
                raise NotExpandable(reason=value_set.refusal)
            self.parts.update(await set_store.parts(self.tx, number=value_set.number))
            return await set_store.members(self.tx, number=value_set.number, limit=_MOST_MEMBERS)
        self._open.append(place)
        try:
            self._done[place] = await self.members(value_set.definition)
        finally:
            self._open.pop()
        return self._done[place]

    async def system(self, url: str, version: str) -> System | None:
        """Return the version of a system that this question wants."""
        self.parts.add(url)
        version = self.wishes.forced.get(url) or version or self.wishes.assumed.get(url, "")
        wanted = self.wishes.checked.get(url)
        found = await system_store.find(self.tx, url=url, version=version)
        if wanted and found is not None and found.version != wanted:
            raise NotExpandable(reason=f"version {found.version} of {url} is not the checked one")
        return found

    async def whole(self, key: str) -> list[str]:
        """Return all codes of a system in its order, read once."""
        if key not in self._wholes:
            self._wholes[key] = await filter_store.whole(self.tx, system=key)
        return self._wholes[key]

    async def _of_system(self, part: Json) -> list[Member]:
        url, version = str(part["system"]), str(part.get("version", ""))
        if url in self.wishes.excluded:
            return []
        system = await self.system(url, version)
        listed: Sequence[Json] = part.get("concept", [])
        filters: Sequence[Json] = part.get("filter", [])
        if listed:
            return await self._of_list(url, version, system, listed)
        if grammars.is_listed(url) and not filters:
            return [Member("", url, "", code, display) for code, display in grammars.listed(url)]
        if system is None and grammars.is_grammar(url):
            raise NotExpandable(reason=f"the code system {url} {ENDLESS}")
        if system is None:
            raise NotExpandable(reason=f"the code system {_named(url, version)} is not known here")
        if system.content not in WITH_CONTENT:
            raise NotExpandable(reason=f"the content of the code system {url} is not held here")
        codes = await self.whole(system.system)
        self.spend(len(codes))
        for rule in filters:
            self.spend(_COST_OF_PATTERN if rule.get("op") == "regex" else len(codes))
            kept = await filtered(self, system, rule)
            codes = [code for code in codes if code in kept]
        # A code system inside a value set goes by the name it has there.
        shown = str(system.definitions.get("as") or url)
        return [Member(system.system, shown, system.version, code) for code in codes]

    async def _of_list(
        self, url: str, version: str, system: System | None, listed: Sequence[Json]
    ) -> list[Member]:
        codes = [str(concept.get("code", "")) for concept in listed]
        holds = system is not None and system.content in WITH_CONTENT
        known: dict[str, str] = {}
        if system is not None and holds:
            found = await filter_store.some(
                self.tx, system=system.system, codes=codes, any_case=not system.case_sensitive
            )
            known = {code if system.case_sensitive else code.lower(): code for code in found}
        result: list[Member] = []
        for concept, code in zip(listed, codes, strict=True):
            display = str(concept.get("display", ""))
            designations = list(concept.get("designation", [])) or None
            if system is None or not holds or system.content != "complete":
                # A list of codes is exact even where their system is held elsewhere.
                key = system.system if system and code in known else ""
                release = system.version if system else version
                result.append(Member(key, url, release, code, display or code, designations))
                continue
            true = known.get(code if system.case_sensitive else code.lower())
            if true is not None:
                result.append(
                    Member(
                        system.system,
                        str(system.definitions.get("as") or url),
                        system.version,
                        true,
                        display,
                        designations,
                    )
                )
        return result


def _named(url: str, version: str) -> str:
    return f"{url}|{version}" if version else url


def _listed(contains: Iterable[Json]) -> Iterable[Member]:
    waiting = list(contains)[::-1]
    while waiting:
        entry = waiting.pop()
        if entry.get("code") and entry.get("system"):
            yield Member(
                "", str(entry["system"]), str(entry.get("version", "")), str(entry["code"]),
                str(entry.get("display") or entry["code"]), entry.get("designation"),
            )  # fmt: skip
        waiting.extend(reversed(entry.get("contains", [])))


async def find(tx: Tx, *, url: str, version: str = "") -> ValueSet:
    """Return a value set by its canonical, also one that a code system implies.

    `ValueSet/id` is the one that a resource of the record holds; `system?fhir_vs` is all of a system, `system?fhir_vs=isa/code` a concept and all below it.
    Raises UnknownValueSet.
    """
    found = await set_store.find(tx, url=url, version=version)
    if found is not None:
        return found
    if url.startswith("ValueSet/"):
        held = await set_store.of_resource(tx, resource=url)
        if held:
            return held[0]
    base, mark, rest = url.partition("?fhir_vs")
    rule: list[Json] = []
    if mark:
        if rest.startswith("=isa/") and len(rest) > len("=isa/"):
            rule = [{"property": "concept", "op": "is-a", "value": rest.removeprefix("=isa/")}]
        elif rest:
            raise UnknownValueSet(url=url)
        system = await system_store.find(tx, url=base, version=version)
    else:
        system = await system_store.of_value_set(tx, url=url)
    if system is None:
        raise UnknownValueSet(url=url)
    include: Json = {"system": system.url, "version": system.version, "filter": rule}
    return ValueSet(
        0, url, version, system.name, system.name, system.status, {"compose": {"include": [include]}},
        system.origin, "", is_current=True, is_compiled=False, refusal="",
    )  # fmt: skip


async def compiled(tx: Tx, *, url: str, version: str = "") -> ValueSet:
    """Return a value set whose members are kept, compiling it where they are not yet.

    A value set that a system implies is added first, so that it has a number.
    Raises UnknownValueSet, NotExpandable.
    """
    value_set = await find(tx, url=url, version=version)
    if not value_set.is_compiled:
        await system_store.share(tx)
        value_set = await _with_number(tx, value_set)
        if await set_store.is_still_open(tx, number=value_set.number):
            await _compile(tx, value_set)
        value_set = await find(tx, url=url, version=version)
    if value_set.refusal:
        raise NotExpandable(reason=value_set.refusal)
    return value_set


async def _with_number(tx: Tx, value_set: ValueSet) -> ValueSet:
    if value_set.number:
        return value_set
    head = {"url": value_set.url, "version": value_set.version, "name": value_set.name,
            "title": value_set.title, "status": value_set.status}  # fmt: skip
    number = await set_store.add(
        tx, resource=head, definition=value_set.definition, origin=0, place=""
    )
    await set_store.make_current(tx, url=value_set.url, number=number)
    return await find(tx, url=value_set.url, version=value_set.version)


async def _compile(tx: Tx, value_set: ValueSet) -> None:
    compiler = Compiler(tx, parts={value_set.url})
    refusal, members = "", list[Member]()
    try:
        members = await compiler.imported(_named(value_set.url, value_set.version))
    except Refusal as refused:
        refusal = str(refused.values.get("reason") or refused.text()).rstrip(".")
    await set_store.keep(
        tx, number=value_set.number, members=members, refusal=refusal, made_of=compiler.parts
    )
