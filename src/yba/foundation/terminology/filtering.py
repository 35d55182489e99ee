"""What a filter of a value set keeps of one code system.

Standard: FHIR R4 http://hl7.org/fhir/filter-operator; properties defined for all code systems.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import asyncpg

from yba.foundation.terminology import filter_store
from yba.foundation.terminology.errors import NotExpandable
from yba.foundation.terminology.system_store import System
from yba.plumbing.database import Tx

if TYPE_CHECKING:
    from yba.foundation.terminology.compiling import Compiler

_LONGEST_PATTERN = 500
# Back references are what makes matching take for ever.
_BACK_REFERENCE = re.compile(r"\\[1-9]|\(\?<?[=!]")
_ITSELF = frozenset({"concept", "code"})
_OF_ALL_SYSTEMS = frozenset({"inactive", "notSelectable", "status"})


async def filtered(compiler: Compiler, system: System, rule: Mapping[str, Any]) -> set[str]:
    """Return the codes of a system that one filter keeps. Raises NotExpandable."""
    tx, key = compiler.tx, system.system
    name, op, value = (str(rule.get(part, "")) for part in ("property", "op", "value"))
    match op:
        case "is-a" | "descendent-of" | "is-not-a" | "generalizes":
            if name not in _ITSELF:
                raise _undecidable(name, op)
            return await _by_hierarchy(compiler, key, op, value)
        case "=":
            return await _equal(tx, system, name, [value])
        case "in" | "not-in":
            values = await _values(compiler, value)
            found = await _equal(tx, system, name, values)
            return found if op == "in" else await _all(compiler, key) - found
        case "exists":
            if value not in ("true", "false"):
                raise NotExpandable(reason="the filter exists needs true or false")
            found = await _existing(compiler, system, name)
            return found if value == "true" else await _all(compiler, key) - found
        case "regex":
            return await _matching(tx, system, name, value)
        case _:
            raise _undecidable(name, op)


def _undecidable(name: str, op: str) -> NotExpandable:
    return NotExpandable(reason=f"the filter {name} {op} cannot be decided here")


async def _all(compiler: Compiler, key: str) -> set[str]:
    return set(await compiler.whole(key))


async def _by_hierarchy(compiler: Compiler, key: str, op: str, value: str) -> set[str]:
    tx = compiler.tx
    if op == "generalizes":
        return await filter_store.above(tx, system=key, codes=[value]) | {value}
    below = await filter_store.below(tx, system=key, codes=[value])
    if op == "descendent-of":
        return below
    below.add(value)
    return below if op == "is-a" else await _all(compiler, key) - below


async def _values(compiler: Compiler, text: str) -> list[str]:
    """Return the codes of a list apart by commas, or of the value set that it names."""
    if text.startswith(("http://", "https://", "urn:")):
        return [member.code for member in await compiler.imported(text)]
    return [part.strip() for part in text.split(",")]


async def _equal(tx: Tx, system: System, name: str, values: list[str]) -> set[str]:
    key = system.system
    if name in _ITSELF:
        return set(
            await filter_store.some(
                tx, system=key, codes=values, any_case=not system.case_sensitive
            )
        )
    match name:
        case "display":
            return await filter_store.display_is(tx, system=key, texts=values)
        case "parent":
            return await filter_store.children(tx, system=key, codes=values)
        case "child":
            return await filter_store.parents(tx, system=key, codes=values)
        case _:
            await _refuse_unknown(tx, system, name)
            return await filter_store.with_value(tx, system=key, name=name, values=values)


async def _existing(compiler: Compiler, system: System, name: str) -> set[str]:
    tx = compiler.tx
    match name:
        case "concept" | "code" | "display":
            return await _all(compiler, system.system)
        case "parent":
            return await filter_store.children(tx, system=system.system, codes=None)
        case "child":
            return await filter_store.parents(tx, system=system.system, codes=None)
        case _:
            await _refuse_unknown(tx, system, name)
            return await filter_store.with_any(tx, system=system.system, name=name)


async def _refuse_unknown(tx: Tx, system: System, name: str) -> None:
    """Refuse a property that the system neither defines nor uses: nobody knows what it means."""
    defined = {str(p.get("code", "")) for p in system.definitions.get("property", [])}
    if name in defined or name in _OF_ALL_SYSTEMS:
        return
    if not await filter_store.with_any(tx, system=system.system, name=name):
        raise _undecidable(name, "=")


async def _matching(tx: Tx, system: System, name: str, pattern: str) -> set[str]:
    if len(pattern) > _LONGEST_PATTERN or _BACK_REFERENCE.search(pattern):
        raise NotExpandable(reason="the pattern is too costly")
    whole = f"^(?:{pattern})$"
    try:
        async with tx.connection.transaction():
            before = await filter_store.hurry(tx)
            found = await _like(tx, system, name, whole)
            await filter_store.take_time(tx, before)
            return found
    except asyncpg.InvalidRegularExpressionError:
        raise NotExpandable(reason="the pattern is not a regular expression") from None
    except asyncpg.QueryCanceledError:
        raise NotExpandable(reason="the pattern is too costly") from None


async def _like(tx: Tx, system: System, name: str, pattern: str) -> set[str]:
    if name in _ITSELF:
        return await filter_store.code_like(tx, system=system.system, pattern=pattern)
    if name == "display":
        return await filter_store.display_like(tx, system=system.system, pattern=pattern)
    await _refuse_unknown(tx, system, name)
    return await filter_store.value_like(tx, system=system.system, name=name, pattern=pattern)
