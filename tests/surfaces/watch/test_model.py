"""Each rule asks about what it describes, and not when one fact differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from yba.surfaces.watch import model
from yba.surfaces.watch.model import Known, Look, Person, Relation

NOON = datetime(2026, 9, 15, 5, tzinfo=UTC)
NURSE = Look(NOON, "a-hoa", "ĐD. Nguyễn Thị Hoa", ["nurse"], "TREAT", "R", "record.read", "binh")
HOUSE = "12 Ngõ Thử, Phường Mẫu, Hà Nội"
RELATED = Relation("binh", "account:a-hoa", NOON - timedelta(hours=1), NOON + timedelta(hours=1))
KNOWN = Known(
    persons={
        "hoa": Person("hoa", "Nguyễn Thị Hoa", HOUSE),
        "binh": Person("binh", "Nguyễn Văn Bình", HOUSE),
    },
    own={"a-hoa": "hoa"},
    relations=[RELATED],
)


def rules(looks: list[Look], known: Known = KNOWN) -> list[str]:
    return sorted(one.rule for one in model.suspicions(looks, known))


def at_address(address: str, name: str = "Nguyễn Văn Bình") -> Known:
    persons = dict(KNOWN.persons) | {"binh": Person("binh", name, address)}
    return replace_known(persons=persons)


def replace_known(**changes: object) -> Known:
    return replace(KNOWN, **changes)  # type: ignore[arg-type]


def test_one_household_and_family_name_is_family():
    assert rules([NURSE]) == ["family"]


def test_another_family_name_at_the_address_is_a_neighbour():
    assert rules([NURSE], at_address(HOUSE, "Trần Văn Bình")) == ["neighbour"]


def test_the_same_ward_is_a_neighbour_whatever_the_spelling():
    assert rules([NURSE], at_address("99 phố Khác, PHUONG MAU,  Ha Noi")) == ["neighbour"]


def test_another_ward_is_nobody():
    assert rules([NURSE], at_address("99 phố Khác, Phường Khác, Hà Nội")) == []


def test_without_an_address_nothing_is_said():
    assert rules([NURSE], at_address("")) == []


def test_the_own_record_is_named_as_such():
    own = replace(NURSE, patient_id="hoa")
    known = replace_known(relations=[replace(RELATED, patient_id="hoa")])
    assert rules([own], known) == ["own"]


def test_a_patient_who_reads_her_own_record_is_not_asked():
    citizen = replace(NURSE, patient_id="hoa", actor_roles=["citizen"], purpose="PATRQT")
    assert rules([citizen]) == []


def test_a_flagged_record_is_asked_about():
    known = replace(at_address(""), flagged=frozenset({"binh"}))
    assert rules([NURSE], known) == ["flagged"]


def test_a_look_outside_the_care_relationship_is_asked_about():
    later = replace(NURSE, at=NOON + timedelta(hours=1))
    assert rules([later], at_address("")) == ["unrelated"]


def test_volume_is_measured_against_the_role():
    looks = [replace(NURSE, patient_id=f"p{n}") for n in range(40)]
    related = [replace(RELATED, patient_id=f"p{n}") for n in range(40)]
    usual = replace_known(relations=related, history={"nurse": [10, 12, 11, 9]})
    busy = replace_known(relations=related, history={"nurse": [38, 41, 45, 39]})

    assert rules(looks, usual) == ["volume"]
    assert rules(looks, busy) == []
    assert rules(looks[:29], usual) == []


def test_nights_are_asked_about_for_roles_that_work_by_day():
    night = datetime(2026, 9, 15, 16, tzinfo=UTC)  # 23:00 in Vietnam
    looks = [replace(NURSE, at=night, patient_id=None, actor_roles=["cashier"]) for _ in range(10)]
    assert rules(looks) == ["night"]
    assert rules(looks[:9]) == []
    assert rules([replace(look, actor_roles=["nurse"]) for look in looks]) == []
    assert rules([replace(look, at=NOON) for look in looks]) == []


def test_many_prints_in_a_day_are_asked_about():
    looks = [replace(NURSE, what="documents.print", patient_id=None) for _ in range(20)]
    assert rules(looks) == ["output"]
    assert rules(looks[:19]) == []


def test_a_question_keeps_its_name_when_it_is_asked_again():
    (first,) = model.suspicions([NURSE], KNOWN)
    (again,) = model.suspicions([NURSE, replace(NURSE, at=NOON + timedelta(minutes=5))], KNOWN)
    (other,) = model.suspicions([replace(NURSE, account_id="a-lan")], replace_known(own={"a-lan": "hoa"}, relations=[replace(RELATED, holder="account:a-lan")]))  # fmt: skip

    assert first.key == again.key != other.key


def test_every_rule_has_its_sentence():
    assert set(model.RULES) == {
        "own", "family", "neighbour", "flagged", "unrelated", "volume", "night", "output",
    }  # fmt: skip


@pytest.mark.parametrize("day", [date(2020, 1, 1), date(2026, 1, 1), date(2030, 1, 1)])
def test_some_thresholds_hold_on_every_day(day: date):
    assert model.thresholds_on(day).source
