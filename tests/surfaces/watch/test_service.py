"""Reports over the trail, with what was decided about them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.conftest import NOON

from yba.foundation.audit import service as audit
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import Unusable
from yba.plumbing.database import Tx
from yba.surfaces.watch import pages, service
from yba.surfaces.watch.service import Reported

NURSE = Actor("a-watch-nurse", "ĐD. Lê Thử", frozenset({"nurse"}))
OFFICER = Actor("a-officer", "Nguyễn Bảo Vệ", frozenset({"privacy"}), purpose="HOPERAT")


async def report(tx: Tx) -> list[Reported]:
    found = await service.report(
        tx, actor=OFFICER, since=NOON - timedelta(days=1), until=NOON + timedelta(days=1), at=NOON
    )
    return [one for one in found if one.suspicion.account_id == NURSE.account_id]


async def test_a_look_without_relationship_is_reported_and_its_review_kept(tx: Tx):
    patient_id = new_id()
    await audit.record(
        tx, actor=NURSE, action="R", what="record.read", at=NOON, patient_id=patient_id
    )
    (one,) = await report(tx)
    key = one.suspicion.key
    await service.decide(tx, actor=OFFICER, suspicion=key, verdict="open", note="", at=NOON)
    await service.decide(
        tx, actor=OFFICER, suspicion=key, verdict="justified", note="Trực cấp cứu", at=NOON
    )
    (again,) = await report(tx)

    assert (one.suspicion.rule, one.review) == ("unrelated", None)
    assert again.review is not None
    assert (again.review.verdict, again.review.note) == ("justified", "Trực cấp cứu")


async def test_a_flag_is_kept_and_taken_back(tx: Tx):
    patient_id = new_id()
    await audit.record(
        tx, actor=NURSE, action="R", what="record.read", at=NOON, patient_id=patient_id
    )
    await service.flag(tx, actor=OFFICER, patient_id=patient_id, on=True, at=NOON)
    with_flag = {one.suspicion.rule for one in await report(tx)}
    await service.flag(tx, actor=OFFICER, patient_id=patient_id, on=False, at=NOON)

    assert with_flag == {"flagged", "unrelated"}
    assert {one.suspicion.rule for one in await report(tx)} == {"unrelated"}


@pytest.mark.parametrize(
    ("verdict", "note", "key"),
    [("guilty", "x", "a" * 24), ("unjustified", "", "a" * 24), ("open", "", "../x")],
)
async def test_decisions_that_cannot_be_kept_are_refused(tx: Tx, verdict: str, note: str, key: str):
    with pytest.raises(Unusable):
        await service.decide(tx, actor=OFFICER, suspicion=key, verdict=verdict, note=note, at=NOON)


async def test_the_officers_own_look_leaves_a_trace(tx: Tx):
    await report(tx)
    found = await audit.search(tx, audit.Question(account_id=OFFICER.account_id))

    assert [event.what for event in found] == ["watch.report"]


async def test_the_trail_is_searched_by_everything_that_the_form_offers(tx: Tx):
    patient_id = new_id()
    await audit.record(
        tx, actor=NURSE, action="U", what="laboratory.collect", at=NOON, patient_id=patient_id
    )
    fitting = {
        "patient_id": patient_id,
        "person": "lê thử",
        "since": "2026-09-15",
        "until": "2026-09-15",
        "purpose": "TREAT",
        "action": "U",
        "what": "laboratory.",
    }
    wrong = {
        "patient_id": "x",
        "person": "%",
        "since": "2026-09-16",
        "until": "2026-09-14",
        "purpose": "ETREAT",
        "action": "R",
        "what": "labo_atory",
    }

    assert len(await audit.search(tx, pages.question_of(fitting))) == 1
    for name, value in wrong.items():
        assert await audit.search(tx, pages.question_of(fitting | {name: value})) == [], name


@pytest.mark.parametrize("value", ["2026-13-01", "yesterday", "0000-00-00"])
def test_a_day_that_is_none_is_refused(value: str):
    with pytest.raises(Unusable):
        pages.question_of({"since": value})
