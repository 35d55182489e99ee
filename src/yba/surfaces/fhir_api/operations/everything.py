"""`$everything`: a patient's or an encounter's whole compartment and what supports it; a group's.

Standard: FHIR R4 OperationDefinition Patient-everything, Encounter-everything, Group-everything.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass, field

from yba.fhir.moments import range_of
from yba.foundation.record import everything, settings
from yba.foundation.record.bulk.exporting import members_of
from yba.foundation.record.errors import ResourceDeleted, ResourceNotFound, UnreadableBody
from yba.foundation.record.everything import Position, Step, Wish
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.plumbing.database import Tx
from yba.surfaces.fhir_api.interactions import READ
from yba.surfaces.fhir_api.operation import Call, Given, Operation
from yba.surfaces.fhir_api.operations import searchset

# Without _count the answer is one Bundle, up to this many members; beyond, there is a next page.
MOST = 10_000
_MOST_PATIENTS = 100
_MOST_OF_ALL = 1000
_PARAMETERS = ("start", "end", "_since", "_type", "_count", "_cursor")
_HEAD = struct.Struct("<hqq?hqq?hq")
_KEY = struct.Struct("<hq")
_NOWHERE = (0, 0, 0)


async def everything_of(call: Call) -> None:
    """Answer one page about one patient or encounter, or about every patient (of a group) in turn."""
    given = await call.given()
    known = _PARAMETERS[2:] if call.type == "Encounter" else _PARAMETERS
    searchset.refuse_others(given, known)
    actor = call.actor
    if call.type == "Patient" and actor.patient_id and call.id not in (None, actor.patient_id):
        raise ResourceNotFound
    if call.type == "Group" and actor.patient_id:
        raise ResourceNotFound
    id_ = None if call.type == "Group" else call.id or actor.patient_id
    focus = "Encounter" if call.type == "Encounter" else "Patient"
    wish = _wish(given, focus, id_ or "", one=id_ is not None)
    asked = [(name, str(value)) for name in given.names for value in given.all(name)]
    query = [pair for pair in asked if pair[0] != "_cursor"]
    place = "/".join(part for part in (call.type, call.id) if part)
    question = f"{place} {id_} {sorted(query)}"
    page = _Page(call, wish, question)
    cursor = given.text("_cursor")
    if id_:
        await page.of_one(cursor)
    else:
        await page.of_all(cursor)
    body = searchset.bundle_of(
        [
            *searchset.entries_of(call.do.base, page.members, "match"),
            *searchset.entries_of(call.do.base, page.supporting.values(), "include"),
        ],
        total=None if page.following or cursor else len(page.members),
        address=f"{call.do.base}/{place}/$everything",
        query=query,
        following=page.following,
    )
    await call.exchange.answer(200, body)


def _wish(given: Given, type_: str, id_: str, *, one: bool) -> Wish:
    most = MOST if one else _MOST_OF_ALL
    count = given.number("_count", default=most)
    if not count:
        raise UnreadableBody(reason="the parameter _count must be at least 1")
    types = {name for value in given.all("_type") for name in str(value).split(",") if name}
    if types.difference(TYPE_NUMBERS):
        raise UnreadableBody(reason="the parameter _type names something that is no resource type")
    wish = Wish(type_, id_, min(count, most), frozenset(types))
    return Wish(
        type_, id_, wish.count, wish.types,
        since=_moment(given, "_since", wish.since, 0),
        start=_moment(given, "start", wish.start, 0),
        end=_moment(given, "end", wish.end, 1),
    )  # fmt: skip


def _moment(given: Given, name: str, default: int, side: int) -> int:
    text = given.text(name).replace(" ", "+")
    if not text:
        return default
    try:
        return range_of(text, settings.zone())[side]
    except ValueError:
        raise UnreadableBody(reason=f"the parameter {name} must be a date or instant") from None


@dataclass(slots=True)
class _Page:
    """What one answer collects."""

    call: Call
    wish: Wish
    question: str
    members: list[Version] = field(default_factory=list[Version])
    supporting: dict[tuple[str, str], Version] = field(
        default_factory=dict[tuple[str, str], Version]
    )
    following: str = ""

    async def of_one(self, cursor: str) -> None:
        """Collect one step of one patient or encounter."""
        position = Position()
        if cursor:
            position = _read(searchset.unseal(self.call.do.secret, self.question, cursor))
        async with self.call.do.searches.lend() as pair:
            step = await self._step(pair.remembering, self.wish, position)
        if step.next:
            self.following = self._sealed(_written(step.next))

    async def of_all(self, cursor: str) -> None:
        """Collect steps of one patient after another, until the page is full."""
        name, position = "", Position()
        if cursor:
            payload = searchset.unseal(self.call.do.secret, self.question, cursor)
            text, _, rest = payload.partition(b"\0")
            name, position = text.decode(), _read(rest)
        async with self.call.do.searches.lend() as pair:
            tx = pair.remembering
            group = await self._group(tx)
            name = name or await self._next(tx, "", group)
            for _ in range(_MOST_PATIENTS):
                left = self.wish.count - len(self.members)
                if not name or left <= 0:
                    break
                try:
                    step = await self._step(tx, _of(self.wish, name, left), position)
                    position = step.next or Position()
                except (ResourceNotFound, ResourceDeleted):
                    position = Position()
                if position == Position():
                    name = await self._next(tx, name, group)
        if name:
            self.following = self._sealed(name.encode() + b"\0" + _written(position))

    async def _group(self, tx: Tx) -> list[str] | None:
        """Return the patients of the group asked about, in a fixed order; None without a group."""
        if self.call.type != "Group":
            return None
        guard = self.call.do.guard(self.call.actor)
        return sorted({*await members_of(tx, self.call.id or "", guard)})

    async def _next(self, tx: Tx, after: str, group: list[str] | None) -> str:
        """Return the patient that comes after another, "" behind the last."""
        if group is None:
            return await everything.next_patient(tx, after, self.call.do.guard(self.call.actor))
        place = bisect_right(group, after)
        return group[place] if place < len(group) else ""

    async def _step(self, tx: Tx, wish: Wish, position: Position) -> Step:
        do = self.call.do
        step = await everything.step(
            tx, wish, position, base=do.base, guard=do.guard(self.call.actor)
        )
        self.members += step.members
        for one in step.supporting:
            self.supporting[one.type, one.id] = one
        focus = f"{wish.type}/{wish.id}"
        patient = wish.id if wish.type == "Patient" else _patient_of(step)
        # One trace says it all: whoever asks for everything has seen everything.
        await do.trail.note(self.call.actor, "fhir_api.everything", patient, [focus])
        return step

    def _sealed(self, payload: bytes) -> str:
        return searchset.seal(self.call.do.secret, self.question, payload)


def _of(wish: Wish, patient_id: str, count: int) -> Wish:
    return Wish(wish.type, patient_id, count, wish.types, wish.since, wish.start, wish.end)


def _patient_of(step: Step) -> str | None:
    """Return the id of the patient whose encounter it is."""
    for one in step.supporting:
        if one.type == "Patient" and one.patient == step.focus.patient:
            return one.id
    return None


def _written(position: Position) -> bytes:
    held, last = position.held, position.last
    head = _HEAD.pack(
        *position.after, held is not None, *(held or _NOWHERE), last is not None, *(last or (0, 0))
    )
    return head + b"".join(_KEY.pack(*key) for key in sorted(position.given))


def _read(payload: bytes) -> Position:
    number, ts, rid, is_held, *rest = _HEAD.unpack_from(payload)
    held_number, held_ts, held_rid, is_last, *last = rest
    return Position(
        (number, ts, rid),
        frozenset(_KEY.iter_unpack(payload[_HEAD.size :])),
        (held_number, held_ts, held_rid) if is_held else None,
        (last[0], last[1]) if is_last else None,
    )


_CANONICAL = "http://hl7.org/fhir/OperationDefinition/"
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "everything", _CANONICAL + "Patient-everything", frozenset({"type", "instance"}), READ,
        everything_of, frozenset({"Patient"}),
    ),
    Operation(
        "everything", _CANONICAL + "Encounter-everything", frozenset({"instance"}), READ,
        everything_of, frozenset({"Encounter"}),
    ),
    Operation(
        "everything", _CANONICAL + "Group-everything", frozenset({"instance"}), READ,
        everything_of, frozenset({"Group"}),
    ),
)  # fmt: skip
