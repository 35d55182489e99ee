"""Property: through a guard the record looks exactly as if what the specification refuses were not there.

A random world is stored twice: whole and behind the guard of a random policy, and once more with
only those rows that `access.model.may_see`, the naive evaluator, allows, without any guard. Every
question (matches, order, pages, totals, chains, `_has`, includes, history, everything, candidates)
must get the same answer from both.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yba.fhir import r4
from yba.fhir.index import range_of
from yba.foundation.access import service as access
from yba.foundation.access.model import (
    ALL_CATEGORIES,
    Facts,
    Policy,
    Relation,
    Restriction,
    categories_of,
    may_see,
    policy_for,
)
from yba.foundation.record import candidates, everything, histories, reading
from yba.foundation.record import service as record
from yba.foundation.record import settings as record_settings
from yba.foundation.record.candidates import Description
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.query.parse import parse
from yba.foundation.record.query.permitting import Permitting
from yba.kernel.actor import Actor
from yba.kernel.clock import micros
from yba.kernel.ids import row_id
from yba.plumbing.database import Database, Tx

NOW = datetime.fromisoformat("2026-09-15T05:00:00+00:00")
SYSTEM = Actor.system("test")
CODES = [
    ("http://hl7.org/fhir/sid/icd-10", "J06.9"),
    ("http://hl7.org/fhir/sid/icd-10", "B20"),
    ("http://hl7.org/fhir/sid/icd-10", "F32.1"),
    ("http://hl7.org/fhir/sid/icd-10", "O80"),
    ("", "B24"),
    ("http://loinc.org", "8480-6"),
    ("http://loinc.org", "75622-1"),
]
LABELS = [None, None, None, "R", "V", "PSY", "N"]
BIRTHS = ["1980-05-01", "2012-01-01", "2008-09", None]
ROLES = [
    "receptionist", "nurse", "doctor", "laboratory", "pharmacist", "cashier", "head", "visitor",
    "citizen", "administrator", "api", "nobody",
]  # fmt: skip
HOLDERS = [
    "account:me",
    "account:other",
    "department:K01",
    "department:K02",
    "department:laboratory",
]
TYPES = [
    "Patient", "Encounter", "Condition", "Observation", "DocumentReference", "Coverage", "Basic",
    "Practitioner", "List",
]  # fmt: skip
QUERIES = [
    ("Patient", ""), ("Patient", "name=nguyen"), ("Patient", "_has:Condition:patient:code=B20"),
    ("Patient", "_has:Observation:patient:_has:DocumentReference:related:status=current"),
    ("Patient", "_revinclude=Condition:patient&_revinclude=Observation:subject"),
    ("Patient", "birthdate=ge2000&_sort=birthdate"), ("Patient", "_sort=-name"),
    ("Patient", "gender:not=male"),
    ("Patient", "_filter=_has:Condition:patient:code eq B20"),
    ("Encounter", "reason-reference:Condition.code=B20"), ("Encounter", "reason-reference:missing=true"),
    ("Encounter", "_include=Encounter:reason-reference&_include=Encounter:subject"),
    ("Encounter", "subject:Patient.name=nguyen&_sort=date"), ("Encounter", "_sort=reason-reference"),
    ("Encounter", "_include=*&_revinclude:iterate=Observation:encounter"),
    ("Condition", "code=B20"), ("Condition", "code:not=B20"), ("Condition", "_sort=code"),
    ("Condition", "encounter.reason-reference.code=F32.1"), ("Condition", "_security=R"),
    ("Condition", "encounter.subject:Patient.birthdate=ge2000"),
    ("Observation", "value-quantity=gt100&_sort=value-quantity"),
    ("Observation", "encounter.reason-reference.code=B20&_sort=-date"),
    ("Observation", "code:missing=false"), ("Observation", "code-value-quantity=8480-6$gt50"),
    ("Observation", "_revinclude=DocumentReference:related"),
    ("Observation", "_list=listed"), ("Observation", "subject:Patient._id:missing=false"),
    ("DocumentReference", "related:Observation.code=75622-1"), ("DocumentReference", "_sort=_id"),
    ("List", "item:Condition.code=B20"), ("List", "_include=List:item&_include:iterate=Condition:encounter"),
    ("Coverage", ""), ("Practitioner", "_has:Observation:performer:code=75622-1"),
    ("Practitioner", ""), ("Basic", "subject:Patient.name=nguyen"), ("Basic", ""),
]  # fmt: skip
UNANSWERABLE = ("_list", "_filter", "subject:Patient._id")


class World:
    """Random persons, resources about them and about nobody, relations, wishes."""

    def __init__(self, pick: random.Random) -> None:
        self.pick = pick
        ids = [record.new_id() for _ in range(6)]
        self.patients = [
            r4.Patient(
                id=ids[n], birthDate=pick.choice(BIRTHS), gender=pick.choice(["male", "female"]),
                name=[r4.HumanName(family="Nguyễn", given=[name])],
                meta=self._meta(),
            )
            for n, name in enumerate(["Lan", "Bình", "Cúc"])
        ]  # fmt: skip
        self.practitioner = r4.Practitioner(id=ids[3], meta=self._meta())
        self.resources: list[Any] = [*self.patients, self.practitioner]
        for _ in range(pick.randint(4, 12)):
            self._add()
        self.resources.append(self._list())
        self.relations: list[dict[str, Any]] = [self._relation() for _ in range(pick.randint(0, 5))]
        self.restrictions = [self._restriction() for _ in range(pick.randint(0, 2))]

    def _meta(self) -> r4.Meta | None:
        label = self.pick.choice(LABELS)
        system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
        return r4.Meta(security=[r4.Coding(system=system, code=label)]) if label else None

    def _code(self) -> r4.CodeableConcept:
        system, code = self.pick.choice(CODES)
        return r4.CodeableConcept(coding=[r4.Coding(system=system or None, code=code)])

    def _of(self, type_: str) -> r4.Reference | None:
        found = [one for one in self.resources if type(one).__name__ == type_]
        if not found or self.pick.random() < 0.25:
            return None
        return r4.Reference(reference=f"{type_}/{self.pick.choice(found).id}")

    def _subject(self) -> r4.Reference:
        return r4.Reference(reference=f"Patient/{self.pick.choice(self.patients).id}")

    def _day(self) -> str:
        return self.pick.choice(["2026-09-01", "2030-01-01", "2025-03-03T08:00:00+07:00", "1999"])

    def _add(self) -> None:
        pick, meta, id_ = self.pick, self._meta(), record.new_id()
        match pick.choice(TYPES[1:7]):
            case "Encounter":
                reason = self._of("Condition")
                self.resources.append(
                    r4.Encounter(
                        id=id_, meta=meta, status="finished", subject=self._subject(),
                        class_=r4.Coding(code="AMB"), period=r4.Period(start=self._day()),
                        reasonReference=[reason] if reason else None,
                    )
                )  # fmt: skip
            case "Condition":
                self.resources.append(
                    r4.Condition(
                        id=id_, meta=meta, subject=self._subject(), code=self._code(),
                        encounter=self._of("Encounter"), recordedDate=self._day(),
                    )
                )  # fmt: skip
            case "Observation":
                who = self._of("Practitioner")
                self.resources.append(
                    r4.Observation(
                        id=id_, meta=meta, status="final", subject=self._subject(),
                        code=self._code(), encounter=self._of("Encounter"),
                        effectiveDateTime=self._day() if pick.random() < 0.8 else None,
                        performer=[who] if who else None,
                        valueQuantity=r4.Quantity(
                            value=pick.choice([80, 120, 160]), unit="mmHg",
                            system="http://unitsofmeasure.org", code="mm[Hg]",
                        ),
                    )
                )  # fmt: skip
            case "DocumentReference":
                related = self._of("Observation")
                self.resources.append(
                    r4.DocumentReference(
                        id=id_, meta=meta, status="current", subject=self._subject(),
                        content=[r4.DocumentReferenceContent(attachment=r4.Attachment(title="x"))],
                        context=r4.DocumentReferenceContext(related=[related]) if related else None,
                    )
                )  # fmt: skip
            case "Coverage":
                self.resources.append(
                    r4.Coverage(
                        id=id_, meta=meta, status="active", beneficiary=self._subject(),
                        payor=[r4.Reference(display="BHXH")],
                    )
                )  # fmt: skip
            case _:
                whose = self._subject() if pick.random() < 0.5 else None
                self.resources.append(r4.Basic(id=id_, meta=meta, code=self._code(), subject=whose))

    def _list(self) -> r4.List:
        items = self.pick.sample(self.resources, k=min(3, len(self.resources)))
        return r4.List(
            id=record.new_id(), status="current", mode="working", subject=self._of("Patient"),
            entry=[
                r4.ListEntry(item=r4.Reference(reference=f"{type(one).__name__}/{one.id}"))
                for one in items
            ],
        )  # fmt: skip

    def _relation(self) -> dict[str, Any]:
        pick = self.pick
        since = NOW + timedelta(hours=pick.choice([-5, -1, 0, 1]))
        return {
            "patient": pick.choice(self.patients).id, "holder": pick.choice(HOLDERS),
            "since": since, "until": since + timedelta(hours=pick.choice([1, 2, 50])),
            "extent": pick.choice(["care", "care", "summary"]),
            "categories": pick.choice([0, 0, 1, 2, 4, ALL_CATEGORIES]),
            "overrides": pick.random() < 0.3,
        }  # fmt: skip

    def _restriction(self) -> dict[str, Any]:
        pick = self.pick
        target = pick.choice([None, pick.choice(self.resources)])
        since = NOW + timedelta(hours=pick.choice([-5, -1, 1]))
        return {
            "patient": pick.choice(self.patients).id,
            "holder": pick.choice([None, "account:me", "department:K01", "account:other"]),
            "since": since, "until": pick.choice([None, since + timedelta(hours=2)]),
            "target": target,
        }  # fmt: skip

    # -- the two ways to store it -------------------------------------------------------------------

    async def store(self, tx: Tx, kept: list[Any]) -> None:
        await record.save(tx, actor=SYSTEM, resources=[_copy(one) for one in kept], at=NOW)

    async def store_wishes(self, tx: Tx) -> None:
        for number, one in enumerate(self.relations):
            await tx.execute(
                """INSERT INTO access.relation (patient, patient_id, holder, kind, extent,
                     categories, overrides, why, since, until)
                   VALUES ($1, $2, $3, 'visit', $4, $5, $6, $7, $8, $9)""",
                row_id("Patient", one["patient"]), one["patient"], one["holder"], one["extent"],
                one["categories"], one["overrides"], f"test {number}", one["since"], one["until"],
            )  # fmt: skip
        for number, one in enumerate(self.restrictions):
            await _restrict(tx, number, one)

    def facts(self, resource: Any) -> Facts:
        name = type(resource).__name__
        body = r4.encode(resource)
        whose = _patient_of(resource)
        born = next((p.birthDate for p in self.patients if p.id == whose), None)
        zone = record_settings.zone()
        when = _clinical_time(resource)
        target = lambda one: (  # noqa: E731
            (None, None)
            if one is None
            else (type(one).__name__, row_id(type(one).__name__, one.id))
        )
        return Facts(
            type=name, rid=row_id(name, resource.id),
            patient=None if whose is None else row_id("Patient", whose),
            categories=categories_of(name, body),
            moment=micros(NOW) if when is None else range_of(when, zone)[0],
            born_by=None if born is None else range_of(born, zone)[1],
            relations=tuple(
                Relation(r["holder"], r["since"], r["until"], r["extent"], r["categories"], r["overrides"])
                for r in self.relations if r["patient"] == whose
            ),
            restrictions=tuple(
                Restriction(r["holder"], r["since"], r["until"], *target(r["target"]))
                for r in self.restrictions if r["patient"] == whose
            ),
        )  # fmt: skip

    def allowed(self, policy: Policy) -> list[Any]:
        return [one for one in self.resources if may_see(policy, self.facts(one), at=NOW)]


def _copy(resource: Any) -> Any:
    return r4.decode(r4.encode(resource))


def _patient_of(resource: Any) -> str | None:
    if isinstance(resource, r4.Patient):
        return resource.id
    reference = getattr(resource, "subject", None) or getattr(resource, "beneficiary", None)
    if reference is None or not (reference.reference or "").startswith("Patient/"):
        return None
    return reference.reference.partition("/")[2]


def _clinical_time(resource: Any) -> str | None:
    match resource:
        case r4.Patient():
            return resource.birthDate
        case r4.Encounter():
            return resource.period.start if resource.period else None
        case r4.Condition():
            return resource.recordedDate
        case r4.Observation():
            return resource.effectiveDateTime
        case _:
            return None


async def _restrict(tx: Tx, number: int, one: dict[str, Any]) -> None:
    kind, _, name = (one["holder"] or "").partition(":")
    target = one["target"]
    restriction_id = micros(NOW) + number
    await tx.execute(
        """INSERT INTO consent.restriction (restriction_id, patient_id, patient, scope, target,
             from_account, from_department, since, until, account_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'citizen')""",
        restriction_id, one["patient"], row_id("Patient", one["patient"]),
        "everything" if target is None else "entry",
        "" if target is None else f"{type(target).__name__}/{target.id}",
        name if kind == "account" else None, name if kind == "department" else None,
        one["since"], one["until"],
    )  # fmt: skip
    if target is not None:
        type_ = type(target).__name__
        await tx.execute(
            "INSERT INTO consent.restricted_row (restriction_id, type, rid) VALUES ($1, $2, $3)",
            restriction_id, TYPE_NUMBERS[type_], row_id(type_, target.id),
        )  # fmt: skip


# -- what is asked of both ---------------------------------------------------------------------------


async def answers(tx: Tx, world: World, guard: Permitting | None) -> dict[str, Any]:
    """Return everything that can be learned, in a form that can be compared."""
    found: dict[str, Any] = {}
    for type_, query in QUERIES:
        if query.startswith(UNANSWERABLE):
            continue
        found[f"{type_}?{query}"] = await _searched(tx, type_, query, guard)
    for type_ in TYPES:
        states, _ = await reading.history(tx, types=[type_], guard=guard)
        found[f"{type_}/_history"] = sorted((one.id, one.version) for one in states)
    states, _ = await reading.history(tx, types=TYPES, since=micros(NOW), guard=guard)
    mine = {one.id for one in world.resources}
    found["_history?_since"] = sorted((s.type, s.id) for s in states if s.id in mine)
    for one in world.resources:
        found[f"{type(one).__name__}/{one.id}"] = await _read(tx, one, guard)
    for patient in world.patients:
        found[f"everything {patient.id}"] = await _everything(tx, patient.id, guard)
    found["match"] = sorted(
        one.id
        for one in await candidates.patients_like(
            tx, Description(names=(("nguyen", "lan"), ("nguyen", "binh"))), guard
        )
        if one.id in mine
    )
    return found


async def _searched(tx: Tx, type_: str, query: str, guard: Permitting | None) -> Any:
    """Return the pages of a search (two at a time), its totals and what is included."""
    pages: list[list[str]] = []
    included: list[str] = []
    cursor, total = "", None
    for _ in range(20):
        text = "&".join(p for p in (query, "_count=2", "_total=accurate", cursor) if p)
        page = await reading.find(tx, parse(type_, text), now=NOW, secret=b"x" * 32, guard=guard)
        pages.append([one.id for one in page.matches])
        included += [f"{one.type}/{one.id}" for one in page.included]
        total = page.total if total is None else total
        if not page.next_cursor:
            break
        cursor = f"_cursor={page.next_cursor}"
    counted = await reading.find(
        tx, parse(type_, "&".join(p for p in (query, "_summary=count") if p)), now=NOW, guard=guard
    )
    estimated = await reading.find(
        tx, parse(type_, "&".join(p for p in (query, "_count=1", "_total=estimate") if p)),
        now=NOW, guard=guard,
    )  # fmt: skip
    return pages, total, counted.total, estimated.total, sorted(included)


async def _read(tx: Tx, one: Any, guard: Permitting | None) -> Any:
    place = (type(one).__name__, one.id)
    read = (await reading.read_many(tx.connection, [place], guard)).get(place)
    try:
        version = (await reading.version(tx, *place, 1, guard)).version
    except Exception as problem:
        version = type(problem).__name__
    newest = await histories.newest(tx, *place, guard)
    return read is not None, version, newest


async def _everything(tx: Tx, patient_id: str, guard: Permitting | None) -> Any:
    wish = everything.Wish("Patient", patient_id, 100)
    try:
        step = await everything.step(tx, wish, everything.Position(), base="", guard=guard)
    except Exception as problem:
        return type(problem).__name__
    return (
        sorted(f"{one.type}/{one.id}" for one in step.members),
        sorted(f"{one.type}/{one.id}" for one in step.supporting),
    )


@asynccontextmanager
async def undone(database: Database) -> AsyncGenerator[Tx]:
    async with database.borrow() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield Tx(connection)
        finally:
            await transaction.rollback()


async def seen_by_both(
    database: Database, world: World, policy: Policy, guard: Permitting | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the answers through the guard, and those of a record that holds only what is allowed."""
    async with undone(database) as tx:
        await world.store(tx, world.resources)
        await world.store_wishes(tx)
        guarded = await answers(tx, world, guard)
    async with undone(database) as tx:
        await world.store(tx, world.allowed(policy))
        honest = await answers(tx, world, None)
    return guarded, honest


