"""One-time codes, recovery codes, fresh proofs: what works once, and what is asked before it matters."""

from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from pyotp.totp import TOTP

from yba.foundation.accounts import factors, service
from yba.foundation.accounts.errors import FreshProofNeeded, TooManyAttempts, WrongCode, WrongLogin
from yba.foundation.accounts.model import Account, Client, Policy
from yba.foundation.accounts.passwords import LeakedList
from yba.foundation.accounts.sealing import key_from, unseal
from yba.foundation.accounts.sessions import Installation
from yba.foundation.notices import service as notices
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import NotFound
from yba.plumbing.database import Database

PASSWORD = "ghế xanh trên mái nhà"
KEY = key_from(b"only for tests")


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Installation, "key", KEY)
    monkeypatch.setattr(Installation, "policy", Policy())
    monkeypatch.setattr(Installation, "leaked", LeakedList(None))


@pytest.fixture
async def nurse(database: Database, actor: Actor, at: datetime) -> Account:
    async with database.transaction() as tx:
        return await service.create(
            tx, actor=actor, login=f"nurse-{new_id()}", password=PASSWORD, name="Lê Thị Thử",
            roles=["nurse"], at=at,
        )  # fmt: skip


async def _signed_in(database: Database, token: str, at: datetime) -> Actor:
    async with database.transaction() as tx:
        who = await service.recognise(tx, token=token, kind="browser", at=at)
    assert who is not None
    return who


async def _with_totp(database: Database, nurse: Account, at: datetime) -> TOTP:
    """Set one-time codes up as the page does, a minute ago."""
    before = at - timedelta(minutes=1)
    done = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=before)
    who = await _signed_in(database, done.token, before)
    async with database.transaction() as tx:
        address = await factors.begin_totp(tx, actor=who, key=KEY, issuer="Yba", at=before)
        totp = TOTP(parse_qs(urlsplit(address).query)["secret"][0])
        await factors.confirm_totp(tx, actor=who, key=KEY, code=totp.at(before), at=before)
    return totp


async def test_with_a_second_factor_the_password_alone_opens_nothing(
    database: Database, nurse: Account, at: datetime
):
    await _with_totp(database, nurse, at)

    done = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)

    assert done.is_pending
    async with database.transaction() as tx:
        for kind in ("browser", "bearer"):
            assert await service.recognise(tx, token=done.token, kind=kind, at=at) is None


async def test_the_code_opens_the_session_and_says_how_it_was_proven(
    database: Database, nurse: Account, at: datetime
):
    totp = await _with_totp(database, nurse, at)
    pending = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)

    done = await service.second_factor(database, token=pending.token, code=totp.at(at), at=at)

    who = await _signed_in(database, done.token, at)
    assert who.methods == {"pwd", "otp", "mfa"}
    assert who.proven_at == at
    with pytest.raises(NotFound):
        await service.second_factor(database, token=pending.token, code=totp.at(at), at=at)


async def test_a_code_works_once_even_within_its_half_minute(
    database: Database, nurse: Account, at: datetime
):
    totp = await _with_totp(database, nurse, at)
    code = totp.at(at)
    first = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)
    second = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)
    await service.second_factor(database, token=first.token, code=code, at=at)

    with pytest.raises(WrongCode):
        await service.second_factor(database, token=second.token, code=code, at=at)


@pytest.mark.parametrize(
    ("drift", "accepted"), [(-30, True), (30, True), (-90, False), (90, False)]
)
async def test_a_clock_may_be_off_by_half_a_minute(
    database: Database, nurse: Account, at: datetime, drift: int, accepted: bool
):
    totp = await _with_totp(database, nurse, at - timedelta(minutes=5))
    pending = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)
    code = totp.at(at + timedelta(seconds=drift))

    if accepted:
        await service.second_factor(database, token=pending.token, code=code, at=at)
    else:
        with pytest.raises(WrongCode):
            await service.second_factor(database, token=pending.token, code=code, at=at)


async def test_guessing_codes_locks_like_guessing_passwords(
    database: Database, nurse: Account, at: datetime
):
    await _with_totp(database, nurse, at)
    pending = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)

    for number in range(5):
        with pytest.raises(WrongCode):
            await service.second_factor(database, token=pending.token, code=f"00000{number}", at=at)

    with pytest.raises(TooManyAttempts):
        await service.second_factor(database, token=pending.token, code="000009", at=at)


async def test_a_recovery_code_works_once(database: Database, nurse: Account, at: datetime):
    await _with_totp(database, nurse, at)
    async with database.transaction() as tx:
        who = Actor(nurse.id, nurse.name)
        codes = await factors.new_recovery_codes(tx, actor=who, at=at)
    pending = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)
    again = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)

    done = await service.second_factor(
        database, token=pending.token, code=codes[0].upper().replace("-", " "), at=at
    )

    assert not done.is_pending
    with pytest.raises(WrongCode):
        await service.second_factor(database, token=again.token, code=codes[0], at=at)
    assert len(set(codes)) == 10


