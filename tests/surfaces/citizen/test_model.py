"""A citizen's home says first what comes next; looks are one entry a person."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from yba.care.encounters.model import VisitLine, VisitState
from yba.foundation.audit.model import Trace
from yba.surfaces.citizen import model
from yba.surfaces.citizen.model import Step

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
VISIT = VisitLine(
    encounter_id="e1",
    opened_at=NOON,
    closed_at=None,
    state=VisitState.ARRIVED,
    clinic_name="Nội",
    facility_code="01001",
    reason="ho",
    main_code="",
    main_name="",
)
TRACE = Trace(
    id=9,
    at=NOON,
    account_id="d1",
    actor_name="BS. Thử",
    actor_roles=["doctor"],
    facility="Bệnh viện Thử",
    purpose="TREAT",
    action="R",
    what="encounters.visit",
    patient_id="p1",
    resources=[],
)


def test_who_waits_is_told_to_wait_even_with_an_old_bill():
    finished = replace(VISIT, encounter_id="e0", state=VisitState.FINISHED)

    step = model.next_step([VISIT, finished], None, 120_000)

    assert (step.step, step.visit) == (Step.WAIT, VISIT)


def test_who_is_with_the_doctor_is_told_so():
    inside = replace(VISIT, state=VisitState.IN_PROGRESS)

    assert model.next_step([inside], None, 0).step == Step.SEE_DOCTOR


def test_a_finished_visit_asks_for_what_is_left_to_pay_and_then_for_nothing():
    finished = replace(VISIT, state=VisitState.FINISHED)

    assert model.next_step([finished], None, 45_000).step == Step.PAY
    assert model.next_step([finished], None, 0).step == Step.READ


def test_a_cancelled_visit_is_no_step():
    cancelled = replace(VISIT, state=VisitState.CANCELLED)

    assert model.next_step([cancelled], None, 0).step == Step.NOTHING


def test_acts_of_one_person_in_one_go_are_one_entry():
    changed = replace(TRACE, id=8, action="U", at=NOON - timedelta(minutes=10))

    entries = model.looks([TRACE, replace(TRACE, id=7), changed])

    assert len(entries) == 1
    assert (entries[0].since, entries[0].until) == (changed.at, NOON)
    assert [(action, times) for action, _part, times in entries[0].acts] == [("R", 2), ("U", 1)]


def test_another_purpose_place_person_or_hour_is_another_entry():
    others = [
        replace(TRACE, purpose="HPAYMT"),
        replace(TRACE, facility="Trạm y tế Thử"),
        replace(TRACE, account_id="d2"),
        replace(TRACE, at=NOON - timedelta(hours=3)),
    ]

    assert len(model.looks([TRACE, *others])) == 5


def test_an_unknown_act_is_still_shown():
    assert model.what_was_seen(replace(TRACE, what="new-context.verb")) == "Medical record"


def test_a_look_says_which_visit_it_named_or_fell_into():
    other = replace(VISIT, encounter_id="e2", opened_at=NOON - timedelta(days=9))
    named = replace(TRACE, resources=["Encounter/e2", "Condition/c1"])
    vague = replace(TRACE, resources=["Encounter/e1", "Encounter/e2"], at=NOON)
    long_ago = replace(TRACE, at=NOON - timedelta(days=90))

    for trace, visit in ((named, other), (vague, VISIT), (long_ago, None)):
        [look] = model.looks([trace], [VISIT, other])
        assert look.visit == visit


def test_looks_are_narrowed_by_name_without_accents_purpose_and_visit():
    [look] = model.looks([replace(TRACE, actor_name="BS. Nguyễn Văn Khám", at=NOON)], [VISIT])

    assert model.LookFilter(text="nguyen van kham").fits(look)
    assert model.LookFilter(text="benh vien", purpose="TREAT", visit="e1").fits(look)
    assert not model.LookFilter(text="tran").fits(look)
    assert not model.LookFilter(purpose="HPAYMT").fits(look)
    assert not model.LookFilter(visit="e2").fits(look)