def an_actor(pick: random.Random, world: World) -> Actor:
    """Return somebody with random roles, departments, purpose and scopes."""
    roles = frozenset(pick.sample(ROLES, k=pick.choice([1, 1, 2])))
    return Actor(
        account_id="me", name="Me", roles=roles,
        purpose=pick.choice(["TREAT", "TREAT", "HPAYMT", "HOPERAT", "PATRQT", "HRESCH"]),
        departments=frozenset(pick.sample(["K01", "K02"], k=pick.randint(0, 2))),
        patient_id=pick.choice([None, pick.choice(world.patients).id]),
        scopes=pick.choice([None, None, ("user/*.rs",), ("user/*.rs", "yba.sensitive")]),
    )  # fmt: skip


EXAMPLES = 25
_SLOWLY = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_SLOWLY
@given(seed=st.integers(0, 2**32))
async def test_through_a_guard_the_record_is_as_if_the_rest_were_not_there(database, seed):
    pick = random.Random(seed)
    world = World(pick)
    policy = policy_for(an_actor(pick, world), at=NOW)
    guard = None if policy.everything else Permitting(policy)

    guarded, honest = await seen_by_both(database, world, policy, guard)

    assert guarded == honest


@_SLOWLY
@given(seed=st.integers(0, 2**32))
async def test_the_decision_in_memory_is_that_of_the_statement(database, seed):
    pick = random.Random(seed)
    world = World(pick)
    policy = policy_for(an_actor(pick, world), at=NOW)
    guard = Permitting(policy)
    places = [(type(one).__name__, one.id) for one in world.resources]

    async with undone(database) as tx:
        await world.store(tx, world.resources)
        await world.store_wishes(tx)
        stored = await reading.read_many(tx.connection, places)
        shown = await reading.read_many(tx.connection, places, guard)

    for one, place in zip(world.resources, places, strict=True):
        decision = guard.decides(stored[place])
        expected = bool(may_see(policy, world.facts(one), at=NOW))
        assert decision in (None, expected)
        assert (place in shown) == expected


