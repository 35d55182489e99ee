"""Search parameters that a site adds by writing SearchParameter resources, while the server runs.

Main rules: a parameter is searchable once everything stored is filed by it, never before. Every
process learns of a change at its next search, at the latest a second later, and every write by the
stamp that its own statement reads, so that nothing is filed by an outdated list.
Standard: FHIR R4 SearchParameter.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from yba.fhir import r4
from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.index import Kind, SearchParam, search_parameters
from yba.fhir.interpreted import (
    INDEXED_KINDS,
    Interpreted,
    Pairs,
    interpreted,
    pairs,
    refuse_senseless,
)
from yba.foundation.record import parameter_store
from yba.foundation.record.errors import UnusableParameter
from yba.foundation.record.plans import (
    TYPE_NAMES,
    TYPE_NUMBERS,
    filed_with,
    plan_of,
    put_filed_with,
)
from yba.plumbing.database import Tx

_FRESH_SECONDS = 1.0
_CODE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_SECOND_PARTS = ("token", "reference", "quantity", "date")
_checked_at = [float("-inf")]


@dataclass(frozen=True, slots=True)
class Added:
    """One parameter that a site has added; a line of record.parameter."""

    number: int
    id: str
    url: str
    code: str
    kind: str
    expression: str
    types: list[int]
    targets: list[str]
    # Of a composite: "code kind path" of each part.
    parts: list[str]
    state: str

    def parameter(self) -> SearchParam:
        """Return it as search knows parameters."""
        return SearchParam(
            code=self.code,
            kind=cast(Kind, self.kind),
            elements=(self.number,),
            targets=tuple(self.targets),
            components=tuple((code, kind) for code, kind, _ in _split(self.parts)),
            expression=self.expression,
            definition=self.url,
        )


_known: list[Added] = []


# -- what this process knows ------------------------------------------------------------------


def stale() -> bool:
    """Return whether it is time to ask for changes."""
    return time.monotonic() - _checked_at[0] > _FRESH_SECONDS


def forget() -> None:
    """Know nothing: this process now works with another database, or has changed the list."""
    _checked_at[0] = float("-inf")


async def refresh(tx: Tx) -> None:
    """Learn of added and withdrawn parameters, if there are any changes."""
    version: int = await tx.value(parameter_store.STAMP)
    if version != filed_with():
        added = await tx.rows(Added, parameter_store.IN_FORCE)
        _install(added)
        put_filed_with(version)
    _checked_at[0] = time.monotonic()


def _split(parts: list[str]) -> list[tuple[str, Kind, str]]:
    found = [part.split(" ", 2) for part in parts]
    return [(code, cast(Kind, kind), path) for code, kind, path in found]


def _compiled(number: int, kind: Kind, expression: str, parts: list[str]) -> Interpreted | Pairs:
    if kind != "composite":
        return interpreted(number, kind, expression)
    return pairs(number, expression, [(kind, path) for _, kind, path in _split(parts)])


def _install(added: list[Added]) -> None:
    _known[:] = added
    compiled = {
        one.number: _compiled(one.number, cast(Kind, one.kind), one.expression, one.parts)
        for one in added
    }
    for name in TYPE_NAMES:
        plan = plan_of(name)
        own = [one for one in added if plan.number in one.types]
        if own or plan.added:
            ready = {one.code for one in own if one.state == "active"}
            plan.put_added([(one.parameter(), compiled[one.number]) for one in own], ready)


# -- what a write of a SearchParameter means ----------------------------------------------------


def refuse_unusable(resource: r4.SearchParameter) -> None:
    """Raise UnusableParameter if an active SearchParameter cannot be indexed exactly."""
    if resource.status != "active" or not _new_types(resource):
        return
    code, kind, expression = resource.code or "", resource.type or "", resource.expression
    if not code or not _CODE_LETTERS.issuperset(code):
        raise UnusableParameter(reason="its code must be letters, digits, - and _")
    if kind not in (*INDEXED_KINDS, "composite"):
        raise UnusableParameter(reason="its type must be one of " + ", ".join(INDEXED_KINDS))
    if not expression:
        raise UnusableParameter(reason="it has no expression")
    try:
        compiled = _compiled(0, cast(Kind, kind), expression, _parts(resource))
    except FhirPathError as problem:
        raise UnusableParameter(reason=f"its expression cannot be read: {problem}") from None
    _refuse_twin(resource, _known)
    for number in _new_types(resource):
        try:
            refuse_senseless(compiled, TYPE_NAMES[number - 1])
        except FhirPathError as problem:
            raise UnusableParameter(reason=f"its expression has no meaning: {problem}") from None


def _parts(resource: r4.SearchParameter) -> list[str]:
    """Return the parts of a composite as `Added` has them; none of another kind.

    A part is a parameter of the standard, of every type that the composite is new to; the first
    is a token, as in all composites of the standard. Raises UnusableParameter.
    """
    if resource.type != "composite":
        return []
    found: list[str] = []
    for part in resource.component or ():
        kinds = {
            (parameter.code, parameter.kind)
            for number in _new_types(resource)
            for parameter in search_parameters(TYPE_NAMES[number - 1]).values()
            if parameter.definition == part.definition
        }
        if len(kinds) != 1 or not part.expression:
            raise UnusableParameter(reason="each part must be a parameter of the standard")
        found.append(" ".join((*kinds.pop(), part.expression)))
    kinds = [part.split(" ")[1] for part in found]
    if len(kinds) != 2 or kinds[0] != "token" or kinds[1] not in _SECOND_PARTS:
        raise UnusableParameter(
            reason="a composite is a token and one of " + ", ".join(_SECOND_PARTS)
        )
    return found


def _refuse_twin(resource: r4.SearchParameter, known: list[Added]) -> None:
    types = set(_new_types(resource))
    for one in known:
        if one.id != resource.id and one.code == resource.code and types & set(one.types):
            raise UnusableParameter(reason="another parameter of this type has its code")


def _new_types(resource: r4.SearchParameter) -> list[int]:
    """Return the numbers of the types that have no parameter of this code by the standard."""
    base: set[str] = {name for name in resource.base or () if name is not None}
    names = TYPE_NAMES if base & {"Resource", "DomainResource"} else sorted(base)
    return [
        TYPE_NUMBERS[name]
        for name in names
        if name in TYPE_NUMBERS and resource.code not in search_parameters(name)
    ]


async def take_up(tx: Tx, resource: r4.SearchParameter, *, at: datetime) -> None:
    """Bring a SearchParameter that was written into force, or out of it if it is not active.

    Raises UnusableParameter where another parameter has the same code at a type.
    """
    assert resource.id is not None
    known = await tx.rows(Added, parameter_store.IN_FORCE)
    wanted = _definition(resource)
    if any(one.id == resource.id and _values(one) == wanted for one in known):
        return
    await withdraw(tx, resource.id, at=at)
    if wanted is None:
        return
    _refuse_twin(resource, known)
    number: int = await tx.value(parameter_store.ADD, resource.id, *wanted.values())
    await tx.execute(parameter_store.ASK, wanted["types"], number, at)
    await _changed(tx)


async def withdraw(tx: Tx, id_: str, *, at: datetime) -> None:
    """Take a parameter out of force; what was filed for it is cleared away by filing again."""
    for record in await tx.connection.fetch(parameter_store.WITHDRAW, id_):
        await tx.execute(parameter_store.FORGET_WORK, record["number"])
        await tx.execute(parameter_store.ASK, record["types"], None, at)
        await _changed(tx)


async def _changed(tx: Tx) -> None:
    await tx.execute(parameter_store.COUNT_UP)
    forget()


def _definition(resource: r4.SearchParameter) -> Mapping[str, Any] | None:
    """Return what is filed by, in the order of the columns, or None if nothing is."""
    types = _new_types(resource)
    if resource.status != "active" or not types:
        return None
    targets = [target for target in resource.target or () if target in TYPE_NUMBERS]
    return {
        "url": resource.url or "",
        "code": resource.code,
        "kind": resource.type,
        "expression": resource.expression,
        "types": types,
        "targets": sorted(targets) if resource.type == "reference" else [],
        "parts": _parts(resource),
    }


def _values(one: Added) -> dict[str, Any]:
    return {
        "url": one.url,
        "code": one.code,
        "kind": one.kind,
        "expression": one.expression,
        "types": one.types,
        "targets": one.targets,
        "parts": one.parts,
    }
