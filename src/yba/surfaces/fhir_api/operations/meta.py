"""$meta, $meta-add and $meta-delete: profiles, tags and security labels.

Main rule: at a type and at the base $meta tells what current resources bear that the asker may see;
adding what is there and deleting what is not changes nothing; a change is the next version.
Standard: FHIR R4 resource-operation-meta.html, -meta-add.html, -meta-delete.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from yba.fhir import r4
from yba.foundation.record import meta_store, reading
from yba.foundation.record.errors import ResourceDeleted, ResourceNotFound, UnreadableBody
from yba.foundation.record.operations import Operation as Write
from yba.foundation.record.patching import Patch
from yba.foundation.record.plans import TYPE_NAMES
from yba.plumbing.database import Tx
from yba.surfaces.fhir_api.interactions import READ, WHAT, WRITE
from yba.surfaces.fhir_api.operation import Call, Operation

T = TypeVar("T")
_Change = Callable[[r4.Meta, r4.Meta], None]


async def _meta(call: Call) -> None:
    """Answer the meta of the current state, of one version, or what is in use at a type or the base."""
    given = await call.given()
    if given.names:
        raise UnreadableBody(reason="$meta has no parameters")
    if call.type is None or call.id is None:
        await _in_use(call)
        return
    parts = call.exchange.path.split("/")
    guard = call.do.guard(call.actor)
    async with call.do.database.borrow() as connection:
        tx = Tx(connection)
        if len(parts) == 5:
            version = parts[3]
            if not version.isascii() or not version.isdigit() or len(version) > 9:
                raise ResourceNotFound
            found = await reading.version(tx, call.type, call.id, int(version), guard)
        else:
            found = await reading.current(tx, call.type, call.id, guard)
    if found.body is None:
        raise ResourceDeleted(reference=f"{call.type}/{call.id}")
    await call.do.note_seen(call.actor, "read", found)
    await _answer(call, found.body)


async def _in_use(call: Call) -> None:
    types = [call.type] if call.type else list(TYPE_NAMES)
    async with call.do.searches.lend() as pair:
        found = await meta_store.in_use(pair.planning, types, call.do.guard(call.actor, "s"))
    await call.do.trail.note(call.actor, WHAT + "meta", None, [call.type] if call.type else [])
    meta = r4.Meta(
        profile=list(found.profiles) or None,
        tag=[_coding(*pair) for pair in found.tags] or None,
        security=[_coding(*pair) for pair in found.labels] or None,
    )
    await _tell(call, meta)


def _coding(system: str, code: str) -> r4.Coding:
    return r4.Coding(system=system or None, code=code)


async def _answer(call: Call, body: bytes) -> None:
    await _tell(call, r4.decode(body).meta or r4.Meta())


async def _tell(call: Call, meta: r4.Meta) -> None:
    await call.answer(
        r4.Parameters(parameter=[r4.ParametersParameter(name="return", valueMeta=meta)])
    )


async def _add(call: Call) -> None:
    """Add profiles, tags and labels."""
    await _change(call, "meta-add", _added)


async def _delete(call: Call) -> None:
    """Take away profiles, tags and labels."""
    await _change(call, "meta-delete", _taken)


async def _change(call: Call, name: str, change: _Change) -> None:
    given = await call.given()
    wanted = given.one("meta")
    if not isinstance(wanted, r4.Meta) or given.names != ["meta"]:
        raise UnreadableBody(reason="exactly the parameter meta is needed, with a valueMeta")
    assert call.type is not None
    assert call.id is not None
    write = Write(
        "PATCH", call.type, call.actor, id=call.id, patch=_patch(change, wanted), what=WHAT + name
    )
    await call.do.writer.carry_out(write)
    assert write.outcome is not None
    await _answer(call, write.outcome.body or b"")


def _patch(change: _Change, wanted: r4.Meta) -> Patch:
    def apply(body: bytes) -> bytes:
        resource = r4.decode(body)
        meta = resource.meta or r4.Meta()
        change(meta, wanted)
        resource.meta = meta
        return r4.encode(resource)

    return apply


def _added(meta: r4.Meta, wanted: r4.Meta) -> None:
    meta.profile = _union(meta.profile, wanted.profile, _itself)
    meta.tag = _union(meta.tag, wanted.tag, _identity)
    meta.security = _union(meta.security, wanted.security, _identity)


def _taken(meta: r4.Meta, wanted: r4.Meta) -> None:
    meta.profile = _without(meta.profile, wanted.profile, _itself)
    meta.tag = _without(meta.tag, wanted.tag, _identity)
    meta.security = _without(meta.security, wanted.security, _identity)


def _itself(value: str | None) -> object:
    return value


def _identity(coding: r4.Coding) -> object:
    """Return what makes two tags the same: their system and code."""
    return coding.system, coding.code


def _union(
    present: Iterable[T] | None, more: Iterable[T] | None, key: Callable[[T], object]
) -> list[T] | None:
    found = list(present or ())
    known = {key(item) for item in found}
    for item in more or ():
        if key(item) not in known:
            known.add(key(item))
            found.append(item)
    return found or None


def _without(
    present: Iterable[T] | None, less: Iterable[T] | None, key: Callable[[T], object]
) -> list[T] | None:
    gone = {key(item) for item in less or ()}
    return [item for item in present or () if key(item) not in gone] or None


_AT = frozenset(("instance",))
_EVERYWHERE = frozenset(("system", "type", "instance"))
OPERATIONS = (
    Operation(
        "meta", "http://hl7.org/fhir/OperationDefinition/Resource-meta", _EVERYWHERE, READ,
        _meta, of_versions=True,
    ),
    Operation(
        "meta-add", "http://hl7.org/fhir/OperationDefinition/Resource-meta-add", _AT, WRITE, _add,
        by_post_only=True,
    ),
    Operation(
        "meta-delete", "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete", _AT, WRITE,
        _delete, by_post_only=True,
    ),
)  # fmt: skip
