"""The verbs of persons: register, correct, find, tell doubles apart.

The person is a Patient and her card a Coverage in the record; the index of
this context is written in the same transaction.
"""

from dataclasses import replace
from datetime import datetime

from yba.fhir import r4
from yba.foundation.parties import access, matching, search, store
from yba.foundation.parties.cards import IdCard, InsuranceScan, Scan, TypedNumber, parse_scan
from yba.foundation.parties.checks import checked
from yba.foundation.parties.errors import IdentifierInUse, PersonNotFound
from yba.foundation.parties.events import PersonChanged, PersonRegistered
from yba.foundation.parties.fhir import (
    coverage_resource,
    insurance_of,
    patient_number_of,
    patient_resource,
    person_details,
)
from yba.foundation.parties.likeness import Features, Likeness, features_of, likeness
from yba.foundation.parties.model import (
    IdentifierKind,
    PersonDetails,
    PersonIdentifier,
    PersonMatch,
    PersonSummary,
)
from yba.foundation.parties.search import name_words
from yba.foundation.parties.store import Entry, Filed, KnownIdentifier
from yba.foundation.record import service as record
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.refusal import NotFound
from yba.kernel.text import fold
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish

__all__ = [
    "Features",
    "IdCard",
    "InsuranceScan",
    "Likeness",
    "Scan",
    "TypedNumber",
    "parse_scan",
    "coverage_resource",
    "features_of",
    "find_persons",
    "insurance_of",
    "likeness",
    "name_words",
    "note_seen",
    "patient_number_of",
    "patient_resource",
    "person",
    "person_details",
    "person_with_identifier",
    "possible_duplicates",
    "register_person",
    "register_temporary",
    "update_person",
]

_CANDIDATES = 60


async def register_person(tx: Tx, *, actor: Actor, person: PersonDetails, at: datetime) -> str:
    """Enter a person and return the patient id; she gets the next patient number.

    Raises PersonIncomplete with the fields to correct, IdentifierInUse if an
    active number already belongs to somebody here, AccessRefused.
    """
    access.require_register(actor)
    details = checked(person, local_date(at))
    patient_id = record.new_id()
    number = await store.next_patient_number(tx)
    coverage_id = record.new_id() if details.insurance else ""
    await _add_numbers(tx, patient_id, _numbers(details, number), at)
    await _save(
        tx,
        actor,
        patient_id,
        Filed(number, coverage_id, True),
        details,
        at,
        "parties.register_person",
    )
    await publish(tx, PersonRegistered(patient_id=patient_id, patient_number=number, at=at))
    return patient_id


async def register_temporary(tx: Tx, *, actor: Actor, person: PersonDetails, at: datetime) -> str:
    """Enter somebody without papers: unknown, in an emergency, or just born.

    The temporary number begins with T, so it never looks like a citizen's.
    Source: Law 15/2023/QH15 art. 72-73.
    """
    number = "T" + await store.next_temporary_number(tx)
    temporary = PersonIdentifier(kind=IdentifierKind.TEMPORARY, value=number)
    named = person.name or f"Chưa rõ danh tính {number}"
    return await register_person(
        tx,
        actor=actor,
        person=replace(
            person,
            name=named,
            temporary=True,
            identifiers=(*person.identifiers, temporary),
        ),
        at=at,
    )


async def update_person(
    tx: Tx, *, actor: Actor, patient_id: str, person: PersonDetails, at: datetime
) -> None:
    """Replace a person's details; numbers that are no longer given become inactive.

    Raises PersonNotFound, PersonIncomplete, IdentifierInUse, AccessRefused.
    """
    access.require_register(actor)
    filed = await store.lock(tx, patient_id=patient_id)
    if filed is None:
        raise PersonNotFound
    details = checked(person, local_date(at))
    known = await store.known_identifiers(tx, patient_id=patient_id)
    details = await _with_history(tx, patient_id, details, known, at)
    filed = await _coverage_for(tx, actor, patient_id, filed, details, at)
    await _save(tx, actor, patient_id, filed, details, at, "parties.update_person")
    await publish(tx, PersonChanged(patient_id=patient_id, at=at))


async def find_persons(tx: Tx, *, actor: Actor, text: str, limit: int = 20) -> list[PersonMatch]:
    """Find persons by name without accents in any order, birth date, number or phone.

    One statement; best first, each with the reasons. An empty text finds nobody.
    """
    access.require_search(actor)
    query = search.parse_query(text)
    if query.is_empty:
        return []
    found = await store.find(
        tx, tsquery=query.tsquery(), exact_name=query.name, candidates=max(limit, _CANDIDATES)
    )
    return matching.rank(found, query, limit)


async def possible_duplicates(
    tx: Tx, *, actor: Actor, person: PersonDetails, limit: int = 10
) -> list[PersonMatch]:
    """Return persons here who may be the same one, most likely first, with reasons."""
    access.require_search(actor)
    tsquery = search.duplicates_tsquery(person)
    if not tsquery:
        return []
    found = await store.find(tx, tsquery=tsquery, exact_name="", candidates=max(limit, _CANDIDATES))
    return matching.rank_duplicates(found, person, limit)


async def person(tx: Tx, *, actor: Actor, patient_id: str, at: datetime) -> PersonSummary:
    """Return a person with her card, in one statement; the look is audited.

    Raises PersonNotFound for whoever may not see her.
    """
    access.require_see(actor, patient_id)
    try:
        chart = await record.chart(
            tx, actor=actor, patient_id=patient_id, types=[r4.Coverage], at=at
        )
    except NotFound:
        raise PersonNotFound from None
    patient = chart.patient
    if patient is None:
        raise PersonNotFound
    coverage = _in_force(chart.of(r4.Coverage))
    return PersonSummary(
        patient_id=patient_id,
        patient_number=patient_number_of(patient),
        details=person_details(patient, coverage),
        coverage_id=(coverage.id or "") if coverage else "",
        active=patient.active is not False,
    )


