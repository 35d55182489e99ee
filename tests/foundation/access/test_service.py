"""The verbs of access: who is related, emergencies, requests; each pair allowed, then refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.builders.care import DESK, DOCTOR, NURSE, TECHNICIAN, citizen, open_visit, staff

from yba.care.encounters import service as encounters
from yba.care.encounters.model import DiagnosisEntry
from yba.fhir import r4
from yba.foundation.access import service as access
from yba.foundation.access.errors import (
    NotTreating,
    OwnCase,
    PurposeUnknown,
    ReasonMissing,
    UntilWrong,
)
from yba.foundation.access.labels import categories_of, categories_of_code
from yba.foundation.access.model import Category, types_of
from yba.foundation.accounts.errors import FreshProofNeeded
from yba.foundation.audit import service as audit
from yba.foundation.notices import service as notices
from yba.foundation.record import service as record
from yba.foundation.record.errors import ResourceNotFound
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.kernel.actor import Actor
from yba.kernel.ids import row_id
from yba.kernel.refusal import AccessRefused

STRANGER = replace(
    DOCTOR, account_id="stranger", name="Bác Sĩ Khác", departments=frozenset({"K99"})
)
HEAD = staff("head", "Trưởng Khoa Thử")
REASON = "Ngừng tuần hoàn, cần biết tiền sử"


async def patient(tx, actor, patient_id, at):
    return await record.read(tx, actor=actor, type_=r4.Patient, id_=patient_id, at=at)


async def test_check_in_relates_the_patient_to_the_department(tx, at):
    visit = await open_visit(tx, at)

    assert (await patient(tx, DOCTOR, visit.patient_id, at)).id == visit.patient_id
    with pytest.raises(ResourceNotFound):
        await patient(tx, STRANGER, visit.patient_id, at)


async def test_before_check_in_nobody_who_treats_sees_the_person(tx, at):
    visit = await open_visit(tx, at)

    with pytest.raises(ResourceNotFound):
        await patient(tx, DOCTOR, visit.patient_id, at - timedelta(seconds=1))


async def test_a_purpose_that_the_role_does_not_have_shows_nothing(tx, at):
    visit = await open_visit(tx, at)

    with pytest.raises(ResourceNotFound):
        await patient(tx, DOCTOR.acting_for("HRESCH"), visit.patient_id, at)


async def test_a_chart_that_is_not_ones_own_is_refused_by_name(tx, at):
    visit = await open_visit(tx, at)

    assert await encounters.visit(tx, actor=NURSE, encounter_id=visit.encounter_id, at=at)
    with pytest.raises(NotTreating):
        await encounters.visit(tx, actor=STRANGER, encounter_id=visit.encounter_id, at=at)


async def test_who_does_not_treat_a_person_writes_nothing_into_her_visit(tx, at):
    visit = await open_visit(tx, at)

    with pytest.raises(NotTreating):
        await encounters.start_visit(tx, actor=STRANGER, encounter_id=visit.encounter_id, at=at)


async def test_the_desk_finds_everybody_but_reads_no_findings(tx, at):
    visit = await open_visit(tx, at)
    await _diagnose(tx, visit, "J06.9", at)

    assert await patient(tx, DESK, visit.patient_id, at)
    assert await _conditions(tx, DOCTOR, visit, at)
    assert not await _conditions(tx, DESK, visit, at)


async def test_a_cancelled_visit_ends_access_at_once(tx, at):
    visit = await open_visit(tx, at)
    await encounters.cancel_visit(
        tx, actor=DESK, encounter_id=visit.encounter_id, reason="Nhầm người", at=at
    )

    with pytest.raises(ResourceNotFound):
        await patient(tx, DOCTOR, visit.patient_id, at)


async def test_the_laboratory_sees_a_patient_when_something_was_ordered(tx, at):
    visit = await open_visit(tx, at)
    with pytest.raises(ResourceNotFound):
        await patient(tx, TECHNICIAN, visit.patient_id, at)

    await access.relate(
        tx, patient_id=visit.patient_id, kind="order", department="laboratory",
        why="ServiceRequest/1", at=at,
    )  # fmt: skip

    assert await patient(tx, TECHNICIAN, visit.patient_id, at)


async def test_a_citizen_sees_herself_and_whom_she_acts_for(tx, at):
    visit = await open_visit(tx, at)
    mother = citizen(record.new_id())

    assert await patient(tx, citizen(visit.patient_id), visit.patient_id, at)
    with pytest.raises(ResourceNotFound):
        await patient(tx, mother, visit.patient_id, at)
    await access.relate(
        tx, patient_id=visit.patient_id, kind="proxy", person_id=mother.patient_id,
        why="Proxy/1", at=at,
    )  # fmt: skip
    assert await patient(tx, mother, visit.patient_id, at)
    assert await access.proxied_by(tx, actor=mother, at=at) == [visit.patient_id]
    await access.end(tx, why="Proxy/1", kinds=("proxy",), at=at, at_once=True)
    with pytest.raises(ResourceNotFound):
        await patient(tx, mother, visit.patient_id, at)


# -- restricted categories ----------------------------------------------------------------------------


async def _diagnose(tx, visit, code, at):
    await encounters.record_diagnoses(
        tx, actor=DOCTOR, encounter_id=visit.encounter_id, at=at,
        diagnoses=[DiagnosisEntry(code=code)],
    )  # fmt: skip


async def _conditions(tx, actor, visit, at):
    return await record.search(
        tx, actor=actor, type_=r4.Condition, query=f"patient={visit.patient_id}", at=at
    )


async def test_who_writes_something_restricted_sees_it_and_her_colleagues_do_not(tx, at):
    visit = await open_visit(tx, at)
    await _diagnose(tx, visit, "F32.1", at)
    colleague = replace(DOCTOR, account_id="colleague")

    assert len(await _conditions(tx, DOCTOR, visit, at)) == 1
    assert await _conditions(tx, colleague, visit, at) == []
    assert await _conditions(tx, NURSE, visit, at) == []
    assert len(await _conditions(tx, citizen(visit.patient_id), visit, at)) == 1


async def test_a_program_without_the_scope_sees_nothing_restricted(tx, at):
    visit = await open_visit(tx, at)
    await _diagnose(tx, visit, "F32.1", at)
    program = Actor("p", "P", roles=frozenset({"api"}), permissions=frozenset({"fhir.read"}))
    trusted = replace(program, scopes=("system/*.rs", "yba.sensitive"))

    assert await _conditions(tx, program, visit, at) == []
    assert len(await _conditions(tx, trusted, visit, at)) == 1


async def test_a_declared_need_opens_the_restricted_part_for_hours(tx, at):
    visit = await open_visit(tx, at)
    await _diagnose(tx, visit, "F32.1", at)
    nurse = replace(NURSE, session_id="s", methods=frozenset({"pwd"}), proven_at=at)
    officer = Actor("officer", "O", permissions=frozenset({"access.review"}))
    await audit.beat(tx, at=at)

    about = {"actor": nurse, "patient_id": visit.patient_id, "at": at}
    for purpose in ("", "HOPERAT", "treat"):
        with pytest.raises(PurposeUnknown):
            await access.declare_need(tx, purpose=purpose, reason="Dùng thuốc an thần", **about)
    await access.declare_need(tx, purpose="PATSFTY", reason="Dùng thuốc an thần", **about)

    assert len(await _conditions(tx, nurse, visit, at)) == 1
    assert await _conditions(tx, nurse, visit, at + timedelta(hours=5)) == []
    [kept] = [
        one for one in await access.emergencies(tx, actor=officer, at=at)
        if one.patient_id == visit.patient_id
    ]  # fmt: skip
    assert (kept.kind, kept.reason, kept.verdict) == ("need", "Dùng thuốc an thần", None)
    assert (kept.purpose, access.purpose_name(kept.purpose, "en")[:14]) == (
        "PATSFTY",
        "Patient safety",
    )
    assert "PATSFTY" in await tx.values(
        "SELECT purpose FROM audit.event WHERE what = 'access.declare_need' AND patient_id = $1",
        visit.patient_id,
    )
    [told] = await notices.notices_of(tx, actor=citizen(visit.patient_id), limit=5)
    assert (told.filling["purpose"][:19], told.filling["reason"]) == (
        "An toàn người bệnh ", "Dùng thuốc an thần",
    )  # fmt: skip
    # She treats the person: no banner of an emergency, and its end closes nothing of this.
    assert await access.emergency_now(tx, actor=nurse, patient_id=visit.patient_id, at=at) is None
    with pytest.raises(NotTreating):
        await access.end_emergency(tx, actor=nurse, patient_id=visit.patient_id, at=at)
    assert len(await _conditions(tx, nurse, visit, at)) == 1


@pytest.mark.parametrize(
    ("system", "code", "category"),
    [
        ("http://hl7.org/fhir/sid/icd-10", "B20.1", Category.HIV),
        ("http://hl7.org/fhir/sid/icd-10", "B25", Category.NONE),
        ("http://hl7.org/fhir/sid/icd-10", "F99", Category.PSY),
        ("http://hl7.org/fhir/sid/icd-10", "F10.2", Category.SUBSTANCE),
        ("http://hl7.org/fhir/sid/icd-10", "F02.4", Category.HIV | Category.PSY),
        ("http://hl7.org/fhir/sid/icd-10", "o80", Category.REPRODUCTIVE),
        ("", "B24", Category.HIV),
        ("http://example.org/rooms", "B24", Category.NONE),
        ("http://loinc.org", "75622-1", Category.HIV),
        ("http://www.whocc.no/atc", "J05AR10", Category.HIV),
    ],
)
def test_a_code_tells_its_category(system, code, category):
    assert categories_of_code(system, code) == category


def test_a_code_counts_wherever_it_stands_and_a_value_set_is_about_nobody():
    inside = (
        b'{"resourceType":"Observation","contained":[{"resourceType":"Condition","code":{"coding":'
        b'[{"system":"http://hl7.org/fhir/sid/icd-10","code":"B20"}]}}]}'
    )
    labelled = b'{"resourceType":"Basic","meta":{"security":[{"code":"V"},{"code":"PSY"}]}}'

    assert categories_of("Observation", inside) == Category.HIV
    assert categories_of("ValueSet", inside) == 0
    assert categories_of("Basic", labelled) == Category.VERY_RESTRICTED | Category.PSY


def test_every_type_is_of_exactly_one_kind():
    kinds = [types_of(k) for k in ("identity", "visits", "billing", "clinical", "trail", "common")]

    assert sorted(name for kind in kinds for name in kind) == sorted(TYPE_NUMBERS)


def test_the_row_of_a_patient_is_the_records_own():
    from yba.foundation.record import keys

    assert keys.row_id is row_id


# -- emergencies ---------------------------------------------------------------------------------------


@pytest.fixture
def rescuer(at):
    return replace(STRANGER, session_id="s", methods=frozenset({"pwd", "otp"}), proven_at=at)


async def _break(tx, actor, visit, at, **changes):
    await audit.beat(tx, at=at)
    given = {"reason": REASON} | changes
    return await access.break_glass(tx, actor=actor, patient_id=visit.patient_id, at=at, **given)


async def test_breaking_the_glass_opens_a_record_for_hours(tx, at, rescuer):
    visit = await open_visit(tx, at)
    found = await _break(tx, rescuer, visit, at)

    assert await patient(tx, rescuer, visit.patient_id, at)
    now = await access.emergency_now(tx, actor=rescuer, patient_id=visit.patient_id, at=at)
    assert now is not None
    assert now.emergency_id == found.emergency_id
    with pytest.raises(ResourceNotFound):
        await patient(tx, rescuer, visit.patient_id, found.ends_at)


async def test_the_citizen_is_told_that_the_glass_was_broken(tx, at, rescuer):
    visit = await open_visit(tx, at)
    await _break(tx, rescuer, visit, at)

    told = await tx.values(
        "SELECT kind FROM notices.notice WHERE holder = $1", f"patient:{visit.patient_id}"
    )
    assert told == ["break-glass"]


async def test_the_restricted_part_opens_only_where_it_was_asked_for(tx, at, rescuer):
    visit = await open_visit(tx, at)
    await _diagnose(tx, visit, "F32.1", at)

    await _break(tx, rescuer, visit, at)
    assert await _conditions(tx, rescuer, visit, at) == []
    await _break(tx, rescuer, visit, at, sensitive=True)
    assert len(await _conditions(tx, rescuer, visit, at)) == 1


async def test_breaking_the_glass_needs_a_reason_a_fresh_proof_and_the_role(tx, at, rescuer):
    visit = await open_visit(tx, at)

    with pytest.raises(ReasonMissing):
        await _break(tx, rescuer, visit, at, reason="gấp")
    with pytest.raises(FreshProofNeeded):
        await _break(tx, replace(rescuer, proven_at=at - timedelta(minutes=6)), visit, at)
    with pytest.raises(AccessRefused):
        await _break(tx, DESK, visit, at)


async def test_somebody_else_looks_at_it_afterwards(tx, at, rescuer):
    visit = await open_visit(tx, at)
    found = await _break(tx, rescuer, visit, at)
    double = replace(HEAD, account_id=rescuer.account_id)

    with pytest.raises(AccessRefused):
        await access.emergencies(tx, actor=DOCTOR, at=at)
    with pytest.raises(OwnCase):
        await access.review(
            tx, actor=double, emergency_id=found.emergency_id, justified=True, note="", at=at
        )
    with pytest.raises(ReasonMissing):
        await access.review(
            tx, actor=HEAD, emergency_id=found.emergency_id, justified=False, note="", at=at
        )
    await access.review(
        tx, actor=HEAD, emergency_id=found.emergency_id, justified=True, note="", at=at
    )
    [one, *_] = [
        e for e in await access.emergencies(tx, actor=HEAD, at=at)
        if e.emergency_id == found.emergency_id
    ]  # fmt: skip
    assert (one.verdict, one.reviewer_name) == ("justified", HEAD.name)


# -- requests --------------------------------------------------------------------------------------------


async def test_a_grant_has_a_purpose_and_an_end(tx, at):
    visit = await open_visit(tx, at)
    number = await access.ask(
        tx, actor=STRANGER, patient_id=visit.patient_id, purpose="TREAT",
        reason="Hội chẩn liên khoa", at=at,
    )  # fmt: skip
    until = at + timedelta(days=3)

    for wrong in (None, at, at + timedelta(days=400)):
        with pytest.raises(UntilWrong):
            await access.decide(tx, actor=HEAD, request_id=number, granted=True, until=wrong, at=at)
    await access.decide(tx, actor=HEAD, request_id=number, granted=True, until=until, at=at)

    assert await patient(tx, STRANGER, visit.patient_id, at)
    with pytest.raises(ResourceNotFound):
        await patient(tx, STRANGER, visit.patient_id, until)


async def test_a_refused_request_opens_nothing(tx, at):
    visit = await open_visit(tx, at)
    number = await access.ask(
        tx, actor=STRANGER, patient_id=visit.patient_id, purpose="TREAT",
        reason="Hội chẩn liên khoa", at=at,
    )  # fmt: skip

    await access.decide(tx, actor=HEAD, request_id=number, granted=False, at=at)

    with pytest.raises(ResourceNotFound):
        await patient(tx, STRANGER, visit.patient_id, at)
