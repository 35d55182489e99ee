"""Taking definitions into use, and out of it.

Main rule: what a resource of the record says is in force when its transaction commits; every value set
that is made of what changed is compiled anew when it is next asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import orjson

from yba.fhir import r4
from yba.foundation.terminology import map_store, set_store, system_store
from yba.foundation.terminology.definitions import (
    MOST_CONCEPTS,
    ConceptRow,
    SystemRow,
    closure,
    concept_rows,
    contained_systems,
    map_row,
    system_row,
    value_set_definition,
    version_order,
)
from yba.foundation.terminology.errors import UnusableDefinition
from yba.plumbing.database import Tx

Json = Mapping[str, Any]
TYPES = frozenset({"CodeSystem", "ValueSet", "ConceptMap"})
FHIR_ITSELF, NATIONAL, LOADED, RECORD = 0, 1, 2, 3


class _Versioned(Protocol):
    @property
    def version(self) -> str: ...
    @property
    def origin(self) -> int: ...


V = TypeVar("V", bound=_Versioned)


async def take_up(tx: Tx, *, resources: Iterable[Any]) -> None:
    """Take resources of the record into use: CodeSystem, ValueSet, ConceptMap; others are left alone.

    Their ids are set. What the same resource said before is replaced. A CodeSystem without a URL is
    kept in the record only; sets and maps are known as `ValueSet/id` too. Raises UnusableDefinition.
    """
    wanted = [r for r in resources if type(r).__name__ in TYPES]
    if not wanted:
        return
    await system_store.lock(tx)
    for resource in wanted:
        json = orjson.loads(r4.encode(resource))
        await _take(tx, json, f"{json['resourceType']}/{json['id']}", RECORD)


def refuse_unusable(resource: Any) -> None:
    """Raise UnusableDefinition if `resource` is a definition that could not be taken up."""
    if type(resource).__name__ == "CodeSystem":
        rows_of(orjson.loads(r4.encode(resource)))


async def withdraw(tx: Tx, *, type_: str, id_: str) -> None:
    """Take a deleted resource of the record out of use."""
    if type_ not in TYPES:
        return
    await system_store.lock(tx)
    changed = await _drop(tx, f"{type_}/{id_}")
    await set_store.forget(tx, parts=changed)


async def take_json(tx: Tx, *, resources: Iterable[Json], origin: int) -> None:
    """Take definitions that no resource of the record holds into use. Raises UnusableDefinition."""
    await system_store.lock(tx)
    for json in resources:
        await _take(tx, json, "", origin)


async def _take(tx: Tx, json: Json, reference: str, origin: int) -> None:
    changed = await _drop(tx, reference) if reference else set[str]()
    url = str(json.get("url", ""))
    if not url and json["resourceType"] != "CodeSystem":
        # Sets and maps without a URL are known by their place in the record.
        url = reference
        json = {**json, "url": url}
    if url:
        changed.add(url)
        match json["resourceType"]:
            case "CodeSystem":
                changed |= await _take_system(tx, json, reference, origin)
            case "ValueSet":
                await take_value_set(tx, json, reference, origin)
            case _:
                await map_store.add(tx, map_row(json), origin=origin, resource=reference)
                await choose_map(tx, url)
    await set_store.forget(tx, parts=changed)


async def _take_system(
    tx: Tx, json: Json, reference: str, origin: int, more: Json | None = None
) -> set[str]:
    row = system_row(json)
    if more:
        row = replace(row, definitions={**row.definitions, **more})
    rows, pairs = rows_of(json)
    key = await system_store.add(tx, row, origin=origin, resource=reference)
    await system_store.put_concepts(tx, ((key, n, concept) for n, concept in enumerate(rows)))
    await system_store.put_closure(tx, ((key, *pair) for pair in pairs))
    await choose_system(tx, row.url)
    return {part for part in (row.value_set,) if part} | _implied(row.url)


def _implied(url: str) -> set[str]:
    return {f"{url}?fhir_vs"}


async def take_value_set(tx: Tx, json: Json, reference: str, origin: int) -> int:
    """Take a value set into use, with the code systems inside it under names of their own.

    Returns its number.
    """
    definition = value_set_definition(json)
    url = str(json["url"])
    local: dict[str, str] = {}
    for name, inner in contained_systems(json):
        local[name] = f"{url}{name}"
        shown = {"as": str(inner.get("url") or name)}
        await _take_system(tx, {**inner, "url": local[name]}, reference, origin, shown)
    if local:
        definition = _renamed(definition, local)
    number = await set_store.add(
        tx, resource=json, definition=definition, origin=origin, place=reference
    )
    await choose_value_set(tx, url)
    return number


def _renamed(definition: dict[str, Any], local: Mapping[str, str]) -> dict[str, Any]:
    compose = dict(definition.get("compose", {}))
    for part in ("include", "exclude"):
        if part in compose:
            compose[part] = [
                {**item, "system": local.get(item.get("system", ""), item.get("system"))}
                for item in compose[part]
            ]
    return {**definition, "compose": compose}


async def _drop(tx: Tx, reference: str) -> set[str]:
    """Forget what a resource said; return the URLs that changed by it."""
    changed: set[str] = set()
    systems = await system_store.of_resource(tx, resource=reference)
    await system_store.drop(tx, systems=[system.system for system in systems])
    for system in systems:
        changed |= {system.url, system.value_set} | _implied(system.url)
        await choose_system(tx, system.url)
    sets = await set_store.of_resource(tx, resource=reference)
    await set_store.drop(tx, numbers=[one.number for one in sets])
    for one in sets:
        changed.add(one.url)
        await choose_value_set(tx, one.url)
    maps = await map_store.of_resource(tx, resource=reference)
    await map_store.drop(tx, numbers=[one.number for one in maps])
    for mapped in maps:
        await choose_map(tx, mapped.url)
    return changed - {""}


def newest(versions: Sequence[V]) -> V | None:
    """Return which version a URL alone means.

    One with content before a mere mention, the record's before loaded ones, then the highest,
    then the one that came last.
    """
    return max(
        reversed(versions),
        key=lambda one: (
            getattr(one, "content", "") != "not-present", one.origin, version_order(one.version)
        ),
        default=None,
    )  # fmt: skip


async def choose_system(tx: Tx, url: str) -> None:
    """Decide anew which version of a system its URL alone means."""
    best = newest(sorted(await system_store.versions(tx, url=url), key=lambda s: s.number))
    if best is not None:
        await system_store.make_current(tx, url=url, system=best.system)


async def choose_value_set(tx: Tx, url: str) -> None:
    """Decide anew which version of a value set its URL alone means."""
    best = newest(sorted(await set_store.versions(tx, url=url), key=lambda s: s.number))
    if best is not None:
        await set_store.make_current(tx, url=url, number=best.number)


async def choose_map(tx: Tx, url: str) -> None:
    """Decide anew which version of a map its URL alone means."""
    best = newest(sorted(await map_store.versions(tx, url=url), key=lambda m: m.number))
    if best is not None:
        await map_store.make_current(tx, url=url, number=best.number)


def rows_of(json: Json) -> tuple[list[ConceptRow], list[tuple[str, str, bool]]]:
    """Return a CodeSystem's concepts and every pair of its hierarchy. Raises UnusableDefinition."""
    rows = concept_rows(json)
    return rows, closure({concept.code: concept.parents for concept in rows})


async def take_rows(tx: Tx, row: SystemRow, rows: Sequence[ConceptRow]) -> int:
    """Take a code system read from a table into use, in place of one loaded before.

    Returns the number of pairs of its hierarchy. Raises UnusableDefinition.
    """
    if len(rows) > MOST_CONCEPTS:
        raise UnusableDefinition(reason=f"more than {MOST_CONCEPTS} concepts")
    pairs = closure({concept.code: concept.parents for concept in rows})
    await system_store.lock(tx)
    before = [
        one.system
        for one in await system_store.versions(tx, url=row.url)
        if one.origin == LOADED and one.version == row.version
    ]
    await system_store.drop(tx, systems=before)
    key = await system_store.add(tx, row, origin=LOADED)
    await system_store.put_concepts(tx, ((key, n, concept) for n, concept in enumerate(rows)))
    await system_store.put_closure(tx, ((key, *pair) for pair in pairs))
    await choose_system(tx, row.url)
    await set_store.forget(tx, parts={row.url} | _implied(row.url))
    await system_store.analyze(tx)
    return len(pairs)
