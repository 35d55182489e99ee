"""What the personal-data law orders, rule by rule (docs/standards/consent.md)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.builders.care import DOCTOR, citizen

from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import (
    BothNeeded,
    EvidenceMissing,
    ExceptionUnfounded,
    ExtendedAlready,
    LateWithoutReason,
    ProxyAskedAlready,
    ProxyNotPossible,
    ReasonNeeded,
    ReleaseRefused,
    RepresentativeNeeded,
    RequestClosed,
    RetentionOrdered,
    ShareNotOpen,
    TermUnusable,
    UnknownPurpose,
    ViewerUnnamed,
)
from yba.foundation.consent.model import (
    Exception19,
    Recipient,
    RecipientKind,
    RequestKind,
    Voice,
    all_texts,
    ask_again_on,
    clock_of,
    extended,
    text_on,
    voice_of,
)
from yba.foundation.consent.service import Asked, Asking, Hiding, NewBreach, Saying, Viewer
from yba.foundation.notices import service as notices
from yba.kernel.actor import Actor
from yba.kernel.ids import row_id
from yba.kernel.refusal import AccessRefused, Conflict, NotFound

LAN, MAI = citizen("p-lan"), citizen("p-mai")
OFFICER = Actor("officer", "Người Phụ Trách", permissions=frozenset({"privacy.*"}))
ADULT, CHILD, TODDLER = date(1985, 3, 12), date(2015, 2, 11), date(2022, 5, 19)
YES = Saying(purpose="research", given=True, text_version="2026-01", language="vi")
CLINIC = Recipient(RecipientKind.PROVIDER, "01999", "Phòng khám Thử")


async def say(tx, at, saying=YES, actor=LAN, born=ADULT):
    return await consent.decide(
        tx, actor=actor, patient_id=actor.patient_id or "p-lan", born=born, saying=saying, at=at
    )


# -- consent by purpose ---------------------------------------------------------------------------


async def test_silence_is_no_consent(tx, at):
    assert not await consent.has_consent(tx, patient_id="p-lan", purpose="research", at=at)


async def test_consent_is_kept_with_words_language_channel_and_who(tx, at):
    kept = await say(tx, at)

    text = text_on("research", "vi", date(2026, 9, 15))
    assert text is not None
    assert (kept.text_sha256, kept.language, kept.channel) == (text.sha256, "vi", "web")
    assert (kept.by_subject, kept.account_id, kept.at) == (True, LAN.account_id, at)
    assert await consent.has_consent(tx, patient_id="p-lan", purpose="research", at=at)
    assert not await consent.has_consent(tx, patient_id="p-lan", purpose="marketing", at=at)


async def test_consent_elsewhere_needs_what_proves_it(tx, at):
    with pytest.raises(EvidenceMissing):
        await say(tx, at, replace(YES, channel="recorded-call"))


async def test_words_that_were_never_shown_cannot_be_agreed_to(tx, at):
    with pytest.raises(UnknownPurpose):
        await say(tx, at, replace(YES, text_version="2031-01"))


async def test_withdrawal_holds_at_once_and_its_clock_runs(tx, at):
    kept = await say(tx, at)

    gone = await consent.withdraw(tx, actor=LAN, decision_id=kept.decision_id, channel="web", at=at)

    assert not await consent.has_consent(tx, patient_id="p-lan", purpose="research", at=at)
    assert gone.withdrawal_due_on == date(2026, 9, 30)
    [waiting] = await consent.open_withdrawals(tx, actor=OFFICER)
    assert waiting.decision_id == kept.decision_id
    with pytest.raises(Conflict):
        await consent.withdraw(tx, actor=LAN, decision_id=kept.decision_id, channel="web", at=at)


async def test_nobody_decides_for_another(tx, at):
    with pytest.raises(NotFound):
        await consent.decide(tx, actor=MAI, patient_id="p-lan", born=ADULT, saying=YES, at=at)


async def test_a_new_answer_replaces_the_old_one_which_stays_in_the_history(tx, at):
    await say(tx, at)
    await say(tx, at + timedelta(days=1), replace(YES, given=False))

    history = await consent.decisions_of(tx, actor=LAN, patient_id="p-lan")
    assert [one.given for one in history] == [False, True]
    assert not await consent.has_consent(
        tx, patient_id="p-lan", purpose="research", at=at + timedelta(days=1)
    )


def test_every_text_says_sensitive_free_and_withdrawable_in_both_languages():
    words = {
        "vi": ("nhạy cảm", "không bị ảnh hưởng", "rút lại"),
        "en": ("sensitive", "my care is not affected", "withdraw"),
    }
    purposes = {text.purpose for text in all_texts()}
    assert {(t.purpose, t.language) for t in all_texts()} == {
        (purpose, language) for purpose in purposes for language in words
    }
    for text in all_texts():
        assert all(word in text.body for word in words[text.language]), text.purpose


# -- children -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("born", "voice"),
    [
        (date(2019, 9, 16), Voice.REPRESENTATIVE),
        (date(2019, 9, 15), Voice.BOTH),
        (date(2008, 9, 16), Voice.BOTH),
        (date(2008, 9, 15), Voice.SUBJECT),
    ],
)
def test_who_decides_changes_on_the_seventh_and_the_eighteenth_birthday(born, voice):
    assert voice_of(born, date(2026, 9, 15)) is voice


def test_somebody_born_on_a_leap_day_comes_of_age_on_the_first_of_march():
    assert ask_again_on(date(2020, 2, 29), date(2026, 9, 15)) == date(2027, 3, 1)


async def test_below_seven_a_representative_decides(tx, at):
    with pytest.raises(RepresentativeNeeded):
        await say(tx, at, born=TODDLER)
    mother = replace(YES, by_subject=False, representative="Lan", relation="mother")
    kept = await say(tx, at, mother, born=TODDLER)
    assert kept.ask_again_on == date(2029, 5, 19)


async def test_from_seven_child_and_representative_both_agree(tx, at):
    mother = replace(YES, by_subject=False, representative="Lan", relation="mother")
    for alone in (YES, mother):
        with pytest.raises(BothNeeded):
            await say(tx, at, alone, born=CHILD)
    await say(tx, at, replace(mother, by_subject=True), born=CHILD)


async def test_a_child_may_always_say_no_alone(tx, at):
    await say(tx, at, replace(YES, given=False), born=CHILD)


async def test_a_childs_consent_ends_at_the_birthday_and_is_asked_again_once(tx, at):
    mother = replace(YES, by_subject=False, representative="Lan", relation="mother")
    await say(tx, at, mother, born=TODDLER)
    seventh = datetime(2029, 5, 19, 5, tzinfo=UTC)

    assert await consent.has_consent(
        tx, patient_id="p-lan", purpose="research", at=seventh - timedelta(days=1)
    )
    assert not await consent.has_consent(tx, patient_id="p-lan", purpose="research", at=seventh)
    assert await consent.ask_again(tx, at=seventh - timedelta(days=1)) == 0
    assert await consent.ask_again(tx, at=seventh) == 1
    assert await consent.ask_again(tx, at=seventh) == 0
    assert await notices.unread_count(tx, actor=LAN) == 1


# -- data to others: article 26(2) ----------------------------------------------------------------


async def asked_release(tx, at, **changes):
    values = {
        "recipient": CLINIC, "kinds": ["visits", "laboratory"], "purpose": "Khám tiếp",
        "since": at, "until": at + timedelta(days=30),
    } | changes  # fmt: skip
    return await consent.request_release(tx, actor=LAN, patient_id="p-lan", at=at, **values)


async def need(tx, at, **changes):
    values = {"recipient": CLINIC, "kinds": ["visits"]} | changes
    return await consent.require_release(tx, patient_id="p-lan", at=at, **values)


async def test_nothing_goes_to_another_provider_without_a_written_request(tx, at):
    with pytest.raises(ReleaseRefused):
        await need(tx, at)


async def test_a_request_covers_its_recipient_its_kinds_and_its_term_only(tx, at):
    release_id = await asked_release(tx, at)

    assert (await need(tx, at)).release_id == release_id
    for outside in (
        {"kinds": ["visits", "documents"]},
        {"recipient": Recipient(RecipientKind.PROVIDER, "01998")},
        {"recipient": Recipient(RecipientKind.INSURER, "01999")},
        {"kinds": []},
        {"kinds": ["everything"]},
    ):
        with pytest.raises(ReleaseRefused):
            await need(tx, at, **outside)
    for moment in (at - timedelta(seconds=1), at + timedelta(days=30)):
        with pytest.raises(ReleaseRefused):
            await need(tx, moment)
    with pytest.raises(ReleaseRefused):
        await consent.require_release(
            tx, patient_id="p-mai", recipient=CLINIC, kinds=["visits"], at=at
        )


async def test_a_request_taken_back_covers_nothing_more(tx, at):
    release_id = await asked_release(tx, at)
    await consent.end_release(tx, actor=LAN, release_id=release_id, at=at)
    with pytest.raises(ReleaseRefused):
        await need(tx, at)


async def test_a_request_has_a_term(tx, at):
    for until in (at, at - timedelta(days=1), at + timedelta(days=366)):
        with pytest.raises(TermUnusable):
            await asked_release(tx, at, until=until)


async def test_an_exception_needs_its_reason(tx, at):
    with pytest.raises(ExceptionUnfounded):
        await need(tx, at, exception=Exception19("a", "  "))
    permit = await need(tx, at, exception=Exception19("a", "Cấp cứu, chuyển viện"))
    assert permit.basis == "19.1.a"


async def test_what_went_out_is_logged_and_the_person_reads_it(tx, at):
    await asked_release(tx, at)
    permit = await need(tx, at)
    await consent.disclose(tx, actor=DOCTOR, permit=permit, resources=["Encounter/e1"], at=at)

    [seen] = await consent.disclosures_of(tx, actor=LAN, patient_id="p-lan")
    assert (seen.recipient_name, seen.basis, seen.resources) == (
        CLINIC.name, "request", ["Encounter/e1"],
    )  # fmt: skip
    with pytest.raises(NotFound):
        await consent.disclosures_of(tx, actor=MAI, patient_id="p-lan")


async def test_the_disclosure_log_is_written_once(tx, at):
    permit = await need(tx, at, exception=Exception19("a", "Cấp cứu"))
    await consent.disclose(tx, actor=DOCTOR, permit=permit, resources=[], at=at)
    for sql in ("UPDATE consent.disclosure SET reason = ''", "DELETE FROM consent.disclosure"):
        with pytest.raises(Exception, match="written once"):
            async with tx.connection.transaction():
                await tx.execute(sql)


# -- requests and their clocks --------------------------------------------------------------------

FRIDAY = datetime(2026, 8, 28, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "processors", "due", "longest"),
    [
        (RequestKind.VIEW, False, date(2026, 9, 7), date(2026, 9, 17)),
        (RequestKind.CORRECT, True, date(2026, 9, 14), date(2026, 9, 22)),
        (RequestKind.WITHDRAW, False, date(2026, 9, 14), date(2026, 9, 28)),
        (RequestKind.OBJECT, True, date(2026, 9, 17), date(2026, 10, 2)),
        (RequestKind.DELETE, False, date(2026, 9, 17), date(2026, 10, 7)),
        (RequestKind.DELETE, True, date(2026, 9, 28), date(2026, 10, 19)),
        (RequestKind.PROTECT, False, date(2026, 9, 14), date(2026, 9, 28)),
    ],
)
def test_each_right_has_its_clock_and_its_one_extension(kind, processors, due, longest):
    assert clock_of(kind, FRIDAY, with_processors=processors).due_on == due
    assert extended(kind, FRIDAY, with_processors=processors) == longest


def test_the_answer_is_due_in_two_working_days_over_the_holidays():
    assert clock_of(RequestKind.VIEW, FRIDAY).answer_due_on == date(2026, 9, 4)


async def asked(tx, at, kind=RequestKind.COPY):
    return await consent.ask(
        tx, actor=LAN, patient_id="p-lan", asking=Asking(kind=kind, details="Xin bản sao"), at=at
    )


async def test_a_request_is_acknowledged_done_and_told(tx, at):
    request_id = await asked(tx, at)
    await consent.acknowledge(tx, actor=OFFICER, request_id=request_id, at=at)
    done = await consent.finish(tx, actor=OFFICER, request_id=request_id, answer="Đã gửi", at=at)

    assert (done.state, done.answer) == ("done", "Đã gửi")
    steps = await consent.steps_of(tx, request_id=request_id)
    assert [step.step for step in steps] == ["received", "answered", "done"]
    assert await notices.unread_count(tx, actor=LAN) == 2
    with pytest.raises(RequestClosed):
        await consent.refuse(tx, actor=OFFICER, request_id=request_id, reason="x", at=at)


async def test_a_clock_is_extended_once_with_a_reason_and_in_time(tx, at):
    request_id = await asked(tx, at)
    with pytest.raises(ReasonNeeded):
        await consent.extend(tx, actor=OFFICER, request_id=request_id, reason=" ", at=at)
    await consent.extend(tx, actor=OFFICER, request_id=request_id, reason="Nhiều hồ sơ", at=at)
    with pytest.raises(ExtendedAlready):
        await consent.extend(tx, actor=OFFICER, request_id=request_id, reason="Nữa", at=at)
    late = await asked(tx, at)
    with pytest.raises(ExtendedAlready):
        await consent.extend(
            tx, actor=OFFICER, request_id=late, reason="Quên", at=at + timedelta(days=20)
        )


async def test_deletion_under_retention_is_refused_with_the_law(tx, at):
    request_id = await asked(tx, at, RequestKind.DELETE)
    with pytest.raises(RetentionOrdered):
        await consent.finish(tx, actor=OFFICER, request_id=request_id, answer="", at=at)
    with pytest.raises(ReasonNeeded):
        await consent.refuse(tx, actor=OFFICER, request_id=request_id, reason="", at=at)
    refused = await consent.refuse(
        tx, actor=OFFICER, request_id=request_id, reason="Còn thời hạn lưu trữ", at=at
    )
    assert refused.legal_basis == consent.RETENTION_LAW


async def test_the_work_list_begins_with_what_is_due_first(tx, at):
    old = await asked(tx, at - timedelta(days=5), RequestKind.DELETE)
    await consent.acknowledge(tx, actor=OFFICER, request_id=old, at=at)
    fresh = await asked(tx, at)
    order = await consent.open_requests(tx, actor=OFFICER)
    assert [one.request_id for one in order if one.patient_id == "p-lan"] == [fresh, old]


async def test_a_clinician_answers_corrections_and_nothing_else(tx, at):
    wrong = await asked(tx, at, RequestKind.CORRECT)
    other = await asked(tx, at)

    assert [r.request_id for r in await consent.open_requests(tx, actor=DOCTOR)] == [wrong]
    with pytest.raises(NotFound):
        await consent.request(tx, actor=DOCTOR, request_id=other)
    with pytest.raises(AccessRefused):
        await consent.finish(tx, actor=DOCTOR, request_id=other, answer="", at=at)
    await consent.finish(tx, actor=DOCTOR, request_id=wrong, answer="Đã bổ sung", at=at)


async def test_nobody_reads_or_takes_back_the_request_of_another(tx, at):
    request_id = await asked(tx, at)
    with pytest.raises(NotFound):
        await consent.request(tx, actor=MAI, request_id=request_id)
    with pytest.raises(NotFound):
        await consent.take_back(tx, actor=MAI, request_id=request_id, at=at)
    await consent.take_back(tx, actor=LAN, request_id=request_id, at=at)


# -- proxies --------------------------------------------------------------------------------------

DAUGHTER = Asked(
    patient_id="p-mai", patient_name="Mai", person_id="p-lan", person_name="Lan", relation="child"
)


async def test_somebody_acts_only_after_the_person_has_agreed_and_until_she_ends_it(tx, at):
    proxy_id = await consent.ask_proxy(tx, actor=LAN, asked=DAUGHTER, at=at)
    assert await consent.acts_for(tx, person_id="p-lan", patient_id="p-mai", at=at) is None
    with pytest.raises(ProxyAskedAlready):
        await consent.ask_proxy(tx, actor=LAN, asked=DAUGHTER, at=at)
    with pytest.raises(NotFound):
        await consent.accept_proxy(tx, actor=LAN, proxy_id=proxy_id, at=at)

    await consent.accept_proxy(tx, actor=MAI, proxy_id=proxy_id, at=at)
    assert await consent.acts_for(tx, person_id="p-lan", patient_id="p-mai", at=at)
    assert await consent.acts_for(tx, person_id="p-mai", patient_id="p-lan", at=at) is None

    await consent.end_proxy(tx, actor=MAI, proxy_id=proxy_id, at=at)
    assert await consent.acts_for(tx, person_id="p-lan", patient_id="p-mai", at=at) is None
    with pytest.raises(ProxyNotPossible):
        await consent.accept_proxy(tx, actor=MAI, proxy_id=proxy_id, at=at)


async def test_a_childs_representation_is_confirmed_on_papers_and_ends_at_eighteen(tx, at):
    child = replace(DAUGHTER, relation="mother")
    proxy_id = await consent.ask_proxy(tx, actor=LAN, asked=child, at=at)
    with pytest.raises(EvidenceMissing):
        await consent.accept_proxy(tx, actor=OFFICER, proxy_id=proxy_id, born=TODDLER, at=at)
    kept = await consent.accept_proxy(
        tx, actor=OFFICER, proxy_id=proxy_id, papers="Giấy khai sinh 12/2022", born=TODDLER, at=at
    )
    eighteenth = datetime(2040, 5, 18, 17, tzinfo=UTC)
    assert kept.until == eighteenth
    assert await consent.acts_for(
        tx, person_id="p-lan", patient_id="p-mai", at=eighteenth - timedelta(seconds=1)
    )
    assert not await consent.acts_for(tx, person_id="p-lan", patient_id="p-mai", at=eighteenth)


async def test_nobody_asks_in_the_name_of_another(tx, at):
    with pytest.raises(AccessRefused):
        await consent.ask_proxy(tx, actor=MAI, asked=DAUGHTER, at=at)


# -- hiding and sharing ---------------------------------------------------------------------------


async def test_what_is_hidden_is_published_row_by_row_until_it_is_shown_again(tx, at):
    number = await consent.hide(
        tx, actor=LAN, patient_id="p-lan", at=at,
        hiding=Hiding(scope="visit", target="e1", rows=[(40, 7), (90, 8)], from_department="K01"),
    )  # fmt: skip
    published = "SELECT count(*) FROM consent.restriction_v1 WHERE patient = $1"
    patient = row_id("Patient", "p-lan")
    assert await tx.value(published, patient) == 2
    await consent.add_rows(tx, restriction_id=number, rows=[(40, 7), (90, 9)])
    assert await tx.value(published, patient) == 3
    with pytest.raises(NotFound):
        await consent.show_again(tx, actor=MAI, restriction_id=number, at=at)
    await consent.show_again(tx, actor=LAN, restriction_id=number, at=at)
    assert await tx.value(published, patient) == 0


async def test_a_visit_without_entries_hides_nothing_else(tx, at):
    await consent.hide(
        tx, actor=LAN, patient_id="p-lan", hiding=Hiding(scope="visit", target="e1"), at=at
    )
    patient = row_id("Patient", "p-lan")
    sql = "SELECT count(*) FROM consent.restriction_v1 WHERE patient = $1"
    assert await tx.value(sql, patient) == 0


async def test_only_she_hides(tx, at):
    for other in (MAI, DOCTOR, OFFICER):
        with pytest.raises(AccessRefused):
            await consent.hide(
                tx, actor=other, patient_id="p-lan", hiding=Hiding(scope="everything"), at=at
            )


VIEWER = Viewer("BS. Trần Xem", "Phòng khám Thử", "Khám tiếp")


async def test_a_link_opens_with_its_pin_for_a_named_viewer_until_it_ends(database, at):
    patient = f"p-share-{at.timestamp():.0f}"
    owner = citizen(patient)
    async with database.transaction() as tx:
        new = await consent.share(tx, actor=owner, patient_id=patient, parts=["visits"], at=at)

    with pytest.raises(ViewerUnnamed):
        await consent.open_share(
            database, secret=new.secret, pin=new.pin, viewer=Viewer("", "", ""), at=at
        )
    ticket = await consent.open_share(
        database, secret=new.secret, pin=new.pin, viewer=VIEWER, at=at
    )
    async with database.transaction() as tx:
        seen = await consent.shown(tx, ticket=ticket, at=at)
        assert seen.actor.patient_id == patient
        assert VIEWER.name in seen.actor.name
        assert await notices.unread_count(tx, actor=owner) == 1
        with pytest.raises(ShareNotOpen):
            await consent.shown(tx, ticket=ticket, at=new.until)
        await consent.end_share(tx, actor=owner, share_id=new.share_id, at=at)
        with pytest.raises(ShareNotOpen):
            await consent.shown(tx, ticket=ticket, at=at)
    with pytest.raises(ShareNotOpen):
        await consent.open_share(database, secret=new.secret, pin=new.pin, viewer=VIEWER, at=at)


async def test_five_wrong_pins_end_a_link_even_for_the_right_one(database, at):
    owner = citizen("p-wrong-pin")
    async with database.transaction() as tx:
        new = await consent.share(
            tx, actor=owner, patient_id="p-wrong-pin", parts=["visits"], at=at
        )
    wrong = "000000" if new.pin != "000000" else "000001"
    for pin in [wrong] * 5 + [new.pin]:
        with pytest.raises(ShareNotOpen):
            await consent.open_share(database, secret=new.secret, pin=pin, viewer=VIEWER, at=at)


async def test_neither_secret_nor_pin_is_in_the_database(tx, at):
    new = await consent.share(tx, actor=LAN, patient_id="p-lan", parts=["visits"], at=at)
    [row] = await tx.values(
        "SELECT row_to_json(s)::text FROM consent.share s WHERE share_id = $1", new.share_id
    )
    assert new.secret not in row
    assert f'"{new.pin}"' not in row
    assert timedelta(minutes=30) == new.until - at


# -- the privacy officer's books ------------------------------------------------------------------


async def test_a_breach_is_told_within_72_hours_or_with_a_reason_and_kept_five_years(tx, at):
    breach_id = await consent.open_breach(
        tx, actor=OFFICER, at=at,
        breach=NewBreach(discovered_at=at, nature="Mất máy tính", data_kinds=["health"]),
    )  # fmt: skip
    found = await consent.breach(tx, actor=OFFICER, breach_id=breach_id)
    assert found.notify_by - found.discovered_at == timedelta(hours=72)
    with pytest.raises(Conflict):
        await consent.close_breach(tx, actor=OFFICER, breach_id=breach_id, at=at)
    late = at + timedelta(hours=73)
    with pytest.raises(LateWithoutReason):
        await consent.authority_notified(
            tx, actor=OFFICER, breach_id=breach_id, reference="A05/1", at=late
        )
    await consent.authority_notified(
        tx, actor=OFFICER, breach_id=breach_id, reference="A05/1", late_reason="Lễ", at=late
    )
    kept = await consent.close_breach(tx, actor=OFFICER, breach_id=breach_id, at=late)
    assert kept == date(2031, 9, 18)


async def test_persons_concerned_by_a_breach_are_told_once(tx, at):
    breach_id = await consent.open_breach(
        tx, actor=OFFICER, at=at,
        breach=NewBreach(discovered_at=at, nature="Lộ ảnh", data_kinds=["biometric"]),
    )  # fmt: skip
    for told in (1, 0):
        assert told == await consent.tell_persons(
            tx, actor=OFFICER, breach_id=breach_id, patient_ids=["p-lan"], at=at
        )
    assert await notices.unread_count(tx, actor=LAN) == 1


async def test_the_impact_file_is_due_sixty_days_after_the_first_processing(tx, at):
    due = await consent.file_processing(
        tx, actor=OFFICER, processing_id="research", started_on=date(2026, 9, 1), at=at
    )
    assert due == date(2026, 10, 31)
    register = await consent.processing_register(tx, actor=OFFICER)
    assert {one.id: one.impact_due_on for one in register}["research"] == due
    assert all(one.basis and one.retention and one.recipients for one in register)


async def test_the_books_are_for_the_officer(tx):
    for stranger in (LAN, DOCTOR):
        with pytest.raises(AccessRefused):
            await consent.processing_register(tx, actor=stranger)
        with pytest.raises(AccessRefused):
            await consent.breaches(tx, actor=stranger)
