"""The verbs that other contexts call: save, read, search, chart, delete, history."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from yba.fhir import r4
from yba.foundation.record import service
from yba.foundation.record.errors import (
    InvalidResource,
    ResourceDeleted,
    ResourceNotFound,
    UnsearchableQuery,
    VersionConflict,
)
from yba.foundation.record.operations import Operation, Operations


def patient(id_: str, **values: object) -> r4.Patient:
    values.setdefault(
        "name", [r4.HumanName(family="Nguyễn", given=["Văn", "An"], text="Nguyễn Văn An")]
    )
    return r4.Patient(id=id_, gender="male", birthDate="1980-02-03", **values)  # type: ignore[arg-type]


def glucose(id_: str, patient_id: str, value: str, day: str = "2026-09-01") -> r4.Observation:
    return r4.Observation(
        id=id_,
        status="final",
        code=r4.CodeableConcept(coding=[r4.Coding(system="http://loinc.org", code="2339-0")]),
        subject=r4.Reference(reference=f"Patient/{patient_id}"),
        effectiveDateTime=day,
        valueQuantity=r4.Quantity(
            value=Decimal(value), unit="mmol/L", system="http://unitsofmeasure.org", code="mmol/L"
        ),
    )


async def test_what_was_saved_is_read_back_with_its_version_and_time(tx, actor, at):
    id_ = service.new_id()

    [saved] = await service.save(tx, actor=actor, resources=[patient(id_)], at=at)
    found = await service.read(tx, actor=actor, type_=r4.Patient, id_=id_)

    assert saved.reference == f"Patient/{id_}"
    assert found.meta.versionId == "1"
    assert found.meta.lastUpdated == "2026-09-15T05:00:00.000Z"
    assert found.name[0].text == "Nguyễn Văn An"


async def test_decimals_keep_their_digits(tx, actor, at):
    id_ = service.new_id()

    await service.save(tx, actor=actor, resources=[glucose(id_, "x", "5.40")], at=at)

    found = await service.read(tx, actor=actor, type_=r4.Observation, id_=id_)
    assert str(found.valueQuantity.value) == "5.40"


async def test_changed_content_is_the_next_version_and_the_old_one_stays_in_history(tx, actor, at):
    id_ = service.new_id()
    await service.save(tx, actor=actor, resources=[patient(id_)], at=at)

    changed = patient(id_, active=False)
    [saved] = await service.save(tx, actor=actor, resources=[changed], at=at + timedelta(hours=1))

    states = await service.history(tx, actor=actor, type_=r4.Patient, id_=id_)
    assert saved.version == 2
    assert [state.version for state in states] == [2, 1]
    assert b'"active":false' in states[0].body
    assert b"active" not in states[1].body


async def test_identical_content_is_not_a_new_version(tx, actor, at):
    id_ = service.new_id()
    await service.save(tx, actor=actor, resources=[patient(id_)], at=at)

    [saved] = await service.save(
        tx, actor=actor, resources=[patient(id_)], at=at + timedelta(hours=1)
    )

    assert (saved.version, saved.changed) == (1, False)


async def test_a_writer_who_read_an_older_version_is_refused(tx, actor, at):
    id_ = service.new_id()
    await service.save(tx, actor=actor, resources=[patient(id_)], at=at)
    await service.save(tx, actor=actor, resources=[patient(id_, active=True)], at=at)

    with pytest.raises(VersionConflict):
        await service.save(
            tx, actor=actor, resources=[patient(id_, active=False)], at=at,
            if_match={f"Patient/{id_}": 1},
        )  # fmt: skip


async def test_an_invalid_resource_is_not_saved(tx, actor, at):
    id_ = service.new_id()

    with pytest.raises(InvalidResource):
        await service.save(
            tx, actor=actor, resources=[r4.Patient(id=id_, birthDate="1980-13-45")], at=at
        )

    with pytest.raises(ResourceNotFound):
        await service.read(tx, actor=actor, type_=r4.Patient, id_=id_)


async def test_a_deleted_resource_is_gone_from_searches_but_its_history_stays(tx, actor, at):
    id_ = service.new_id()
    await service.save(tx, actor=actor, resources=[patient(id_)], at=at)

    await service.delete(tx, actor=actor, type_="Patient", id_=id_, at=at)

    with pytest.raises(ResourceDeleted):
        await service.read(tx, actor=actor, type_=r4.Patient, id_=id_)
    assert await service.search(tx, actor=actor, type_=r4.Patient, query=f"_id={id_}") == []
    states = await service.history(tx, actor=actor, type_=r4.Patient, id_=id_)
    assert [state.deleted for state in states] == [True, False]


async def test_a_deleted_resource_comes_back_when_it_is_saved_again(tx, actor, at):
    id_ = service.new_id()
    await service.save(tx, actor=actor, resources=[patient(id_)], at=at)
    await service.delete(tx, actor=actor, type_="Patient", id_=id_, at=at)

    [saved] = await service.save(tx, actor=actor, resources=[patient(id_)], at=at)

    assert saved.version == 3
    found = await service.search(
        tx, actor=actor, type_=r4.Patient, query=f"_id={id_}&family=nguyen"
    )
    assert len(found) == 1


async def test_searches_find_by_every_kind_of_value(tx, actor, at):
    person, first, second = (service.new_id() for _ in range(3))
    await service.save(
        tx, actor=actor, at=at,
        resources=[
            patient(person, identifier=[r4.Identifier(system="urn:test:id", value="001099000123")]),
            glucose(first, person, "5.4", "2026-09-01"),
            glucose(second, person, "11.2", "2026-09-02T08:00:00+07:00"),
        ],
    )  # fmt: skip

    async def ids(type_: type, query: str) -> list[str]:
        return [r.id for r in await service.search(tx, actor=actor, type_=type_, query=query)]

    assert await ids(r4.Patient, "identifier=001099000123") == [person]
    assert await ids(r4.Patient, "identifier=urn:test:id|001099000123") == [person]
    assert await ids(r4.Patient, "identifier=urn:other|001099000123") == []
    assert await ids(r4.Patient, f"name=nguyen van a&_id={person}") == [person]
    assert await ids(r4.Patient, f"name:exact=nguyen&_id={person}") == []
    assert await ids(r4.Patient, f"name:contains=VĂN&_id={person}") == [person]
    assert await ids(r4.Patient, f"birthdate=1980-02&_id={person}") == [person]
    assert await ids(r4.Patient, f"gender:not=male&_id={person}") == []
    mine = f"patient={person}"
    assert await ids(r4.Observation, f"{mine}&_sort=-date") == [second, first]
    assert await ids(r4.Observation, f"{mine}&_sort=date") == [first, second]
    assert await ids(r4.Observation, f"{mine}&code=2339-0&_sort=date") == [first, second]
    assert await ids(r4.Observation, f"subject=Patient/{person}&value-quantity=gt6") == [second]
    assert await ids(
        r4.Observation, f"{mine}&value-quantity=5.4|http://unitsofmeasure.org|mmol/L"
    ) == [first]
    assert await ids(r4.Observation, f"{mine}&value-quantity=5.4||mg") == []
    assert await ids(r4.Observation, f"{mine}&code-value-quantity=http://loinc.org|2339-0$lt6") == [
        first
    ]
    assert await ids(r4.Observation, f"{mine}&date=2026-09-02") == [second]
    assert await ids(r4.Observation, f"{mine}&date=lt2026-09-02") == [first]
    assert await ids(r4.Observation, f"{mine}&patient.gender=male&_sort=date") == [first, second]
    assert await ids(r4.Observation, f"{mine}&encounter:missing=true&_sort=date") == [first, second]
    assert await ids(r4.Patient, f"_id={person}&_has:Observation:patient:code=2339-0") == [person]
    assert await ids(r4.Patient, f"_id={person}&_has:Observation:patient:code=1-1") == []


async def test_an_unknown_parameter_is_refused_by_name(tx, actor):
    with pytest.raises(UnsearchableQuery, match="colour"):
        await service.search(tx, actor=actor, type_=r4.Patient, query="colour=red")


async def test_a_chart_holds_the_patient_and_the_types_asked_for(tx, actor, at):
    person, first, second = (service.new_id() for _ in range(3))
    await service.save(
        tx, actor=actor, at=at,
        resources=[
            patient(person),
            glucose(first, person, "5.4", "2026-09-01"),
            glucose(second, person, "11.2", "2026-09-02"),
        ],
    )  # fmt: skip

    chart = await service.chart(tx, actor=actor, patient_id=person, types=[r4.Observation])

    assert chart.patient.id == person
    assert [o.id for o in chart.of(r4.Observation)] == [second, first]
    assert chart.of(r4.Condition) == []


async def test_every_read_and_write_leaves_a_trace_of_the_patient(tx, actor, at):
    id_ = service.new_id()
    await service.save(tx, actor=actor, resources=[patient(id_)], at=at, note="parties.register")
    await service.read(tx, actor=actor, type_=r4.Patient, id_=id_)

    rows = await tx.connection.fetch(
        "SELECT action, what FROM audit.event WHERE patient_id = $1 ORDER BY id", id_
    )
    assert [(row["action"], row["what"]) for row in rows] == [
        ("C", "parties.register"),
        ("R", "record.read"),
    ]


async def test_foreign_ids_are_kept_and_found(tx, actor, at):
    [saved] = await service.save(tx, actor=actor, resources=[patient("Foreign.Id-1")], at=at)

    found = await service.read(tx, actor=actor, type_=r4.Patient, id_="Foreign.Id-1")

    assert saved.id == found.id == "Foreign.Id-1"


async def test_writes_that_arrive_together_are_traced_to_the_program_of_each(tx, actor, at):
    """One person's two programs share a commit; the trail still tells them apart."""
    programs = [replace(actor, client_id=name) for name in ("app-1", "app-2")]
    operations = [
        Operation("POST", "Patient", one, id=(id_ := service.new_id()), resource=patient(id_))
        for one in programs
    ]

    await Operations(tx, at=at).carry_out(operations)

    rows = await tx.connection.fetch(
        "SELECT client_id, resources FROM audit.event WHERE resources && $1::text[]",
        [f"Patient/{one.id}" for one in operations],
    )
    assert {(row["client_id"], *row["resources"]) for row in rows} == {
        (one.actor.client_id, f"Patient/{one.id}") for one in operations
    }
