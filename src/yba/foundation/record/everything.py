"""Everything about a patient or an encounter, step by step, as stored bytes.

Main rule: a step costs the same at any depth, and over all steps nothing comes twice and nothing
is left out. Members of the compartment come in the order (type, clinical time, row id), which the
index of the patient already has; bodies are never decoded. What members refer to beyond the
compartment (practitioners, places, medications …) comes with the first step that refers to it:
the position remembers what was given.
Standard: FHIR R4 Patient-everything, Encounter-everything, CompartmentDefinition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cache

import asyncpg

from yba.fhir.generated.compartments import COMPARTMENTS
from yba.foundation.record import store
from yba.foundation.record.body import unpack
from yba.foundation.record.errors import QueryTooExpensive, ResourceDeleted, ResourceNotFound
from yba.foundation.record.keys import id_of, reference_scope, row_id
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS, plan_of
from yba.foundation.record.query.guard import Guard, put_into
from yba.foundation.record.rows import DELETED, MISSING_TIME
from yba.plumbing.database import Tx

# What supports a record and belongs to no patient.
SUPPORTING = frozenset({
    "Device", "DeviceDefinition", "Endpoint", "HealthcareService", "InsurancePlan", "Location",
    "Medication", "MedicationKnowledge", "Organization", "Practitioner", "PractitionerRole",
    "Substance",
})  # fmt: skip
# Their clinical time is a birth, which no care date contains.
_TIMELESS = [TYPE_NUMBERS[name] for name in ("Patient", "Person", "Practitioner", "RelatedPerson")]
_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1
# A position travels in an address: so many references of 10 bytes each stay below 8 kB.
MOST_REMEMBERED = 450
_DEEPEST = 3
_AT_ONCE = 1000
_SPLIT = b'"reference":"'

Place = tuple[int, int, int]
Key = tuple[int, int]
Reference = tuple[str, str]
START: Place = (0, _EARLIEST, _EARLIEST)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: whose everything, and what of it. Times are microseconds since 1970."""

    type: str
    id: str
    count: int
    types: frozenset[str] = frozenset()
    since: int = _EARLIEST
    start: int = _EARLIEST
    end: int = _LATEST
    supporting: bool = True

    def wants(self, one: Version) -> bool:
        """Return whether a resource is of the types and changes asked for."""
        return (not self.types or one.type in self.types) and one.updated >= self.since


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next step begins.

    `given` are the supporting resources given so far, (type number, row id). When they grow too
    many to remember, what is referred to after `held` waits for the end; then `last` is the last
    of those given.
    """

    after: Place = START
    given: frozenset[Key] = frozenset()
    held: Place | None = None
    last: Key | None = None


@dataclass(slots=True)
class Step:
    """One step: members of the compartment, what supports them, where to go on."""

    focus: Version
    members: list[Version] = field(default_factory=list[Version])
    supporting: list[Version] = field(default_factory=list[Version])
    next: Position | None = None


async def step(
    tx: Tx, wish: Wish, position: Position, *, base: str, guard: Guard | None = None
) -> Step:
    """Return the next at most `wish.count` members after a position, and what they refer to.

    `base` is the address under which absolute references mean this server. One statement for the
    members and one for what supports them. Raises ResourceNotFound, ResourceDeleted,
    QueryTooExpensive.
    """
    if position.last is not None:
        return await _held_back(tx, wish, position, base, guard)
    found, after = await _members(tx, wish, position.after, wish.count + 1, guard)
    shown = found.members[: wish.count]
    more = len(found.members) > wish.count
    read = shown if position.after != START else [found.focus, *shown]
    result = Step(found.focus, [one for one in read if wish.wants(one)])
    given, held = position.given, position.held
    if held is None and _wants_supporting(wish):
        supporting = await supporting_of(tx, wish, found.focus, read, given, base, guard)
        if more and len(given) + len(supporting) > MOST_REMEMBERED:
            held = position.after
        else:
            result.supporting = [one for one in supporting.values() if wish.wants(one)]
            given |= supporting.keys()
    if more:
        result.next = Position(after, given, held)
    elif held is not None:
        result.next = Position(after, given, held, (0, _EARLIEST))
    return result


async def next_patient(tx: Tx, after: str, guard: Guard | None = None) -> str:
    """Return the id of the patient whose row comes after that of `after`, or ""."""
    row = _EARLIEST if not after else row_id("Patient", after)
    sql, given = put_into(store.NEXT_PATIENT, guard, (TYPE_NUMBERS["Patient"], row), "Patient")
    record = await tx.connection.fetchrow(sql, *given)
    return id_of(record["rid"], record["fid"]) if record else ""


async def _members(
    tx: Tx, wish: Wish, after: Place, count: int, guard: Guard | None
) -> tuple[Step, Place]:
    """Return at most `count` members after a place, and the place of the last but one.

    Raises ResourceNotFound, ResourceDeleted for the focus, QueryTooExpensive.
    """
    types = None
    if wish.types and not _wants_supporting(wish):
        types = [TYPE_NUMBERS[name] for name in wish.types]
    row = row_id(wish.type, wish.id)
    given = (
        TYPE_NUMBERS[wish.type], row, *after, types, wish.since, wish.start, wish.end,
        MISSING_TIME, _TIMELESS, count, [row ^ scope for scope in _scopes(wish.type)],
    )  # fmt: skip
    of_patient = wish.type == "Patient"
    sql, arguments = put_into(
        store.PATIENT_COMPARTMENT if of_patient else store.KEYED_COMPARTMENT, guard, given
    )
    try:
        records = await tx.connection.fetch(sql, *arguments)
    except asyncpg.QueryCanceledError:
        raise QueryTooExpensive from None
    focus: Version | None = None
    members: list[Version] = []
    last = after
    for part, number, rid, fid, version, updated, flags, patient, ts, body in records:
        if part:
            members.append(
                Version(
                    TYPE_NAMES[number - 1], id_of(rid, fid), version, updated, unpack(body), patient
                )
            )
            last = (number, ts, rid) if len(members) == count - 1 else last
        elif fid is None or fid == wish.id:
            if flags & DELETED:
                raise ResourceDeleted(reference=f"{wish.type}/{wish.id}")
            focus = Version(wish.type, wish.id, version, updated, unpack(body), patient)
    if focus is None:
        raise ResourceNotFound
    return Step(focus, members), last


async def _held_back(
    tx: Tx, wish: Wish, position: Position, base: str, guard: Guard | None
) -> Step:
    """Return supporting resources that were too many to remember, in the order of their rows."""
    assert position.held is not None
    assert position.last is not None
    waiting: dict[Key, Version] = {}
    place = position.held
    while True:
        found, place = await _members(tx, wish, place, _AT_ONCE + 1, guard)
        given = position.given | waiting.keys()
        read = found.members[:_AT_ONCE]
        waiting |= await supporting_of(tx, wish, found.focus, read, given, base, guard)
        if len(found.members) <= _AT_ONCE:
            break
    left = sorted(key for key in waiting if key > position.last)
    result = Step(found.focus)
    chosen = left[: wish.count]
    result.supporting = [waiting[key] for key in chosen if wish.wants(waiting[key])]
    if len(left) > wish.count:
        result.next = replace(position, last=chosen[-1])
    return result


def _wants_supporting(wish: Wish) -> bool:
    if not wish.supporting:
        return False
    return not wish.types or wish.type != "Patient" or not wish.types.isdisjoint(SUPPORTING)


async def supporting_of(
    tx: Tx,
    wish: Wish,
    focus: Version,
    members: Iterable[Version],
    given: Set[Key],
    base: str,
    guard: Guard | None = None,
) -> dict[Key, Version]:
    """Return what members refer to, and what that refers to, by (type number, row id).

    Around an encounter that is anything of the same patient, too; of another patient, nothing.
    """
    keys: list[int] = []
    names, patient = SUPPORTING, None
    if wish.type != "Patient":
        keys = [row_id(wish.type, wish.id) ^ scope for scope in _scopes(wish.type)]
        names, patient = frozenset(TYPE_NUMBERS), focus.patient
    found: dict[Key, Version] = {}
    asked: set[Key] = {_key(focus.type, focus.id), *given}
    read = members
    for _ in range(_DEEPEST):
        references = references_in((one.body or b"" for one in read), names, base)
        wanted = {_key(*one): one for one in references}
        wanted = {key: one for key, one in wanted.items() if key not in asked}
        asked |= wanted.keys()
        if not wanted:
            break
        places = ([key[0] for key in wanted], [key[1] for key in wanted], keys, patient)
        sql, arguments = put_into(store.OUTSIDE_COMPARTMENT, guard, places)
        records = await tx.connection.fetch(sql, *arguments)
        read = []
        for number, rid, fid, version, updated, owner, body in records:
            type_, id_ = wanted[number, rid]
            if fid is None or fid == id_:
                read.append(Version(type_, id_, version, updated, unpack(body), owner))
        found |= {_key(one.type, one.id): one for one in read}
        # Further on only what belongs to nobody, or one visit would fetch the whole record.
        names = SUPPORTING
    return found


def _key(type_: str, id_: str) -> Key:
    return TYPE_NUMBERS[type_], row_id(type_, id_)


def references_in(bodies: Iterable[bytes], names: Set[str], base: str) -> set[Reference]:
    """Return the resources of some types that bodies refer to, as (type, id), without decoding.

    Stored bodies have no white space, and quotes inside texts are escaped, so that the bytes
    `"reference":"` begin a reference and nothing else.
    """
    pieces = b"".join(bodies).split(_SPLIT)
    texts = {piece[: piece.find(b'"')] for piece in pieces[1:]}
    stem = (base + "/").encode()
    found: set[Reference] = set()
    for text in texts:
        type_, _, rest = text.removeprefix(stem).partition(b"/")
        name = type_.decode("utf-8", "replace")
        if name in names and rest:
            id_ = rest.partition(b"/")[0].decode("utf-8", "replace")
            if len(id_) <= 64:
                found.add((name, id_))
    return found


@cache
def _scopes(compartment: str) -> tuple[int, ...]:
    """Return what a row id is XORed with to give the keys of its compartment.

    Elements that fill the patient column have no key.
    """
    members: Mapping[str, tuple[str, ...]] = COMPARTMENTS[compartment]
    found: dict[int, None] = {}
    for type_, codes in members.items():
        plan = plan_of(type_)
        for code in codes:
            parameter = plan.parameters.get(code)
            for element in parameter.elements if parameter else ():
                if compartment != "Patient" or element != plan.patient_element:
                    found[reference_scope(type_, element, compartment)] = None
    return tuple(found)