async def test_seeds_and_codes_are_nowhere_in_the_database(
    database: Database, nurse: Account, at: datetime
):
    totp = await _with_totp(database, nurse, at)
    async with database.transaction() as tx:
        codes = await factors.new_recovery_codes(tx, actor=Actor(nurse.id, ""), at=at)
        rows = await tx.connection.fetch("SELECT t::text FROM accounts.totp t")
        kept = await tx.connection.fetch("SELECT c::text FROM accounts.recovery_code c")
        sealed = await tx.value("SELECT sealed FROM accounts.totp WHERE account_id = $1", nurse.id)

    text = "".join(str(row[0]) for row in [*rows, *kept])
    assert totp.byte_secret().hex() not in text
    assert codes[0].replace("-", "") not in text
    assert unseal(KEY, nurse.id, sealed) == totp.byte_secret()
    with pytest.raises(Exception, match="one-time codes"):
        unseal(key_from(b"another machine"), nurse.id, sealed)


async def test_who_owes_a_second_factor_may_do_nothing(
    database: Database, nurse: Account, at: datetime, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Installation, "policy", Policy(second_factor=frozenset({"*"})))
    done = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)
    who = await _signed_in(database, done.token, at)

    totp = await _with_totp(database, nurse, at)
    pending = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)
    proven = await service.second_factor(database, token=pending.token, code=totp.at(at), at=at)

    assert (who.roles, who.permissions) == (frozenset(), frozenset())
    assert (await _signed_in(database, proven.token, at)).may("chart.vitals")


async def test_a_proof_grows_old_and_a_new_one_changes_the_token(
    database: Database, nurse: Account, at: datetime
):
    done = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)
    later = at + timedelta(minutes=6)
    who = await _signed_in(database, done.token, later)
    service.require_fresh(who, at=at + timedelta(minutes=4))
    with pytest.raises(FreshProofNeeded):
        service.require_fresh(who, at=later)

    with pytest.raises(WrongLogin):
        await service.prove(database, token=done.token, actor=who, secret="wrong", at=later)
    token = await service.prove(database, token=done.token, actor=who, secret=PASSWORD, at=later)

    again = await _signed_in(database, token, later)
    service.require_fresh(again, at=later)
    # The same session under another token: it ends when it would have ended.
    assert again.session_id == who.session_id
    end = at + timedelta(hours=12, minutes=1)
    async with database.transaction() as tx:
        await tx.execute("UPDATE accounts.session SET last_seen_at = $1", end)
        assert await service.recognise(tx, token=token, kind="browser", at=end) is None
    async with database.transaction() as tx:
        assert await service.recognise(tx, token=done.token, kind="browser", at=later) is None


def test_nobody_without_a_session_counts_as_freshly_proven(at: datetime):
    with pytest.raises(FreshProofNeeded):
        service.require_fresh(Actor("1", "somebody"), at=at)
    service.require_fresh(replace(Actor("1", "somebody"), proven_at=at), at=at)


async def test_a_session_that_nobody_uses_is_over(database: Database, nurse: Account, at: datetime):
    done = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)
    almost = at + timedelta(minutes=59)
    await _signed_in(database, done.token, almost)

    async with database.transaction() as tx:
        later = almost + timedelta(minutes=59)
        used = await service.recognise(tx, token=done.token, kind="browser", at=later)
        much_later = later + timedelta(minutes=61)
        unused = await service.recognise(tx, token=done.token, kind="browser", at=much_later)

    assert used is not None
    assert unused is None


async def test_devices_are_listed_and_ended_one_by_one_or_all(
    database: Database, nurse: Account, at: datetime
):
    tokens = [
        (
            await service.sign_in(
                database, login=nurse.login, password=PASSWORD, at=at, client=Client(device=name)
            )
        ).token
        for name in ("phone", "desk", "home")
    ]
    me = await _signed_in(database, tokens[0], at)

    async with database.transaction() as tx:
        listed = {s.device: s.id for s in await service.sessions_of(tx, account_id=nurse.id, at=at)}
        await service.end_one(tx, actor=me, session_id=listed["desk"], at=at)
        desk = await service.recognise(tx, token=tokens[1], kind="browser", at=at)
        home = await service.recognise(tx, token=tokens[2], kind="browser", at=at)
        await service.end_others(tx, actor=me, at=at)
        left = await service.sessions_of(tx, account_id=nurse.id, at=at)

    assert set(listed) == {"phone", "desk", "home"}
    assert desk is None
    assert home is not None
    assert [one.device for one in left] == ["phone"]


async def test_nobody_ends_the_session_of_somebody_else(
    database: Database, nurse: Account, at: datetime
):
    done = await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at)
    me = await _signed_in(database, done.token, at)

    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await service.end_one(
                tx, actor=Actor("another", ""), session_id=me.session_id or "", at=at
            )


async def test_a_new_device_is_told_of_and_a_known_one_is_not(
    database: Database, nurse: Account, at: datetime
):
    for known, expected in (("", 1), (nurse.id, 1)):
        client = Client(network=f"n-{new_id()}", device="Firefox · Linux", known_account=known)
        await service.sign_in(database, login=nurse.login, password=PASSWORD, at=at, client=client)
        async with database.transaction() as tx:
            told = await notices.notices_of(tx, actor=Actor(nurse.id, ""), limit=10)
        assert [one.kind for one in told] == ["accounts.new-device"] * expected