# -- the test itself is tested: each part of the compiler is broken once --------------------------------

MUTANTS = {
    "departments are everybody's": lambda p: replace(p, holders=p.holders | {"account:other"}),
    "restricted categories are ordinary": lambda p: replace(p, whole=p.whole, adult_micros=0),
    "roles see every type": lambda p: replace(p, related=frozenset(TYPE_NUMBERS)),
    "what belongs to nobody is common": lambda p: replace(p, common=frozenset(TYPE_NUMBERS)),
    "everybody is anyone's": lambda p: replace(p, anyone=p.anyone | p.related),
    "relations never end": lambda p: replace(p, at=NOW - timedelta(hours=4)),
    "nothing of anyone": lambda p: replace(p, anyone=frozenset()),
    "nothing of relations": lambda p: replace(p, related=frozenset()),
}


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_broken_compiler_is_found_out(database, mutant):
    """What is compiled is not the policy that the specification decides by: some world tells."""
    for seed in range(300):
        pick = random.Random(seed)
        world = World(pick)
        policy = policy_for(an_actor(pick, world), at=NOW)
        broken = Permitting(MUTANTS[mutant](policy))
        if policy.everything or broken.policy == policy:
            continue
        async with undone(database) as tx:
            await world.store(tx, world.resources)
            await world.store_wishes(tx)
            places = [(type(one).__name__, one.id) for one in world.resources]
            shown = await reading.read_many(tx.connection, places, broken)
        expected = {(type(one).__name__, one.id) for one in world.allowed(policy)}
        if set(shown) != expected:
            return
    pytest.fail(f"no world tells that {mutant}")


