"""Tickets are unique and without gaps; the law decides who goes first."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.builders.care import DESK, DOCTOR, add_clinic, clinic_called, person_named, register

from yba.care.encounters import service as encounters
from yba.care.encounters.model import NewVisit
from yba.care.scheduling import service as scheduling
from yba.care.scheduling.errors import (
    ClinicClosed,
    ClinicCodeInUse,
    ClinicNotFound,
    QueueEmpty,
    TicketNotFound,
)
from yba.care.scheduling.model import PriorityLimits, PriorityReason, priority_of, queue_since
from yba.fhir import r4
from yba.foundation.record import service as record
from yba.foundation.work.errors import WorkNotPossible
from yba.foundation.work.model import Priority, State
from yba.kernel.actor import Actor

LIMITS = PriorityLimits(child_under_years=6, elderly_from_years=75)
TODAY = date(2026, 9, 15)


async def ticket(tx, at, clinic_id, **more):
    return await scheduling.issue_ticket(
        tx,
        actor=DESK,
        clinic_id=clinic_id,
        patient_id=more.pop("patient_id", ""),
        encounter_id="",
        at=at,
        **more,
    )


async def test_a_clinic_is_also_a_location_of_the_record(tx, at):
    clinic_id = await add_clinic(tx, at)

    location = await record.read(tx, actor=DOCTOR, type_=r4.Location, id_=clinic_id, at=at)

    assert (location.name, location.status) == ("Phòng khám A1", "active")


async def test_two_clinics_never_share_a_code(tx, at):
    await add_clinic(tx, at)

    with pytest.raises(ClinicCodeInUse):
        await add_clinic(tx, at)


async def test_numbers_count_from_one_each_local_day_and_clinic(tx, at):
    first = await add_clinic(tx, at, "A1")
    second = await add_clinic(tx, at, "B1")
    # 17:30 UTC is after midnight in Vietnam.
    tomorrow = datetime(2026, 9, 15, 17, 30, tzinfo=UTC)

    numbers = [
        (await ticket(tx, moment, clinic_id)).number
        for moment, clinic_id in [(at, first), (at, first), (at, second), (tomorrow, first)]
    ]

    assert numbers == ["A001", "A002", "B001", "A001"]


async def test_a_closed_clinic_issues_no_tickets(tx, at):
    clinic_id = await add_clinic(tx, at)
    await scheduling.set_clinic_open(
        tx, actor=Actor.system("test"), clinic_id=clinic_id, is_open=False, at=at
    )

    with pytest.raises(ClinicClosed):
        await ticket(tx, at, clinic_id)
    with pytest.raises(ClinicNotFound):
        await ticket(tx, at, "nowhere")


@pytest.mark.parametrize(
    ("stated", "born", "expected"),
    [
        ("", "1985-03-12", (Priority.ORDINARY, PriorityReason.NONE)),
        ("", "2021-01-01", (Priority.PRIORITY, PriorityReason.CHILD)),
        ("", "2020-09-15", (Priority.ORDINARY, PriorityReason.NONE)),
        ("", "1951-09-15", (Priority.PRIORITY, PriorityReason.ELDERLY)),
        ("", "1951-09-16", (Priority.ORDINARY, PriorityReason.NONE)),
        ("", "", (Priority.ORDINARY, PriorityReason.NONE)),
        ("pregnant", "1995", (Priority.PRIORITY, PriorityReason.PREGNANT)),
        ("emergency", "1995", (Priority.EMERGENCY, PriorityReason.EMERGENCY)),
    ],
)
def test_who_goes_first_follows_the_law(stated, born, expected):
    assert priority_of(PriorityReason(stated), born, TODAY, LIMITS) == expected


async def test_the_emergency_is_called_before_those_who_came_earlier(tx, at):
    clinic_id = await add_clinic(tx, at)
    await ticket(tx, at, clinic_id)
    old = await ticket(tx, at, clinic_id, birth_date="1940")
    urgent = await ticket(tx, at, clinic_id, priority=PriorityReason.EMERGENCY)

    called = [
        (await scheduling.call_next(tx, actor=DOCTOR, clinic_id=clinic_id, at=at)).number
        for _ in range(3)
    ]

    assert called == [urgent.number, old.number, "A001"]
    assert urgent.waiting_before == 0
    assert old.waiting_before == 0
    with pytest.raises(QueueEmpty):
        await scheduling.call_next(tx, actor=DOCTOR, clinic_id=clinic_id, at=at)


async def test_who_does_not_come_can_be_called_again(tx, at):
    clinic_id = await add_clinic(tx, at)
    issued = await ticket(tx, at, clinic_id)
    await scheduling.call_next(tx, actor=DOCTOR, clinic_id=clinic_id, at=at)
    await scheduling.mark_absent(tx, actor=DOCTOR, item_id=issued.item_id, at=at)

    (board,) = await scheduling.board(tx, at=at, clinic_ids=[clinic_id])
    assert board.absent_numbers == ("A001",)
    again = await scheduling.call(tx, actor=DOCTOR, item_id=issued.item_id, at=at)
    assert again.state == State.CLAIMED


async def test_a_transferred_patient_gets_a_number_of_the_other_clinic(tx, at):
    first = await add_clinic(tx, at, "A1")
    second = await add_clinic(tx, at, "B1")
    issued = await ticket(tx, at, first)

    moved = await scheduling.transfer(
        tx, actor=DOCTOR, item_id=issued.item_id, clinic_id=second, at=at
    )

    assert (moved.number, moved.clinic_id) == ("B001", second)
    assert await scheduling.queue(tx, clinic_id=first, at=at) == []
    assert [e.number for e in await scheduling.queue(tx, clinic_id=second, at=at)] == ["B001"]


async def test_a_cancelled_ticket_leaves_the_queue(tx, at):
    clinic_id = await add_clinic(tx, at)
    issued = await ticket(tx, at, clinic_id)
    await scheduling.cancel_ticket(tx, actor=DESK, item_id=issued.item_id, at=at)

    assert await scheduling.queue(tx, clinic_id=clinic_id, at=at) == []
    with pytest.raises(WorkNotPossible):
        await scheduling.call(tx, actor=DOCTOR, item_id=issued.item_id, at=at)


async def test_the_board_shows_numbers_and_no_names(tx, at):
    clinic_id = await add_clinic(tx, at)
    for _ in range(3):
        await ticket(tx, at, clinic_id)
    await scheduling.call_next(tx, actor=DOCTOR, clinic_id=clinic_id, at=at)

    (board,) = await scheduling.board(tx, at=at, clinic_ids=[clinic_id])

    assert (board.now_serving, board.next_numbers, board.waiting) == (
        ("A001",),
        ("A002", "A003"),
        2,
    )
    assert board.called_at == at


async def test_the_desk_sees_the_length_of_each_queue(tx, at):
    busy = await add_clinic(tx, at, "A1")
    empty = await add_clinic(tx, at, "B1")
    for _ in range(2):
        await ticket(tx, at, busy)

    load = {c.clinic_id: c for c in await scheduling.clinics_with_load(tx, at=at)}

    assert (load[busy].waiting, load[busy].oldest_waiting_since) == (2, at)
    assert (load[empty].waiting, load[empty].now_serving) == (0, "")


async def test_yesterdays_unseen_are_not_in_todays_queue(tx, at):
    clinic_id = await add_clinic(tx, at)
    await ticket(tx, at - timedelta(days=1), clinic_id)

    assert await scheduling.queue(tx, clinic_id=clinic_id, at=at) == []


def test_in_the_small_hours_the_late_evening_still_counts():
    midnight = datetime(2026, 9, 15, 17, 0, tzinfo=UTC)

    assert queue_since(midnight + timedelta(hours=1)) == midnight - timedelta(hours=6)
    assert queue_since(midnight + timedelta(hours=7)) == midnight


async def test_an_unknown_ticket_is_not_found(tx):
    with pytest.raises(TicketNotFound):
        await scheduling.ticket(tx, item_id=1)


@pytest.mark.slow
async def test_200_parallel_registrations_give_200_unique_tickets(database, at):
    desks = 200
    async with database.transaction() as tx:
        clinic_id = await scheduling.add_clinic(
            tx,
            actor=Actor.system("test"),
            clinic=replace(clinic_called("Q1"), facility_code="99200"),
            at=at,
        )

    async def come(number):
        person = person_named(
            f"Người Song Song {number}", 50_000 + number, phone="", birth_date="1970"
        )
        async with database.transaction() as tx:
            patient_id = await register(tx, at, person)
            visit = NewVisit(patient_id=patient_id, clinic_id=clinic_id, reason="Khám")
            return await encounters.open_visit(tx, actor=DESK, visit=visit, at=at)

    visits = await asyncio.gather(*(come(number) for number in range(desks)))

    numbers = sorted(visit.ticket.number for visit in visits)
    assert numbers == [f"Q{n:03d}" for n in range(1, desks + 1)]
    assert len({visit.claim_key for visit in visits}) == desks


@pytest.mark.slow
async def test_a_form_sent_twenty_times_at_once_makes_one_visit(database, at):
    async with database.transaction() as tx:
        clinic_id = await scheduling.add_clinic(
            tx,
            actor=Actor.system("test"),
            clinic=replace(clinic_called("D1"), facility_code="99201"),
            at=at,
        )
        patient_id = await register(
            tx, at, person_named("Người Bấm Nhiều", 60_001, phone="", birth_date="1970")
        )
    form = NewVisit(
        patient_id=patient_id, clinic_id=clinic_id, reason="Khám", idempotency_key="clicks"
    )

    async def click(_):
        async with database.transaction() as tx:
            return await encounters.open_visit(tx, actor=DESK, visit=form, at=at)

    visits = await asyncio.gather(*map(click, range(20)))

    assert len({visit.encounter_id for visit in visits}) == 1
    assert {visit.ticket.number for visit in visits} == {"D001"}
