"""Property: across references, a search finds what walking through all resources would find."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yba.fhir import r4
from yba.foundation.record import reading, service, store
from yba.foundation.record.query.parse import parse

FAMILIES = ["Nguyễn", "Trần", "Lê", "Ngô"]
CODES = ["8480-6", "2339-0", "718-7"]
# Reference parameters by type: how to read them, and the one type each leads to here.
REFERENCES: dict[str, dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "Organization": {"partof": ("Organization", lambda r: [r.partOf])},
    "Patient": {
        "general-practitioner": ("Practitioner", lambda r: r.generalPractitioner or []),
        "organization": ("Organization", lambda r: [r.managingOrganization]),
    },
    "Encounter": {
        "patient": ("Patient", lambda r: [r.subject]),
        "subject": ("Patient", lambda r: [r.subject]),
        "service-provider": ("Organization", lambda r: [r.serviceProvider]),
    },
    "Observation": {
        "patient": ("Patient", lambda r: [r.subject]),
        "encounter": ("Encounter", lambda r: [r.encounter]),
        "performer": ("Practitioner", lambda r: r.performer or []),
        "has-member": ("Observation", lambda r: r.hasMember or []),
    },
}


class Asked(NamedTuple):
    """One condition: its parameter, its value, what it says, and the same as a filter."""

    name: str
    value: str
    holds: Callable[[Any], bool]
    filter: str


class World:
    """A random graph of resources, all under one tag."""

    def __init__(self, pick: random.Random) -> None:
        self.tag = service.new_id()
        self.hidden: Any = None
        meta = r4.Meta(tag=[r4.Coding(system="urn:test", code=self.tag)])
        self.all: dict[str, list[Any]] = {name: [] for name in (*REFERENCES, "Practitioner")}

        def new(type_: type, **fields) -> None:
            fields = {name: value for name, value in fields.items() if value}
            self.all[type_.__name__].append(type_(id=service.new_id(), meta=meta, **fields))

        def some(type_: str, share: float = 0.7) -> r4.Reference | None:
            stored = self.all[type_]
            if not stored or pick.random() > share:
                return None
            return r4.Reference(reference=f"{type_}/{pick.choice(stored).id}")

        def several(type_: str) -> list[r4.Reference]:
            return [one for one in (some(type_, 0.6), some(type_, 0.3)) if one]

        for _ in range(5):
            new(r4.Organization, name=pick.choice(FAMILIES), partOf=some("Organization"))
            new(r4.Practitioner, name=[r4.HumanName(family=pick.choice(FAMILIES))])
        for _ in range(10):
            new(
                r4.Patient, name=[r4.HumanName(family=pick.choice(FAMILIES))],
                gender=pick.choice(["male", "female", None]),
                birthDate=pick.choice(["1980", "1990-05-01", None]),
                generalPractitioner=several("Practitioner"), managingOrganization=some("Organization"),
            )  # fmt: skip
        for _ in range(20):
            new(
                r4.Encounter, status=pick.choice(["planned", "finished"]),
                class_=r4.Coding(code="AMB"), subject=some("Patient"),
                serviceProvider=some("Organization"),
            )  # fmt: skip
        for _ in range(50):
            new(
                r4.Observation, status=pick.choice(["final", "amended"]),
                code=r4.CodeableConcept(coding=[r4.Coding(code=pick.choice(CODES))]),
                subject=some("Patient"), encounter=some("Encounter"),
                performer=several("Practitioner"), hasMember=several("Observation"),
            )  # fmt: skip
        self.by_reference = {
            f"{name}/{one.id}": one for name, stored in self.all.items() for one in stored
        }

    def targets(self, resource: Any, code: str) -> list[Any]:
        """Return what a resource refers to by a parameter."""
        _, read = REFERENCES[type(resource).__name__][code]
        found = [self.by_reference[ref.reference] for ref in read(resource) if ref is not None]
        return [one for one in found if one is not self.hidden]

    def sources(self, resource: Any, type_: str, code: str) -> list[Any]:
        """Return what refers to a resource by a parameter of a type."""
        return [one for one in self.seen(type_) if resource in self.targets(one, code)]

    def seen(self, type_: str) -> list[Any]:
        """Return the resources of a type that are not hidden."""
        return [one for one in self.all[type_] if one is not self.hidden]

    def sql(self, row: str, type_: str | None, arguments: Any) -> str:
        """Hide one resource, as a guard of searches."""
        if self.hidden is None:
            return ""
        hidden = reading.row_id(type(self.hidden).__name__, self.hidden.id)
        return f"{row}.rid <> {arguments.add(hidden, 'bigint')}"


def leaves(type_: str) -> st.SearchStrategy[Asked]:
    def coded(name: str, values: list[str], read: Callable[[Any], Any]) -> list[Asked]:
        return [
            asked
            for value in values
            for asked in (
                Asked(name, value, lambda r, v=value: read(r) == v, f"{name} eq {value}"),
                Asked(f"{name}:not", value, lambda r, v=value: read(r) != v, f"not ({name} eq {value})"),
                Asked(f"{name}:missing", "true", lambda r: not read(r), f"{name} pr false"),
            )
        ]  # fmt: skip

    def text(name: str, read: Callable[[Any], str]) -> list[Asked]:
        return [
            Asked(name, "ng", lambda r: read(r).startswith("Ng"), f'{name} sw "ng"'),
            Asked(f"{name}:exact", "Lê", lambda r: read(r) == "Lê", f'{name} eq "le"'),
            Asked(f"{name}:contains", "e", lambda r: read(r) in ("Lê", "Nguyễn"), f"{name} co e"),
        ]

    match type_:
        case "Patient":
            found = coded("gender", ["male", "female"], lambda r: r.gender)
            found += text("family", lambda r: r.name[0].family)
            found.append(
                Asked("birthdate", "lt1985", lambda r: r.birthDate == "1980", "birthdate lt 1985")
            )
            found.append(
                Asked(
                    "birthdate",
                    "ne1980",
                    lambda r: r.birthDate == "1990-05-01",
                    "birthdate ne 1980",
                )
            )
        case "Practitioner":
            found = text("family", lambda r: r.name[0].family)
        case "Organization":
            found = text("name", lambda r: r.name)
        case "Encounter":
            found = coded("status", ["planned", "finished"], lambda r: r.status)
        case _:
            found = coded("status", ["final", "amended"], lambda r: r.status)
            found += coded("code", CODES, lambda r: r.code.coding[0].code)
    return st.sampled_from(found)  # fmt: skip


@st.composite
def conditions(draw, world: World, type_: str, steps: int) -> Asked:
    """Draw a condition on a type with at most so many steps over references."""
    backwards = [
        (source, code)
        for source, codes in REFERENCES.items()
        for code, (target, _) in codes.items()
        if target == type_
    ]
    ways = ["leaf"]
    if steps:
        ways += ["chain"] * (2 if type_ in REFERENCES else 0) + ["has"] * (1 if backwards else 0)
    match draw(st.sampled_from(ways)):
        case "chain":
            code = draw(st.sampled_from(sorted(REFERENCES[type_])))
            target = REFERENCES[type_][code][0]
            inner = draw(conditions(world, target, steps - 1))
            step = draw(
                st.sampled_from(
                    [f"{code}:{target}", code] if code != "performer" else [f"{code}:{target}"]
                )
            )
            return Asked(
                f"{step}.{inner.name}", inner.value,
                lambda r: any(inner.holds(t) for t in world.targets(r, code)),
                _nested(step, inner.filter),
            )  # fmt: skip
        case "has":
            source, code = draw(st.sampled_from(sorted(backwards)))
            inner = draw(conditions(world, source, steps - 1))
            return Asked(
                f"_has:{source}:{code}:{inner.name}", inner.value,
                lambda r: any(inner.holds(s) for s in world.sources(r, source, code)), "",
            )  # fmt: skip
        case _:
            return draw(leaves(type_))


def _nested(step: str, text: str) -> str:
    """Write "what step refers to meets the filter"; only tests of one value can be a path."""
    return "" if not text or text.startswith("not") else f"{step}.{text}"


@pytest.fixture
async def world(tx, actor, at) -> World:
    world = World(random.Random(5))
    stored = [one for name in world.all for one in world.all[name]]
    await service.save(tx, actor=actor, resources=stored, at=at)
    # What the tests before rolled back may have been swept: then the planner believes in no rows.
    for statement in store.ANALYZE:
        await tx.execute(statement)
    return world


_TYPES = st.sampled_from(["Observation", "Encounter", "Patient", "Organization", "Practitioner"])
_SLOWLY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _query(world: World, asked: list[tuple[str, str]]) -> str:
    return "&".join(
        f"{name}={value}" for name, value in [("_tag", f"urn:test|{world.tag}"), *asked]
    )


@pytest.mark.slow
@_SLOWLY
@given(data=st.data())
async def test_chains_and_has_find_what_walking_would_find(world, tx, at, data):
    type_ = data.draw(_TYPES)
    everything = [one for stored in world.all.values() for one in stored]
    # One resource may be hidden: then all must be as if it did not exist.
    world.hidden = data.draw(st.one_of(st.none(), st.sampled_from(everything)))
    asked = data.draw(st.lists(conditions(world, type_, 4), min_size=1, max_size=2))

    query = _query(world, [(one.name, one.value) for one in asked])
    page = await reading.find(tx, parse(type_, query + "&_count=100"), now=at, guard=world)
    counted = await reading.find(tx, parse(type_, query + "&_summary=count"), now=at, guard=world)

    expected = {r.id for r in world.seen(type_) if all(one.holds(r) for one in asked)}
    assert {found.id for found in page.matches} == expected
    assert page.total == counted.total == len(expected)


@pytest.mark.slow
@_SLOWLY
@given(data=st.data())
async def test_filters_find_what_walking_would_find(world, tx, at, data):
    type_ = data.draw(_TYPES)
    tests = conditions(world, type_, 3).filter(lambda one: bool(one.filter))

    def joined(inner):
        pair = st.tuples(inner, inner)
        return st.one_of(
            pair.map(lambda p: (f"({p[0][0]}) and ({p[1][0]})", lambda r: p[0][1](r) and p[1][1](r))),
            pair.map(lambda p: (f"({p[0][0]}) or ({p[1][0]})", lambda r: p[0][1](r) or p[1][1](r))),
            inner.map(lambda p: (f"not ({p[0]})", lambda r: not p[1](r))),
        )  # fmt: skip

    one = tests.map(lambda asked: (asked.filter, asked.holds))
    text, holds = data.draw(st.recursive(one, joined, max_leaves=5))

    page = await reading.find(
        tx, parse(type_, _query(world, [("_filter", text)]) + "&_count=100"), now=at
    )

    assert {f.id for f in page.matches} == {r.id for r in world.all[type_] if holds(r)}


INCLUDES = st.lists(
    st.tuples(
        st.sampled_from(
            [(False, source, code) for source, codes in REFERENCES.items() for code in codes]
            + [(True, source, code) for source, codes in REFERENCES.items() for code in codes]
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@_SLOWLY
@given(data=st.data())
async def test_includes_add_what_walking_would_add(world, tx, at, data):
    type_ = data.draw(_TYPES)
    start = data.draw(st.sampled_from(world.all[type_]))
    everything = [one for stored in world.all.values() for one in stored if one is not start]
    world.hidden = data.draw(st.one_of(st.none(), st.sampled_from(everything)))
    asked = []
    for (reverse, source, code), iterate in data.draw(INCLUDES):
        possible = REFERENCES[source][code][0] == type_ if reverse else source == type_
        asked.append((reverse, source, code, iterate or not possible))
    query = _query(
        world,
        [("_id", start.id)] + [
            (("_revinclude" if reverse else "_include") + (":iterate" if iterate else ""), f"{source}:{code}")
            for reverse, source, code, iterate in asked
        ],
    )  # fmt: skip

    page = await reading.find(tx, parse(type_, query), now=at, guard=world)

    seen, last, rules = {start.id}, [start], asked
    while last:
        fresh: dict[str, Any] = {}
        for one in last:
            for reverse, source, code, _ in rules:
                if reverse:
                    found = world.sources(one, source, code)
                else:
                    found = world.targets(one, code) if type(one).__name__ == source else []
                fresh |= {f.id: f for f in found if f.id not in seen}
        seen |= set(fresh)
        last, rules = list(fresh.values()), [rule for rule in asked if rule[3]]
    assert sorted(one.id for one in page.included) == sorted(seen - {start.id})