_TEXTS = {
    "the citizen's wishes are forgotten": ("access.restriction_v1", "(SELECT * FROM access.restriction_v1 WHERE false)"),
    "relations of other patients count": ("a.patient = ", "0 < "),
    "grants that have ended count": ("a.until > ", "now() < "),
    "an extent opens everything": ("a.extent = ANY", "a.extent <> ALL"),
    "emergencies open nothing more": ("a.overrides OR", "false OR"),
    "categories are not looked at": ("& ~a.categories = 0", "& 0 = 0"),
}  # fmt: skip


@pytest.mark.parametrize("mutation", _TEXTS)
async def test_a_broken_statement_is_found_out(database, mutation):
    """A part of the SQL is altered: some world tells."""
    old, new = _TEXTS[mutation]

    class Broken(Permitting):
        def sql(self, row, type_, arguments):
            return super().sql(row, type_, arguments).replace(old, new)

    for seed in range(400):
        pick = random.Random(seed)
        world = World(pick)
        policy = policy_for(an_actor(pick, world), at=NOW)
        if policy.everything or policy.whole or not policy.related:
            continue
        async with undone(database) as tx:
            await world.store(tx, world.resources)
            await world.store_wishes(tx)
            places = [(type(one).__name__, one.id) for one in world.resources]
            try:
                shown = await reading.read_many(tx.connection, places, Broken(policy))
            except Exception:
                continue
        if set(shown) != {(type(one).__name__, one.id) for one in world.allowed(policy)}:
            return
    pytest.fail(f"no world tells that {mutation}")


def test_access_service_is_the_door():
    assert access.PURPOSES
