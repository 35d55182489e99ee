"""Persons are registered once, found as typed, and keep the history of their numbers."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.builders.care import CARD, DESK, DOCTOR, LAN, citizen, person_named, register

from yba.fhir import r4
from yba.foundation.parties import matching
from yba.foundation.parties import service as parties
from yba.foundation.parties.errors import IdentifierInUse, PersonIncomplete, PersonNotFound
from yba.foundation.parties.model import (
    Guardian,
    IdentifierKind,
    PersonDetails,
    PersonIdentifier,
    Sex,
)
from yba.foundation.record import service as record
from yba.kernel.refusal import AccessRefused


async def test_a_registered_person_reads_back_as_entered(tx, at):
    person = replace(
        LAN, guardian=Guardian(name="Nguyễn Văn Cha", relationship="cha", phone="+84901234568")
    )
    patient_id = await register(tx, at, person)

    found = await parties.person(tx, actor=DESK, patient_id=patient_id, at=at)

    assert found.details.name == "Nguyễn Thị Lan"
    assert found.details.birth_date == "1985-03-12"
    assert found.details.phone == "+84901234567"
    assert found.details.active(IdentifierKind.CCCD) == "001185000123"
    assert found.details.active(IdentifierKind.SOCIAL_INSURANCE) == "0100000001"
    assert found.details.insurance == CARD
    assert found.details.guardian == person.guardian
    assert found.details.address == LAN.address
    assert (found.details.ethnicity, found.details.nationality) == ("01", "000")
    assert len(found.patient_number) == 8


async def test_patient_numbers_rise_and_are_unique(tx, at):
    first = await register(tx, at, person_named("Trần Văn Một", 1))
    second = await register(tx, at, person_named("Trần Văn Hai", 2))

    numbers = [
        (await parties.person(tx, actor=DESK, patient_id=p, at=at)).patient_number
        for p in (first, second)
    ]

    assert int(numbers[1]) == int(numbers[0]) + 1


async def test_an_active_number_belongs_to_one_person(tx, at):
    holder = await register(tx, at)

    with pytest.raises(IdentifierInUse) as caught:
        await register(tx, at, replace(LAN, name="Người Khác", insurance=None))

    assert caught.value.values == {"patient_id": holder}


@pytest.mark.parametrize(
    "typed",
    [
        "nguyen thi lan",
        "lan nguyễn",
        "LAN 1985",
        "thi lan 03/1985",
        "12/03/1985",
        "001185000123",
        "DN4010100000001",
        "0100000001",
        "0901 234 567",
        "+84901234567",
    ],
)
async def test_a_person_is_found_however_she_is_typed(tx, at, typed):
    patient_id = await register(tx, at)
    other = await register(tx, at, person_named("Phạm Văn Xa", 77, birth_date="1990", phone=""))

    found = await parties.find_persons(tx, actor=DESK, text=typed)

    # Tests of crowds leave other persons behind who share a birthday or a phone.
    reasons = {match.patient_id: match.reasons for match in found}
    assert reasons[patient_id]
    assert other not in reasons


async def test_a_person_is_found_by_her_patient_number_without_zeros(tx, at):
    patient_id = await register(tx, at)
    number = (await parties.person(tx, actor=DESK, patient_id=patient_id, at=at)).patient_number

    found = await parties.find_persons(tx, actor=DESK, text=number.lstrip("0"))

    assert found[0].patient_id == patient_id


@pytest.mark.parametrize("typed", ["", "  ", "|||", "%_'", "nguyen tran le pham vo"])
async def test_what_nobody_is_called_finds_nobody(tx, at, typed):
    await register(tx, at)

    assert await parties.find_persons(tx, actor=DESK, text=typed) == []


async def test_a_person_with_only_a_year_is_found_by_it(tx, at):
    patient_id = await register(tx, at, person_named("Lê Thị Năm", 3, birth_date="1950"))

    found = await parties.find_persons(tx, actor=DESK, text="nam 1950")

    assert found[0].patient_id == patient_id
    assert found[0].birth_date == "1950"


async def test_likely_doubles_are_named_before_registering(tx, at):
    patient_id = await register(tx, at)
    twin = PersonDetails(name="nguyen thi lan", birth_date="1985-03-12", sex=Sex.FEMALE)

    found = await parties.possible_duplicates(tx, actor=DESK, person=twin)

    assert found[0].patient_id == patient_id
    assert set(found[0].reasons) == {matching.SAME_NAME, matching.SAME_BIRTH}


async def test_a_reissued_number_keeps_the_old_one_findable(tx, at):
    patient_id = await register(tx, at)
    new = PersonIdentifier(kind=IdentifierKind.CCCD, value="001185999999")
    later = at + timedelta(days=1)

    await parties.update_person(
        tx, actor=DESK, patient_id=patient_id, person=replace(LAN, identifiers=(new,)), at=later
    )

    person = (await parties.person(tx, actor=DESK, patient_id=patient_id, at=later)).details
    assert person.active(IdentifierKind.CCCD) == "001185999999"
    old = next(i for i in person.identifiers if i.value == "001185000123")
    assert (old.active, old.valid_to) == (False, later.date())
    found = await parties.find_persons(tx, actor=DESK, text="001185000123")
    assert found[0].patient_id == patient_id


async def test_a_number_given_up_may_be_carried_by_nobody_else_while_active_only(tx, at):
    first = await register(tx, at)
    await parties.update_person(
        tx,
        actor=DESK,
        patient_id=first,
        person=replace(LAN, identifiers=(), insurance=None),
        at=at,
    )

    second = await register(tx, at, replace(LAN, name="Người Nhập Lại", insurance=None))

    assert (
        await parties.person_with_identifier(tx, kind=IdentifierKind.CCCD, value="001185000123")
        == second
    )


async def test_another_card_is_another_coverage_and_the_old_one_ends(tx, at):
    patient_id = await register(tx, at)
    card = replace(CARD, number="DN4010100000009")

    await parties.update_person(
        tx, actor=DESK, patient_id=patient_id, person=replace(LAN, insurance=card), at=at
    )

    found = await parties.person(tx, actor=DESK, patient_id=patient_id, at=at)
    assert found.details.insurance == card
    chart = await record.chart(tx, actor=DESK, patient_id=patient_id, types=[r4.Coverage], at=at)
    assert sorted(c.status or "" for c in chart.of(r4.Coverage)) == ["active", "cancelled"]


async def test_somebody_without_papers_gets_a_number_that_is_no_citizen_number(tx, at):
    patient_id = await parties.register_temporary(
        tx, actor=DESK, person=PersonDetails(name="", sex=Sex.MALE), at=at
    )

    person = (await parties.person(tx, actor=DESK, patient_id=patient_id, at=at)).details
    assert person.temporary
    assert person.active(IdentifierKind.TEMPORARY).startswith("T")
    assert person.active(IdentifierKind.TEMPORARY) in person.name


async def test_papers_end_the_temporary_number(tx, at):
    patient_id = await parties.register_temporary(
        tx, actor=DESK, person=PersonDetails(name="", sex=Sex.MALE), at=at
    )

    await parties.update_person(tx, actor=DESK, patient_id=patient_id, person=LAN, at=at)

    person = (await parties.person(tx, actor=DESK, patient_id=patient_id, at=at)).details
    assert person.active(IdentifierKind.TEMPORARY) == ""
    assert not person.temporary


async def test_a_person_without_birth_date_is_refused(tx, at):
    with pytest.raises(PersonIncomplete) as caught:
        await register(tx, at, replace(LAN, birth_date=""))

    assert "birth_date" in caught.value.fields


async def test_a_doctor_does_not_register_persons(tx, at):
    with pytest.raises(AccessRefused):
        await parties.register_person(tx, actor=DOCTOR, person=LAN, at=at)


async def test_a_citizen_sees_herself_and_nobody_else(tx, at):
    mine = await register(tx, at)
    other = await register(tx, at, person_named("Người Khác", 5))

    assert (await parties.person(tx, actor=citizen(mine), patient_id=mine, at=at)).patient_number
    with pytest.raises(PersonNotFound):
        await parties.person(tx, actor=citizen(mine), patient_id=other, at=at)
    with pytest.raises(AccessRefused):
        await parties.find_persons(tx, actor=citizen(mine), text="lan")


async def test_registering_is_audited_by_name(tx, at):
    patient_id = await register(tx, at)

    acts = await tx.values("SELECT what FROM audit.event WHERE patient_id = $1", patient_id)
    assert "parties.register_person" in acts
