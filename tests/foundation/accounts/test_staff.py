"""Staff join, change duties, lose devices and leave: nobody learns another's password."""

import asyncio
from datetime import datetime, timedelta

import pytest

from yba.foundation.accounts import factors, service, staff
from yba.foundation.accounts.errors import (
    InvitationUnusable,
    LastAdministrator,
    NotOneself,
    SecondPersonNeeded,
    UnknownRole,
    WrongLogin,
)
from yba.foundation.accounts.model import Account
from yba.foundation.accounts.sealing import key_from
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.plumbing.database import Database, Tx

PASSWORD = "ghế xanh trên mái nhà"
ANNA, BINH = Actor("admin-a", "Quản trị A"), Actor("admin-b", "Quản trị B")


async def _joined(tx: Tx, at: datetime) -> tuple[Account, str]:
    return await staff.join(
        tx, actor=ANNA, login=f"new-{new_id()}", name="Trịnh Văn Mới", roles=["nurse"],
        departments=["K01"], at=at,
    )  # fmt: skip


async def test_a_new_member_sets_her_own_password_with_a_code_that_works_once(
    database: Database, at: datetime
):
    async with database.transaction() as tx:
        account, code = await _joined(tx, at)
        opened = await service.open_own_account(
            tx, code=code.lower(), login="", password=PASSWORD, at=at
        )
        with pytest.raises(InvitationUnusable):
            await service.open_own_account(tx, code=code, login="", password=PASSWORD, at=at)

    done = await service.sign_in(database, login=account.login, password=PASSWORD, at=at)
    async with database.transaction() as tx:
        who = await service.recognise(tx, token=done.token, kind="browser", at=at)
    assert opened.id == account.id
    assert who is not None
    assert who.departments == {"K01"}


async def test_a_new_code_ends_the_one_before_and_a_password_with_its_sessions(
    database: Database, at: datetime
):
    async with database.transaction() as tx:
        account, first = await _joined(tx, at)
        second = await staff.invite(tx, actor=ANNA, account_id=account.id, at=at)
        with pytest.raises(InvitationUnusable):
            await service.open_own_account(
                tx, code=first, login="", password=PASSWORD, at=at + timedelta(seconds=1)
            )
        await service.open_own_account(
            tx, code=second, login="", password=PASSWORD, at=at + timedelta(seconds=1)
        )
        token = await service.open_session(tx, account_id=account.id, kind="browser", at=at)
        third = await staff.invite(tx, actor=ANNA, account_id=account.id, at=at)
        await service.open_own_account(
            tx, code=third, login="", password=PASSWORD + "!", at=at + timedelta(seconds=2)
        )
        assert await service.recognise(tx, token=token, kind="browser", at=at) is None

    with pytest.raises(WrongLogin):
        await service.sign_in(database, login=account.login, password=PASSWORD, at=at)


async def test_other_duties_count_at_once_and_are_reviewed(database: Database, at: datetime):
    async with database.transaction() as tx:
        account, _ = await _joined(tx, at)
        token = await service.open_session(tx, account_id=account.id, kind="browser", at=at)
        before = await service.recognise(tx, token=token, kind="browser", at=at)
        await staff.change_duties(
            tx, actor=ANNA, account_id=account.id, roles=["cashier"], departments=[], at=at
        )
        after = await service.recognise(tx, token=token, kind="browser", at=at)
        seen = await staff.member(tx, account_id=account.id)

    assert before is not None
    assert before.may("chart.vitals")
    assert after is not None
    assert not after.may("chart.vitals")
    assert after.departments == frozenset()
    assert seen.reviewed_at == at


async def test_a_lost_factor_is_taken_away_by_two_and_never_by_one(
    database: Database, at: datetime
):
    async with database.transaction() as tx:
        account, _ = await _joined(tx, at)
        who = Actor(account.id, account.name)
        codes = await factors.new_recovery_codes(tx, actor=who, at=at)
        await factors.begin_totp(tx, actor=who, key=key_from(b"test"), issuer="Yba", at=at)
        await staff.ask_reset(tx, actor=ANNA, account_id=account.id, reason="mất điện thoại", at=at)
        asked = await staff.member(tx, account_id=account.id)
        assert asked.reset_id is not None
        with pytest.raises(SecondPersonNeeded):
            await staff.confirm_reset(tx, actor=ANNA, reset_id=asked.reset_id, at=at)
        kept = await service.factors_of(tx, account_id=account.id)

        await staff.confirm_reset(tx, actor=BINH, reset_id=asked.reset_id, at=at)

        left = await service.factors_of(tx, account_id=account.id)
        with pytest.raises(SecondPersonNeeded):
            await staff.confirm_reset(tx, actor=BINH, reset_id=asked.reset_id, at=at)
    assert kept.recovery_codes == len(codes)
    assert (left.totp, left.recovery_codes) == (False, 0)


