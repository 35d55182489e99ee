"""Signing in: what opens a session, what locks, what ends it."""

from datetime import datetime, timedelta

import pytest

from yba.foundation.accounts import service
from yba.foundation.accounts.errors import (
    AlreadyHasAccount,
    InvitationUnusable,
    LoginTaken,
    TooManyAttempts,
    UnknownRole,
    WeakPassword,
    WrongLogin,
)
from yba.foundation.accounts.model import ATTEMPTS_BEFORE_LOCK, BEARER_LIFE
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.plumbing.database import Database, Tx

PASSWORD = "a long enough one"


async def _account(tx: Tx, actor: Actor, at: datetime, login: str | None = None):
    return await service.create(
        tx,
        actor=actor,
        login=login or f"nurse-{new_id()}",
        password=PASSWORD,
        name="Lê Thị Thử",
        roles=["nurse"],
        at=at,
    )


async def test_the_right_password_opens_a_session(database: Database, actor: Actor, at: datetime):
    async with database.transaction() as tx:
        account = await _account(tx, actor, at)

    token = (await service.sign_in(database, login=account.login, password=PASSWORD, at=at)).token

    async with database.transaction() as tx:
        who = await service.recognise(tx, token=token, kind="browser", at=at)
    assert who is not None
    assert who.account_id == account.id
    assert who.may("chart.vitals")
    assert not who.may("chart.write")


async def test_wrong_name_and_wrong_password_are_refused_alike(
    database: Database, actor: Actor, at: datetime
):
    async with database.transaction() as tx:
        account = await _account(tx, actor, at)

    for login in (account.login, "nobody"):
        with pytest.raises(WrongLogin):
            await service.sign_in(database, login=login, password="wrong", at=at)


async def test_repeated_failures_lock_and_the_lock_ends_by_itself(
    database: Database, actor: Actor, at: datetime
):
    async with database.transaction() as tx:
        account = await _account(tx, actor, at)
    for _ in range(ATTEMPTS_BEFORE_LOCK):
        with pytest.raises(WrongLogin):
            await service.sign_in(database, login=account.login, password="wrong", at=at)

    with pytest.raises(TooManyAttempts):
        await service.sign_in(database, login=account.login, password=PASSWORD, at=at)

    later = at + timedelta(hours=1)
    assert await service.sign_in(database, login=account.login, password=PASSWORD, at=later)


async def test_no_secret_is_stored(database: Database, actor: Actor, at: datetime):
    async with database.transaction() as tx:
        account = await _account(tx, actor, at)
        token = await service.open_session(tx, account_id=account.id, kind="bearer", at=at)
        stored = await tx.values("SELECT to_jsonb(account)::text FROM accounts.account")
        stored += await tx.values("SELECT to_jsonb(session)::text FROM accounts.session")

    assert PASSWORD not in "".join(stored)
    assert token not in "".join(stored)


async def test_a_disabled_account_is_cut_off_at_once(tx: Tx, actor: Actor, at: datetime):
    account = await _account(tx, actor, at)
    token = await service.open_session(tx, account_id=account.id, kind="browser", at=at)

    await service.disable(tx, actor=actor, account_id=account.id, at=at)

    assert await service.recognise(tx, token=token, kind="browser", at=at) is None


async def test_a_token_ends_with_its_life_and_is_of_one_kind(tx: Tx, actor: Actor, at: datetime):
    account = await _account(tx, actor, at)
    token = await service.open_session(tx, account_id=account.id, kind="bearer", at=at)

    assert await service.recognise(tx, token=token, kind="bearer", at=at)
    assert await service.recognise(tx, token=token, kind="browser", at=at) is None
    assert await service.recognise(tx, token=token, kind="bearer", at=at + BEARER_LIFE) is None


async def test_a_login_belongs_to_one_account(tx: Tx, actor: Actor, at: datetime):
    await _account(tx, actor, at, login="once")

    with pytest.raises(LoginTaken):
        await _account(tx, actor, at, login="Once ")


async def test_weak_passwords_and_unknown_roles_are_refused(tx: Tx, actor: Actor, at: datetime):
    with pytest.raises(WeakPassword):
        await service.create(
            tx, actor=actor, login="x", password="short", name="X", roles=[], at=at
        )
    with pytest.raises(UnknownRole):
        await service.create(
            tx, actor=actor, login="x", password=PASSWORD, name="X", roles=["king"], at=at
        )


async def test_an_invitation_opens_one_account_for_its_patient(tx: Tx, actor: Actor, at: datetime):
    patient = new_id()
    code = await service.invite(tx, actor=actor, patient_id=patient, name="Trần Thị Mẫu", at=at)

    account = await service.open_own_account(
        tx, code=code.lower(), login=f"citizen-{patient}", password=PASSWORD, at=at
    )

    assert account.patient_id == patient
    assert account.roles == ["citizen"]
    with pytest.raises(InvitationUnusable):
        await service.open_own_account(tx, code=code, login="again", password=PASSWORD, at=at)
    with pytest.raises(AlreadyHasAccount):
        await service.invite(tx, actor=actor, patient_id=patient, name="Trần Thị Mẫu", at=at)


async def test_an_old_invitation_is_refused(tx: Tx, actor: Actor, at: datetime):
    code = await service.invite(tx, actor=actor, patient_id=new_id(), name="Trần Mẫu", at=at)

    with pytest.raises(InvitationUnusable):
        await service.open_own_account(
            tx, code=code, login="late", password=PASSWORD, at=at + timedelta(days=8)
        )
