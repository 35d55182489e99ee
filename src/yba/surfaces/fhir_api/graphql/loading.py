"""What a query asks of the record: resources by reference, and searches.

Main rule: what is asked while the database is busy goes in one statement (coalesced reads), so a
level of references costs one round trip; a resource is read once a request. Everything shown is
noted for the audit trail.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from yba.fhir import r4
from yba.fhir.definitions import is_resource_type
from yba.foundation.record import reading
from yba.foundation.record.model import Version
from yba.foundation.record.query.guard import Guard
from yba.foundation.record.query.parse import parse
from yba.foundation.record.reading import Page
from yba.kernel.refusal import Refusal
from yba.surfaces.fhir_api.graphql.problems import Problem
from yba.surfaces.fhir_api.interactions import Interactions

_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")
MOST_LOADED = 5000
_DEFAULT_COUNT = 100


@dataclass(slots=True)
class Loader:
    """The record as one request sees it."""

    do: Interactions
    guard: Guard | None = None
    seen: dict[tuple[str, str], Version] = field(default_factory=dict[tuple[str, str], Version])
    _reading: dict[tuple[str, str], asyncio.Future[r4.Resource | None]] = field(
        default_factory=dict[tuple[str, str], asyncio.Future[r4.Resource | None]]
    )
    _loaded: int = 0

    async def read(self, type_: str, id_: str) -> r4.Resource | None:
        """Return a resource, or None if it is not there or was deleted."""
        key = (type_, id_)
        waiting = self._reading.get(key)
        if waiting is None:
            waiting = asyncio.ensure_future(self._read(type_, id_))
            self._reading[key] = waiting
        return await waiting

    async def _read(self, type_: str, id_: str) -> r4.Resource | None:
        found = await self.do.reads.read(type_, id_, self.guard)
        return None if found is None or found.deleted else self._shown(found)

    def _shown(self, found: Version) -> r4.Resource:
        self._loaded += 1
        if self._loaded > MOST_LOADED:
            raise Problem(f"The query would load more than {MOST_LOADED} resources.")
        self.seen[found.type, found.id] = found
        return r4.decode(found.body or b"")

    def place_of(self, reference: str) -> tuple[str, str] | None:
        """Return (type, id) of a literal reference to this server, or None."""
        local = reference.removeprefix(self.do.base + "/")
        match = _REFERENCE.fullmatch(local)
        if match is None or not is_resource_type(match[1]):
            return None
        return match[1], match[2]

    async def search(
        self, type_: str, arguments: Mapping[str, Any], *, about: str = "", total: bool = False
    ) -> Page:
        """Return one page of a search; `about` is the resource that `_reference` must point to.

        Hyphens of search parameters are written `_`; a list of values means that each must match.
        Raises Problem for what cannot be searched.
        """
        pairs = _pairs(type_, arguments, about)
        if not any(name == "_count" for name, _ in pairs):
            pairs.append(("_count", str(_DEFAULT_COUNT)))
        if not total:
            pairs.append(("_total", "none"))
        offset = arguments.get("_offset", 0)
        if offset:
            raise Problem("_offset is not supported here; use a Connection and its cursors.")
        try:
            search = parse(type_, urlencode(pairs))
            async with self.do.searches.lend() as pair:
                return await reading.find(
                    pair.planning, search, now=self.do.clock(), secret=self.do.secret,
                    base=self.do.base, remembering=pair.remembering, guard=self.guard,
                )  # fmt: skip
        except Refusal as refused:
            raise Problem(refused.text()) from None

    def resources(self, found: Sequence[Version]) -> list[r4.Resource]:
        """Return the resources of a page, decoded."""
        return [self._shown(one) for one in found]


def _pairs(type_: str, arguments: Mapping[str, Any], about: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in arguments.items():
        if name == "_offset":
            continue
        if name == "_reference":
            if not about:
                raise Problem("_reference can only be used inside a resource.")
            pairs.append((str(value).replace("_", "-"), about))
            continue
        code = name if name.startswith("_") else name.replace("_", "-")
        code = "_cursor" if name == "cursor" else code
        pairs += [(code, _text(one)) for one in (value if isinstance(value, list) else [value])]
    if about and "_reference" not in arguments:
        raise Problem(f"A search of {type_} inside a resource needs the argument _reference.")
    return pairs


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Problem("A search argument must be a plain value or a list of them.")
