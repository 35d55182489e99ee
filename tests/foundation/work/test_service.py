"""Waiting things move only along the state table, and one at a time."""

import asyncio

import pytest
from tests.builders.care import DOCTOR, NURSE

from yba.foundation.work import service as work
from yba.foundation.work.errors import WorkNotFound, WorkNotPossible
from yba.foundation.work.model import OPEN_STATES, TRANSITIONS, Priority, State, Verb, next_state


async def add(tx, at, place="room", **more):
    return await work.add(tx, actor=NURSE, kind="test", place=place, at=at, **more)


async def test_work_is_added_claimed_started_and_finished(tx, at):
    item_id = await add(tx, at, focus="Encounter/x", number="A001")

    claimed = await work.claim(tx, actor=DOCTOR, item_id=item_id, at=at)
    await work.start(tx, actor=DOCTOR, item_id=item_id, at=at)
    finished = await work.finish(tx, actor=DOCTOR, item_id=item_id, at=at)

    assert (claimed.state, claimed.assigned_to) == (State.CLAIMED, DOCTOR.account_id)
    assert finished.state == State.FINISHED
    steps = await tx.values("SELECT verb FROM work.step WHERE item_id = $1 ORDER BY ctid", item_id)
    assert steps == ["add", "claim", "start", "finish"]


async def test_finished_work_moves_no_more(tx, at):
    item_id = await add(tx, at)
    await work.finish(tx, actor=DOCTOR, item_id=item_id, at=at)

    for verb in (work.claim, work.start, work.miss, work.cancel):
        with pytest.raises(WorkNotPossible):
            await verb(tx, actor=DOCTOR, item_id=item_id, at=at)


async def test_unknown_work_is_not_found(tx, at):
    with pytest.raises(WorkNotFound):
        await work.claim(tx, actor=DOCTOR, item_id=1, at=at)


async def test_the_urgent_goes_first_then_who_came_first(tx, at):
    first = await add(tx, at)
    second = await add(tx, at)
    urgent = await add(tx, at, priority=Priority.EMERGENCY)

    order = []
    while item := await work.claim_next(tx, actor=DOCTOR, kind="test", place="room", at=at):
        order.append(item.item_id)

    assert order == [urgent, first, second]


async def test_put_back_work_keeps_its_place_in_the_order(tx, at):
    first = await add(tx, at)
    await add(tx, at)
    await work.claim(tx, actor=DOCTOR, item_id=first, at=at)
    await work.put_back(tx, actor=DOCTOR, item_id=first, at=at)

    again = await work.claim_next(tx, actor=DOCTOR, kind="test", place="room", at=at)

    assert again is not None
    assert again.item_id == first


async def test_the_inbox_holds_what_one_person_has_in_hand(tx, at):
    item_id = await add(tx, at)
    await add(tx, at)
    await work.claim(tx, actor=DOCTOR, item_id=item_id, at=at)

    mine = await work.inbox(tx, account_id=DOCTOR.account_id)

    assert [item.item_id for item in mine] == [item_id]


def test_every_open_state_can_be_cancelled_and_no_other():
    assert set(TRANSITIONS[Verb.CANCEL]) == set(OPEN_STATES)


def test_a_verb_leads_to_one_state_wherever_it_begins():
    for table in TRANSITIONS.values():
        assert len(set(table.values())) == 1


def test_nothing_leads_out_of_the_end():
    for verb in Verb:
        for end in (State.FINISHED, State.CANCELLED):
            with pytest.raises(WorkNotPossible):
                next_state(verb, end)


async def test_two_who_take_the_next_at_once_get_different_work(database, at):
    async with database.transaction() as tx:
        for _ in range(2):
            await add(tx, at, place="shared-room")

    taken = []
    both = asyncio.Barrier(2)

    async def take():
        async with database.transaction() as tx:
            item = await work.claim_next(tx, actor=DOCTOR, kind="test", place="shared-room", at=at)
            await both.wait()
            taken.append(item.item_id)

    await asyncio.gather(take(), take())

    assert len(set(taken)) == 2


async def test_boards_hear_of_a_change_when_it_is_committed(database, at):
    heard = asyncio.Queue()

    async def listen():
        async for _, place in database.listen("work"):
            heard.put_nowait(place)

    listening = asyncio.create_task(listen())
    try:
        assert await asyncio.wait_for(heard.get(), 5) == ""
        async with database.transaction() as tx:
            await add(tx, at, place="loud-room")
        assert await asyncio.wait_for(heard.get(), 1) == "loud-room"
    finally:
        listening.cancel()