async def person_with_identifier(tx: Tx, *, kind: IdentifierKind, value: str) -> str | None:
    """Return the patient id of the active holder of a number."""
    return await store.owner(tx, kind=kind.value, value=value)


async def note_seen(tx: Tx, *, patient_id: str, at: datetime) -> None:
    """Remember that a person came, so that she is found first next time."""
    await store.note_seen(tx, patient_id=patient_id, at=at)


def _in_force(coverages: list[r4.Coverage]) -> r4.Coverage | None:
    active = [coverage for coverage in coverages if coverage.status == "active"]
    return max(active, key=lambda coverage: coverage.id or "", default=None)


def _numbers(details: PersonDetails, patient_number: str) -> list[KnownIdentifier]:
    own = PersonIdentifier(kind=IdentifierKind.PATIENT_NUMBER, value=patient_number)
    others = [i for i in details.identifiers if i.kind != IdentifierKind.PATIENT_NUMBER]
    return [
        KnownIdentifier(i.kind.value, i.value, i.active, i.valid_from, i.valid_to)
        for i in (own, *others)
    ]


async def _add_numbers(
    tx: Tx, patient_id: str, numbers: list[KnownIdentifier], at: datetime
) -> None:
    added = await store.add_identifiers(tx, patient_id=patient_id, identifiers=numbers, at=at)
    if added < len(numbers):
        active = [(n.kind, n.value) for n in numbers if n.active]
        holder = await store.owner_of_any(tx, numbers=active, other_than=patient_id)
        raise IdentifierInUse(patient_id=holder or "")


async def _with_history(
    tx: Tx,
    patient_id: str,
    details: PersonDetails,
    known: list[KnownIdentifier],
    at: datetime,
) -> PersonDetails:
    """End numbers no longer given, add new ones, and return details with all of them."""
    given = {(i.kind.value, i.value): i for i in details.identifiers}
    keep = {IdentifierKind.PATIENT_NUMBER.value, IdentifierKind.TEMPORARY.value}
    has_papers = details.active(IdentifierKind.CCCD) or details.active(IdentifierKind.PASSPORT)
    if has_papers:
        keep.discard(IdentifierKind.TEMPORARY.value)
    today = local_date(at)
    history: list[PersonIdentifier] = []
    for item in known:
        wanted = given.get((item.kind, item.value))
        if wanted and (item.active or not wanted.active):
            del given[item.kind, item.value]
        stays = item.active and (item.kind in keep or (wanted is not None and wanted.active))
        if item.active and not stays:
            await store.end_identifier(
                tx, patient_id=patient_id, kind=item.kind, value=item.value, on=today, at=at
            )
        if item.kind != IdentifierKind.PATIENT_NUMBER.value:
            history.append(
                PersonIdentifier(
                    kind=IdentifierKind(item.kind),
                    value=item.value,
                    active=stays,
                    valid_from=item.valid_from,
                    valid_to=item.valid_to if stays or not item.active else today,
                )
            )
    fresh = [i for i in given.values() if i.kind != IdentifierKind.PATIENT_NUMBER]
    if fresh:
        numbers = [
            KnownIdentifier(i.kind.value, i.value, i.active, i.valid_from, i.valid_to)
            for i in fresh
        ]
        await _add_numbers(tx, patient_id, numbers, at)
    return replace(details, identifiers=(*fresh, *history))


async def _coverage_for(
    tx: Tx, actor: Actor, patient_id: str, filed: Filed, details: PersonDetails, at: datetime
) -> Filed:
    """Return the entry with the Coverage to write: another card is another Coverage."""
    if details.insurance is None:
        return filed
    if not filed.coverage_id:
        return replace(filed, coverage_id=record.new_id())
    current = await record.read(tx, actor=actor, type_=r4.Coverage, id_=filed.coverage_id, at=at)
    before = insurance_of(current)
    if before.number[-10:] == details.insurance.number[-10:]:
        return filed
    ended = coverage_resource(filed.coverage_id, patient_id, before, active=False)
    await record.save(tx, actor=actor, resources=[ended], at=at, note="parties.end_card")
    return replace(filed, coverage_id=record.new_id())


async def _save(
    tx: Tx,
    actor: Actor,
    patient_id: str,
    filed: Filed,
    details: PersonDetails,
    at: datetime,
    note: str,
) -> None:
    patient = patient_resource(patient_id, filed.patient_number, details)
    resources: list[r4.Patient | r4.Coverage] = [patient]
    if details.insurance and filed.coverage_id:
        resources.append(coverage_resource(filed.coverage_id, patient_id, details.insurance))
    await record.save(tx, actor=actor, resources=resources, at=at, note=note)
    await store.file(tx, _entry(patient_id, filed, details), at=at)


def _entry(patient_id: str, filed: Filed, details: PersonDetails) -> Entry:
    identity = (
        details.active(IdentifierKind.CCCD)
        or details.active(IdentifierKind.PASSPORT)
        or details.active(IdentifierKind.CMND)
        or details.active(IdentifierKind.TEMPORARY)
    )
    social = details.active(IdentifierKind.SOCIAL_INSURANCE)
    return Entry(
        patient_id=patient_id,
        patient_number=filed.patient_number,
        name=details.name,
        name_folded=fold(details.name),
        birth_date=details.birth_date,
        sex=details.sex.value,
        identity_number=identity,
        card_number=details.insurance.number if details.insurance else social,
        phone=details.phone,
        address=details.address.text,
        coverage_id=filed.coverage_id if details.insurance else "",
        words=search.words_of(details, filed.patient_number),
    )
