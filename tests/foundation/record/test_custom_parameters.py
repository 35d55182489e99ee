"""Search parameters that a site adds while the server runs."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from yba.fhir import r4
from yba.foundation.record import parameters, plans, reindexing, service, terms
from yba.foundation.record.errors import (
    ParameterIndexing,
    UnsearchableQuery,
    UnusableParameter,
)
from yba.foundation.record.operations import Operation, Operations

RACE = "http://example.org/fhir/race"


def parameter(code: str, kind: str, expression: str, **values: Any) -> r4.SearchParameter:
    values.setdefault("base", ["Patient"])
    return r4.SearchParameter(
        id=values.pop("id", f"site-{code}"), url=f"http://example.org/{code}", name=code,
        status=values.pop("status", "active"), description="x", code=code,
        type=kind, expression=expression, **values,
    )  # type: ignore[arg-type]  # fmt: skip


def person(id_: str, race: str | None = None, **values: Any) -> r4.Patient:
    extension = [r4.Extension(url=RACE, valueString=race)] if race else None
    return r4.Patient(id=id_, extension=extension, **values)


CLEAR = (
    "TRUNCATE record.resource, record.history, record.range, record.string, record.coded,"
    " record.term, record.reindexing, record.parameter"
)


@pytest.fixture(autouse=True)
async def nothing_known(database):
    async def clear() -> None:
        terms.forget()
        parameters.forget()
        async with database.transaction() as tx:
            await tx.execute("SELECT set_config('archive.destroying', 'on', true)")
            await tx.execute(CLEAR)

    await clear()
    yield
    await clear()


@pytest.fixture
def write(database, actor, at):
    async def carry_out(method: str, resource: Any) -> None:
        name = type(resource).__name__
        operation = Operation(method, name, actor, id=resource.id, resource=resource)
        async with database.transaction() as tx:
            await Operations(tx, at=at).carry_out([operation])
        if operation.error is not None:
            raise operation.error

    return carry_out


@pytest.fixture
def save(database, actor, at):
    async def keep(*resources: Any) -> None:
        async with database.transaction() as tx:
            await service.save(tx, actor=actor, resources=resources, at=at)

    return keep


@pytest.fixture
def found(database, actor, at):
    async def search(type_: Any, query: str) -> list[str]:
        async with database.transaction() as tx:
            await parameters.refresh(tx)
            resources = await service.search(tx, actor=actor, type_=type_, query=query, at=at)
        return sorted(resource.id for resource in resources)

    return search


async def worked(database, at) -> None:
    for _ in range(3):
        await reindexing.run_waiting(database, clock=lambda: at)


EXTENSION = f"Patient.extension('{RACE}').value"


async def test_it_is_refused_while_indexing_and_found_afterwards(database, at, write, save, found):
    await save(person("old", "Kinh"), person("other", "Tày"), person("none"))
    await write("PUT", parameter("race", "string", EXTENSION))

    with pytest.raises(ParameterIndexing):
        await found(r4.Patient, "race=kinh")
    await save(person("new", "Kinh"))
    await worked(database, at)

    assert await found(r4.Patient, "race=kinh") == ["new", "old"]
    assert await found(r4.Patient, "race:missing=true") == ["none"]
    assert await found(r4.Patient, "race:missing=false") == ["new", "old", "other"]
    assert await found(r4.Patient, "race:exact=kinh") == []
    async with database.transaction() as tx:
        [work] = await reindexing.status(tx, at=at)
    assert (work.type, work.parameter, work.total, work.done) == ("Patient", "race", work.done, 4)


async def test_every_kind_of_value_is_filed(database, at, write, save, found):
    def added(code: str, kind: str, path: str) -> r4.SearchParameter:
        return parameter(code, kind, f"Observation.{path}", base=["Observation"])

    await write("PUT", added("x-token", "token", "component.code"))
    await write("PUT", added("x-uri", "uri", "implicitRules"))
    await write("PUT", added("x-ref", "reference", "hasMember"))
    await write("PUT", added("x-date", "date", "issued"))
    await write("PUT", added("x-number", "number", "component.value.ofType(integer)"))
    await write("PUT", added("x-quantity", "quantity", "referenceRange.low"))
    await worked(database, at)
    code = r4.CodeableConcept(coding=[r4.Coding(system="urn:c", code="k", display="Đau đầu")])
    low = r4.Quantity(value=Decimal("5"), system="http://unitsofmeasure.org", code="mg", unit="mg")
    await save(
        r4.Observation(
            id="o", status="final", code=r4.CodeableConcept(text="x"), issued="2026-01-02T03:04:05Z",
            hasMember=[r4.Reference(reference="Observation/p")], implicitRules="http://example.org/r",
            component=[r4.ObservationComponent(code=code, valueInteger=7)],
            referenceRange=[r4.ObservationReferenceRange(low=low)],
        ),
        r4.Observation(id="p", status="final", code=r4.CodeableConcept(text="x")),
    )  # fmt: skip

    for query in (
        "x-token=urn:c|k", "x-token=k", "x-token:text=dau", "x-uri=http://example.org/r",
        "x-uri:below=http://example.org", "x-ref=Observation/p", "x-ref=p", "x-ref.status=final",
        "x-date=2026-01-02", "x-date=gt2025", "x-number=7", "x-number=lt8",
        "x-quantity=5|http://unitsofmeasure.org|mg", "x-quantity=0.005|http://unitsofmeasure.org|g",
    ):  # fmt: skip
        assert await found(r4.Observation, query) == ["o"], query
    assert await found(r4.Observation, "_has:Observation:x-ref:status=final") == ["p"]
    assert await found(r4.Observation, "x-token:not=k") == ["p"]
    assert await found(r4.Observation, "_sort=x-date") == ["o", "p"]


async def test_who_writes_by_an_outdated_list_files_again(database, at, write, save, found):
    await write("PUT", parameter("race", "string", EXTENSION))
    await worked(database, at)
    # As in another process, which has not heard of the parameter yet.
    terms.forget()
    plans.put_filed_with(0)

    await save(person("late", "Kinh"))
    plans.put_filed_with(0)
    plans.plan_of("Patient").put_added([], set())
    await save(*(person(f"many{n}", "Kinh") for n in range(60)))

    assert len(await found(r4.Patient, "race=kinh")) == 61


async def test_work_goes_on_where_it_stopped(database, at, write, save, found, monkeypatch):
    monkeypatch.setattr(reindexing, "BATCH", 3)
    await save(*(person(f"p{n}", "Kinh") for n in range(8)))
    await write("PUT", parameter("race", "string", EXTENSION))
    for _ in range(2):
        await reindexing.step(database, at=at)
    await reindexing.step(database, at=at)
    async with database.transaction() as tx:
        [work] = await reindexing.status(tx, at=at)
    assert work.done in (3, 6)
    assert work.total == 8

    await worked(database, at)

    assert len(await found(r4.Patient, "race=kinh")) == 8


async def test_nothing_is_read_before_earlier_writers_have_ended(
    database, actor, at, write, save, found
):
    async with database.transaction() as slow:
        await service.save(slow, actor=actor, resources=[person("slow", "Kinh")], at=at)
        await write("PUT", parameter("race", "string", EXTENSION))
        await worked(database, at)
        with pytest.raises(ParameterIndexing):
            await found(r4.Patient, "race=kinh")

    await worked(database, at)
    assert await found(r4.Patient, "race=kinh") == ["slow"]


async def test_updates_while_indexing_are_found_by_what_they_say_now(
    database, at, write, save, found
):
    await save(*(person(f"p{n}", "Kinh") for n in range(20)))
    await write("PUT", parameter("race", "string", EXTENSION))

    async def change() -> None:
        for n in range(0, 20, 2):
            await save(person(f"p{n}", "Tày"))

    await asyncio.gather(change(), worked(database, at))
    await worked(database, at)

    assert len(await found(r4.Patient, "race=kinh")) == 10
    assert len(await found(r4.Patient, "race=tay")) == 10


async def test_a_changed_or_withdrawn_parameter_leaves_nothing_behind(
    database, at, write, save, found
):
    await save(person("a", "Kinh"))
    await write("PUT", parameter("race", "string", EXTENSION))
    await worked(database, at)
    await write("PUT", parameter("race", "string", "Patient.name.family"))
    await worked(database, at)
    assert await found(r4.Patient, "race=kinh") == []

    await write("PUT", parameter("race", "string", "Patient.name.family", status="retired"))

    with pytest.raises(UnsearchableQuery):
        await found(r4.Patient, "race=kinh")


async def test_a_deleted_parameter_is_unknown(database, at, write, save, found):
    resource = parameter("race", "string", EXTENSION)
    await write("PUT", resource)
    await worked(database, at)
    assert await found(r4.Patient, "race=kinh") == []

    await write("DELETE", resource)

    with pytest.raises(UnsearchableQuery):
        await found(r4.Patient, "race=kinh")


async def test_a_composite_finds_what_belongs_together(database, at, write, save, found):
    def part(name: str, path: str) -> r4.SearchParameterComponent:
        definition = f"http://hl7.org/fhir/SearchParameter/{name}"
        return r4.SearchParameterComponent(definition=definition, expression=path)

    def measured(code: str, value: int) -> r4.ObservationComponent:
        coding = r4.Coding(system="urn:c", code=code)
        amount = r4.Quantity(value=Decimal(value), unit="mg")
        return r4.ObservationComponent(
            code=r4.CodeableConcept(coding=[coding]), valueQuantity=amount
        )

    def observation(id_: str, *parts: r4.ObservationComponent) -> r4.Observation:
        code = r4.CodeableConcept(text="x")
        return r4.Observation(id=id_, status="final", code=code, component=list(parts))

    await save(
        observation("o", measured("a", 1), measured("b", 9)),
        observation("p", measured("a", 9), measured("b", 1)),
    )
    await write("PUT", parameter(
        "x-pair", "composite", "Observation.component", base=["Observation"],
        component=[part("clinical-code", "code"), part("Observation-value-quantity", "value")],
    ))  # fmt: skip
    await worked(database, at)
    await save(observation("q", measured("a", 2)))

    assert await found(r4.Observation, "x-pair=urn:c|a$lt5") == ["o", "q"]
    assert await found(r4.Observation, "x-pair=b$9") == ["o"]
    assert await found(r4.Observation, "x-pair:missing=true") == []
    assert await found(r4.Observation, "_sort=-x-pair") == ["o", "p", "q"]
    with pytest.raises(UnusableParameter):
        await write("PUT", parameter(
            "x-odd", "composite", "Observation.component", base=["Observation"],
            component=[part("Observation-value-quantity", "value"), part("clinical-code", "code")],
        ))  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "expression"),
    [
        ("string", "Patient..name"), ("string", "Patient.colour"), ("string", None),
        ("composite", "Patient"), ("special", "Patient.name"), ("special", "Patient"),
    ],
)  # fmt: skip
async def test_what_cannot_be_indexed_is_refused(write, kind, expression):
    with pytest.raises(UnusableParameter):
        await write("PUT", parameter("odd", kind, expression))


async def test_two_parameters_of_one_code_are_refused(database, at, write, found):
    await write("PUT", parameter("race", "string", EXTENSION))
    await worked(database, at)
    with pytest.raises(UnsearchableQuery):
        await found(r4.Patient, "nothing=x")

    with pytest.raises(UnusableParameter):
        await write("PUT", parameter("race", "token", "Patient.gender", id="second"))


async def test_a_parameter_of_the_standard_stays_as_it_is(write, save, found):
    await save(person("a", name=[r4.HumanName(family="Trần")]))
    await write("PUT", parameter("family", "string", "Patient.name.given"))
    await write("PUT", parameter("draft", "nothing", "a b", status="draft"))

    assert await found(r4.Patient, "family=tran") == ["a"]


async def test_everything_of_a_type_is_filed_again_on_demand(database, at, save, found):
    await save(person("a", name=[r4.HumanName(family="Trần")]))
    async with database.transaction() as tx:
        await tx.execute("DELETE FROM record.string")
        before = await tx.value("SELECT (version, updated, xid)::text FROM record.resource")
        await reindexing.ask(tx, ["Patient"], at=at)
    assert await found(r4.Patient, "family=tran") == []

    await worked(database, at)

    assert await found(r4.Patient, "family=tran") == ["a"]
    async with database.transaction() as tx:
        after = await tx.value("SELECT (version, updated, xid)::text FROM record.resource")
    assert after == before