@pytest.mark.parametrize(("days", "disabled"), [(44, False), (46, True)])
async def test_an_account_idle_for_45_days_is_disabled(
    database: Database, days: int, disabled: bool
):
    # After the decree came into force.
    joined = datetime.fromisoformat("2026-10-01T08:00:00+07:00")
    async with database.transaction() as tx:
        account, _ = await _joined(tx, joined)
        await staff.disable_idle(tx, at=joined + timedelta(days=days))
        found = await staff.member(tx, account_id=account.id)

        assert (found.disabled_at is not None) is disabled
        if disabled:
            back = joined + timedelta(days=days)
            await staff.come_back(tx, actor=ANNA, account_id=account.id, at=back)
            await staff.disable_idle(tx, at=back + timedelta(days=1))
            assert (await staff.member(tx, account_id=account.id)).disabled_at is None


async def test_rights_are_due_for_review_after_six_months(database: Database):
    joined = datetime.fromisoformat("2026-09-01T08:00:00+07:00")
    async with database.transaction() as tx:
        account, _ = await _joined(tx, joined)
        found = await staff.member(tx, account_id=account.id)
        later = joined + timedelta(days=190)
        await staff.review(tx, actor=ANNA, account_id=account.id, verdict="confirmed", at=later)
        reviewed = await staff.member(tx, account_id=account.id)

    assert not found.is_review_due(joined + timedelta(days=170))
    assert found.is_review_due(later)
    assert not reviewed.is_review_due(later)


async def test_nobody_decides_what_she_herself_may(tx: Tx, at: datetime):
    account, _ = await _joined(tx, at)
    herself = Actor(account.id, account.name)

    for roles in (["nurse", "administrator"], ["doctor"], []):
        with pytest.raises(NotOneself):
            await staff.change_duties(
                tx, actor=herself, account_id=account.id, roles=roles, departments=[], at=at
            )
    with pytest.raises(NotOneself):
        await staff.review(tx, actor=herself, account_id=account.id, verdict="confirmed", at=at)
    await staff.ask_reset(tx, actor=ANNA, account_id=account.id, reason="mất", at=at)
    asked = await staff.member(tx, account_id=account.id)
    with pytest.raises(SecondPersonNeeded):
        await staff.confirm_reset(tx, actor=herself, reset_id=asked.reset_id or 0, at=at)


@pytest.mark.parametrize("role", ["api", "citizen", "root"])
async def test_people_get_no_role_of_programs_or_patients(tx: Tx, at: datetime, role: str):
    account, _ = await _joined(tx, at)

    with pytest.raises(UnknownRole):
        await staff.change_duties(
            tx, actor=ANNA, account_id=account.id, roles=["nurse", role], departments=[], at=at
        )
    with pytest.raises(UnknownRole):
        await staff.join(
            tx, actor=ANNA, login=f"new-{new_id()}", name="x", roles=[role], departments=[], at=at
        )


async def test_of_two_administrators_who_cut_each_other_off_one_stays(
    database: Database, at: datetime
):
    async with database.transaction() as tx:
        await tx.execute("UPDATE accounts.account SET disabled_at = $1", at)
        first, second = [
            (
                await staff.join(
                    tx, actor=ANNA, login=f"admin-{new_id()}", name="Quản trị",
                    roles=["administrator"], departments=[], at=at,
                )
            )[0]
            for _ in range(2)
        ]  # fmt: skip

    async def leave(actor: Account, whose: Account) -> None:
        async with database.transaction() as tx:
            await staff.leave(tx, actor=Actor(actor.id, ""), account_id=whose.id, at=at)

    done = await asyncio.gather(leave(first, second), leave(second, first), return_exceptions=True)

    assert sorted(type(one).__name__ for one in done) == ["LastAdministrator", "NoneType"]
    async with database.transaction() as tx:
        [left] = [
            one for one in await staff.members(tx) if one.id in (first.id, second.id)
            and one.disabled_at is None
        ]  # fmt: skip
        for roles in (["nurse"], []):
            with pytest.raises(LastAdministrator):
                await staff.change_duties(
                    tx, actor=ANNA, account_id=left.id, roles=roles, departments=[], at=at
                )
