"""Whether one code is in a value set that cannot be listed as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yba.foundation.terminology import compiling, filter_store, grammars
from yba.foundation.terminology.compiling import Compiler
from yba.foundation.terminology.definitions import canonical
from yba.foundation.terminology.errors import NotExpandable
from yba.foundation.terminology.filtering import filtered

Json = Mapping[str, Any]
_DEEPEST = 30


async def is_in(
    compiler: Compiler, value_set: str, system: str | None, code: str, depth: int = 0
) -> bool:
    """Decide part by part. Raises UnknownValueSet, NotExpandable where a part is undecidable."""
    if depth > _DEEPEST:
        raise NotExpandable(reason="value sets include each other in a circle")
    url, version = canonical(value_set)
    found = await compiling.find(compiler.tx, url=url, version=version)
    compose: Json = found.definition.get("compose", {})
    undecided: NotExpandable | None = None
    is_included = False
    for part in compose.get("include", []):
        try:
            if await _part_has(compiler, part, system, code, depth):
                is_included = True
                break
        except NotExpandable as refused:
            undecided = refused
    if not is_included:
        if undecided is not None:
            raise undecided
        return False
    for part in compose.get("exclude", []):
        if await _part_has(compiler, part, system, code, depth):
            return False
    return True


async def _part_has(
    compiler: Compiler, part: Json, system: str | None, code: str, depth: int
) -> bool:
    url = part.get("system")
    if url is not None and system is not None and url != system:
        return False
    for value_set in part.get("valueSet", []):
        if not await is_in(compiler, str(value_set), system, code, depth + 1):
            return False
    if url is None:
        return bool(part.get("valueSet"))
    if part.get("concept"):
        return any(concept.get("code") == code for concept in part["concept"])
    if grammars.is_grammar(str(url)) and not part.get("filter"):
        return grammars.has(str(url), code)
    return await _system_has(compiler, part, code)


async def _system_has(compiler: Compiler, part: Json, code: str) -> bool:
    url = str(part["system"])
    known = await compiler.system(url, str(part.get("version", "")))
    if known is None or known.content not in compiling.WITH_CONTENT:
        raise NotExpandable(reason=f"the content of the code system {url} is not held here")
    for rule in part.get("filter", []):
        if code not in await filtered(compiler, known, rule):
            return False
    any_case = not known.case_sensitive
    return bool(
        await filter_store.some(compiler.tx, system=known.system, codes=[code], any_case=any_case)
    )
