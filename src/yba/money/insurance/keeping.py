"""Keeping an episode: the right person, the record, the tables as they were sent.

One episode, one transaction of the caller's, any number of times: the same
content changes nothing, a corrected one changes the same resources, an older
one is left aside.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

import msgspec
import zstandard

from yba.care.encounters import service as encounters
from yba.foundation.parties import service as parties
from yba.foundation.parties.errors import IdentifierInUse, PersonIncomplete
from yba.foundation.parties.model import IdentifierKind, PersonDetails, PersonSummary
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.money.insurance import store
from yba.money.insurance.claim import Episode, Row
from yba.money.insurance.errors import IdentityConflict, PersonUnusable
from yba.money.insurance.fhir import Episodic, Named, resources_of
from yba.money.insurance.person import details_of, identity_of, is_same_person
from yba.money.insurance.store import StoredEpisode
from yba.plumbing.database import Tx

_WHO = ("HO_TEN", "SO_CCCD", "NGAY_SINH", "GIOI_TINH", "MA_THE_BHYT", "MA_BN")
_LEVEL = 6

# Field of `PersonIncomplete` → how to go on without it.
_SPARE: Mapping[str, Callable[[PersonDetails], PersonDetails]] = {
    "phone": lambda person: replace(person, phone=""),
    "birth_time": lambda person: replace(person, birth_time=""),
    **dict.fromkeys(
        ("insurance_number", "registered_facility", "valid_to", "social_insurance"),
        lambda person: replace(person, insurance=None),
    ),
    **dict.fromkeys(
        ("cccd", "cmnd", "passport"),
        lambda person: replace(person, identifiers=()),
    ),
}


class Kept(StrEnum):
    """What keeping an episode did."""

    NEW = "new"
    UPDATED = "updated"
    SAME = "same"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Sent:
    """Where an episode came from."""

    facility: str
    created: str
    file_sha256: str
    our_facility: str


def pack(episode: Episode) -> bytes:
    """Return every table and field of an episode as compressed JSON."""
    plain = {name: [dict(row) for row in rows] for name, rows in episode.tables.items()}
    return zstandard.compress(msgspec.json.encode(plain), _LEVEL)


def unpack(packed: bytes) -> Episode:
    """Return the episode that `pack` wrote."""
    plain = msgspec.json.decode(zstandard.decompress(packed), type=dict[str, list[dict[str, str]]])
    return Episode(
        {
            name: tuple(Row(name, number, values) for number, values in enumerate(rows, 1))
            for name, rows in plain.items()
        }
    )


def content_hash(episode: Episode) -> str:
    """Return a hash that changes whenever any field does."""
    plain = {name: [dict(row) for row in rows] for name, rows in episode.tables.items()}
    return hashlib.sha256(msgspec.json.encode(plain, order="deterministic")).hexdigest()


async def keep_episode(tx: Tx, *, actor: Actor, episode: Episode, sent: Sent, at: datetime) -> Kept:
    """Store an episode and what stands for it in the record.

    Raises IdentityConflict if its identity number belongs to somebody else,
    PersonUnusable if XML1 does not describe a person.
    """
    await store.lock(tx, f"{sent.facility} {episode.key}")
    known = await store.episode(tx, facility=sent.facility, claim_key=episode.key)
    digest = content_hash(episode)
    if known is not None and known.content_hash == digest:
        return Kept.SAME
    if known is not None and sent.created < known.created:
        return Kept.OLDER
    ours = await _our_visit(tx, actor, episode, sent, at)
    if ours is not None:
        patient_id, encounter_id = ours
        resources: dict[str, str] = {}
    else:
        patient_id = await _person(tx, actor, episode, sent, known, at)
        about = _about(sent, known, patient_id, at)
        named = resources_of(episode, about, created=local_date(at))
        encounter_id = about.encounter_id
        resources = await _write(tx, actor, named, known, at)
    await store.put_episode(
        tx,
        StoredEpisode(
            facility=sent.facility,
            claim_key=episode.key,
            patient_id=patient_id,
            encounter_id=encounter_id,
            is_ours=ours is not None,
            created=sent.created,
            file_sha256=sent.file_sha256,
            content_hash=digest,
            tables=pack(episode),
            resources=resources,
            revision=known.revision + 1 if known else 1,
        ),
        at=at,
    )
    return Kept.NEW if known is None else Kept.UPDATED


async def _our_visit(
    tx: Tx, actor: Actor, episode: Episode, sent: Sent, at: datetime
) -> tuple[str, str] | None:
    """Return (patient, encounter) of a visit of this node: there the record came first."""
    if sent.facility != sent.our_facility:
        return None
    encounter_id = await encounters.visit_with_claim_key(tx, claim_key=episode.key)
    if encounter_id is None:
        return None
    reader = actor.for_facility() if actor.may("claims.read") else actor
    visit = await encounters.visit(tx, actor=reader, encounter_id=encounter_id, at=at)
    return visit.patient_id, encounter_id


def _about(sent: Sent, known: StoredEpisode | None, patient_id: str, at: datetime) -> Episodic:
    """Return what resources refer to: ids of the last time, fresh ones for what is new."""
    # Another person: nothing of the old resources may be turned into hers.
    keep = known is not None and known.patient_id == patient_id
    earlier = known.resources if known is not None and keep else {}
    ids = {name: reference.partition("/")[2] for name, reference in earlier.items()}

    def id_of(name: str) -> str:
        if name not in ids:
            ids[name] = record.new_id()
        return ids[name]

    return Episodic(sent.facility, patient_id, id_of("encounter"), at, id_of)


async def _write(
    tx: Tx, actor: Actor, named: list[Named], known: StoredEpisode | None, at: datetime
) -> dict[str, str]:
    """Save what there is now, delete what the last file had and this one has not."""
    now = {one.name: f"{type(one.resource).__name__}/{one.resource.id}" for one in named}
    if known is not None:
        for reference in sorted(set(known.resources.values()) - set(now.values())):
            type_, _, id_ = reference.partition("/")
            await record.delete(tx, actor=actor, type_=type_, id_=id_, at=at)
    await record.save(
        tx,
        actor=actor,
        resources=[one.resource for one in named],
        at=at,
        note="insurance.import_claims",
    )
    return now


async def _person(
    tx: Tx,
    actor: Actor,
    episode: Episode,
    sent: Sent,
    known: StoredEpisode | None,
    at: datetime,
) -> str:
    """Return the person of an episode: the known one, one found by a number, or a new one."""
    main = episode.main
    if known is not None and not known.is_ours:
        before = unpack(known.tables).main
        if all(before[name] == main[name] for name in _WHO):
            return known.patient_id
    patient_id = await _found(tx, actor, main, sent, at)
    if patient_id is None:
        patient_id = await _registered(tx, actor, main, episode.end_day(local_date(at)), at)
    await store.link_person(
        tx, facility=sent.facility, patient_number=main["MA_BN"], patient_id=patient_id, at=at
    )
    return patient_id


async def _found(tx: Tx, actor: Actor, main: Row, sent: Sent, at: datetime) -> str | None:
    identity = identity_of(main)
    if identity is not None:
        holder = await parties.person_with_identifier(tx, kind=identity.kind, value=identity.value)
        if holder is not None:
            there = await parties.person(tx, actor=actor, patient_id=holder, at=at)
            if not _could_be(main, there):
                raise IdentityConflict
            return holder
    for holder in await _by_shared_numbers(tx, main, sent):
        there = await parties.person(tx, actor=actor, patient_id=holder, at=at)
        other = there.details.active(IdentifierKind.CCCD)
        contradicts = identity is not None and bool(other) and other != identity.value
        same = is_same_person(main, name=there.details.name, birth_date=there.details.birth_date)
        if same and not contradicts:
            return holder
    return None


def _could_be(main: Row, there: PersonSummary) -> bool:
    """Return whether the holder of an identity number can be the person of XML1.

    A name may be misspelt and a year mistyped, but not both at once.
    """
    details = there.details
    same_name = is_same_person(main, name=details.name, birth_date=main["NGAY_SINH"])
    same_birth = details.birth_date[:4] == main["NGAY_SINH"][:4]
    return same_name or same_birth


async def _by_shared_numbers(tx: Tx, main: Row, sent: Sent) -> list[str]:
    """Return who has the card's number, then whom the facility means by MA_BN."""
    found: list[str | None] = [
        await parties.person_with_identifier(
            tx, kind=IdentifierKind.SOCIAL_INSURANCE, value=card[-10:]
        )
        for card in reversed(main.parts("MA_THE_BHYT"))
    ]
    if main["MA_BN"]:
        found.append(
            await store.linked_person(tx, facility=sent.facility, patient_number=main["MA_BN"])
        )
    return list(dict.fromkeys(one for one in found if one))


async def _registered(tx: Tx, actor: Actor, main: Row, on: date, at: datetime) -> str:
    """Register the person of XML1, without the parts that cannot be used.

    Raises PersonUnusable if name or birth cannot be used.
    """
    details = details_of(main, on)
    for _ in range(3):
        try:
            async with tx.connection.transaction():
                return await parties.register_person(tx, actor=actor, person=details, at=at)
        except PersonIncomplete as problem:
            details = _without(details, list(problem.fields))
        except IdentifierInUse:
            # The card is somebody else's here: it stays on the encounter, not on the person.
            if details.insurance is None:
                raise PersonUnusable(part="SO_CCCD") from None
            details = replace(details, insurance=None)
    raise PersonUnusable(part="HO_TEN")


def _without(details: PersonDetails, fields: list[str]) -> PersonDetails:
    for name in fields:
        if name not in _SPARE:
            raise PersonUnusable(part=name)
        details = _SPARE[name](details)
    return details
