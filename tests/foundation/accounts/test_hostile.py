"""As an attacker runs it: many guesses at once, names looked for, sessions planted or stolen."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from pyotp.totp import TOTP

from yba.foundation.accounts import factors, passwords, service
from yba.foundation.accounts.errors import (
    InvitationUnusable,
    LoginTaken,
    TooManyAttempts,
    WeakPassword,
    WrongCode,
    WrongLogin,
)
from yba.foundation.accounts.model import Account, Client, Policy
from yba.foundation.accounts.passwords import LeakedList
from yba.foundation.accounts.sealing import key_from
from yba.foundation.accounts.sessions import Installation, end_all
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import Conflict
from yba.plumbing.database import Database

PASSWORD = "ghế xanh trên mái nhà"
KEY = key_from(b"only for tests")


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Installation, "key", KEY)
    monkeypatch.setattr(Installation, "policy", Policy())
    monkeypatch.setattr(Installation, "leaked", LeakedList(None))


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count the comparisons with what is kept of a password: the work that a guess costs."""
    made: list[str] = []
    compare = passwords.matches

    async def matches(kept: str, password: str) -> bool:
        made.append(password)
        return await compare(kept, password)

    monkeypatch.setattr(passwords, "matches", matches)
    return made


@pytest.fixture
async def doctor(database: Database, actor: Actor, at: datetime) -> Account:
    async with database.transaction() as tx:
        return await service.create(
            tx, actor=actor, login=f"doctor-{new_id()}", password=PASSWORD, name="Hồ Thị Thử",
            roles=["doctor"], at=at,
        )  # fmt: skip


def _somewhere() -> Client:
    return Client(network=f"net-{new_id()}")


async def _at_once(number: int, one: Callable[[int], Awaitable[object]]) -> list[object]:
    return await asyncio.gather(*(one(index) for index in range(number)), return_exceptions=True)


async def _who(database: Database, token: str, at: datetime) -> Actor | None:
    async with database.transaction() as tx:
        return await service.recognise(tx, token=token, kind="browser", at=at)


async def _totp(database: Database, doctor: Account, at: datetime) -> TOTP:
    """Set one-time codes up ten minutes ago."""
    before, who = at - timedelta(minutes=10), Actor(doctor.id, doctor.name)
    async with database.transaction() as tx:
        address = await factors.begin_totp(tx, actor=who, key=KEY, issuer="Yba", at=before)
        totp = TOTP(parse_qs(urlsplit(address).query)["secret"][0])
        await factors.confirm_totp(tx, actor=who, key=KEY, code=totp.at(before), at=before)
    return totp


# -- guesses at once --------------------------------------------------------------------------------


async def test_sixty_four_guesses_at_once_are_five_guesses(
    database: Database, doctor: Account, at: datetime, compared: list[str]
):
    stranger = _somewhere()

    answers = await _at_once(
        64,
        lambda n: service.sign_in(
            database, login=doctor.login, password=f"guess {n}", at=at, client=stranger
        ),
    )

    assert len(compared) == 5
    assert [type(one) for one in answers].count(WrongLogin) == 5
    assert [type(one) for one in answers].count(TooManyAttempts) == 59


async def test_after_the_rest_there_is_one_guess_however_many_wait_for_it(
    database: Database, doctor: Account, at: datetime, compared: list[str]
):
    stranger = _somewhere()
    for when in (at, at + timedelta(seconds=11)):
        await _at_once(
            16,
            lambda n, when=when: service.sign_in(
                database, login=doctor.login, password=f"guess {n}", at=when, client=stranger
            ),
        )

    assert len(compared) == 6


async def test_codes_guessed_at_once_are_five_and_a_right_password_between_buys_none(
    database: Database, doctor: Account, at: datetime
):
    await _totp(database, doctor, at)
    thief = _somewhere()
    tried = 0
    for _ in range(3):
        pending = await service.sign_in(
            database, login=doctor.login, password=PASSWORD, at=at, client=thief
        )
        answers = await _at_once(
            2,
            lambda n, token=pending.token: service.second_factor(
                database, token=token, code=f"00000{n}", at=at, client=thief
            ),
        )
        tried += [type(one) for one in answers].count(WrongCode)
        if tried == 5:
            break

    assert tried == 5
    with pytest.raises(TooManyAttempts):
        await service.sign_in(database, login=doctor.login, password=PASSWORD, at=at, client=thief)


async def test_codes_are_not_guessed_from_a_thousand_networks_either(
    database: Database, doctor: Account, at: datetime
):
    totp = await _totp(database, doctor, at)
    pending = await service.sign_in(
        database, login=doctor.login, password=PASSWORD, at=at, client=_somewhere()
    )
    for _ in range(20):
        with pytest.raises(WrongCode):
            await service.second_factor(
                database, token=pending.token, code="000000", at=at, client=_somewhere()
            )

    with pytest.raises(TooManyAttempts):
        await service.second_factor(
            database, token=pending.token, code="000000", at=at, client=_somewhere()
        )
    own = Client(network="home", known_account=doctor.id)
    assert await service.second_factor(
        database, token=pending.token, code=totp.at(at), at=at, client=own
    )


async def test_a_code_sent_eight_times_at_once_opens_one_session(
    database: Database, doctor: Account, at: datetime
):
    totp = await _totp(database, doctor, at)
    async with database.transaction() as tx:
        spare = await factors.new_recovery_codes(tx, actor=Actor(doctor.id, ""), at=at)

    for code in (totp.at(at), spare[0]):
        tokens = [
            (
                await service.sign_in(
                    database, login=doctor.login, password=PASSWORD, at=at, client=_somewhere()
                )
            ).token
            for _ in range(8)
        ]
        done = await _at_once(
            8,
            lambda n, code=code, tokens=tokens: service.second_factor(
                database, token=tokens[n], code=code, at=at, client=_somewhere()
            ),
        )
        assert [isinstance(one, BaseException) for one in done].count(False) == 1


async def test_a_seed_in_use_is_not_replaced_in_silence(
    database: Database, doctor: Account, at: datetime
):
    totp = await _totp(database, doctor, at)
    with pytest.raises(Conflict):
        async with database.transaction() as tx:
            await factors.begin_totp(tx, actor=Actor(doctor.id, ""), key=KEY, issuer="", at=at)

    pending = await service.sign_in(database, login=doctor.login, password=PASSWORD, at=at)
    assert pending.is_pending
    assert await service.second_factor(database, token=pending.token, code=totp.at(at), at=at)


async def test_codes_of_invitations_are_guessed_like_passwords(
    database: Database, actor: Actor, doctor: Account, at: datetime
):
    async with database.transaction() as tx:
        code = await service.invite(
            tx, actor=actor, patient_id=f"p-{new_id()}", name="Mai Thị Thử", at=at
        )
    guessing, own = _somewhere(), _somewhere()

    async def enter(code: str, login: str, password: str, client: Client) -> object:
        return await service.enter_with_code(
            database, code=code, login=login, password=password, at=at, client=client
        )

    # A password that is too easy is no guess, and costs no attempt.
    for _ in range(101):
        with pytest.raises(WeakPassword):
            await enter(code, f"mai-{new_id()}", "short", own)
    with pytest.raises(LoginTaken):
        await enter(code, doctor.login, PASSWORD, guessing)
    for _ in range(99):
        with pytest.raises(InvitationUnusable):
            await enter("AAAAAAAA", "x", PASSWORD, guessing)
    with pytest.raises(TooManyAttempts):
        await enter(code, f"mai-{new_id()}", PASSWORD, guessing)
    assert await enter(code, f"mai-{new_id()}", PASSWORD, own)


# -- names looked for -------------------------------------------------------------------------------


async def test_a_name_that_nobody_has_costs_the_same_work_and_gets_the_same_answer(
    database: Database, actor: Actor, doctor: Account, at: datetime, compared: list[str]
):
    async with database.transaction() as tx:
        gone = await service.create(
            tx, actor=actor, login=f"gone-{new_id()}", password=PASSWORD, name="Hồ Văn Nghỉ",
            roles=["nurse"], at=at,
        )  # fmt: skip
        await service.disable(tx, actor=actor, account_id=gone.id, at=at)
    seen: list[tuple[list[str], int]] = []
    # A password that was right until the account was closed is no exception.
    for login, password in (
        (doctor.login, "wrong"), (f"nobody-{new_id()}", "wrong"), (gone.login, PASSWORD),
    ):  # fmt: skip
        compared.clear()
        client, answers = _somewhere(), list[str]()
        for _ in range(6):
            with pytest.raises((WrongLogin, TooManyAttempts)) as refused:
                await service.sign_in(
                    database, login=login, password=password, at=at, client=client
                )
            answers.append(str(refused.value.code))
        seen.append((answers, len(compared)))

    assert seen[0] == seen[1] == seen[2]


# -- sessions planted and stolen --------------------------------------------------------------------


async def test_a_session_that_was_planted_ends_when_another_person_signs_in(
    database: Database, doctor: Account, at: datetime
):
    planted = await service.sign_in(database, login=doctor.login, password=PASSWORD, at=at)
    browser = Client(network="ward", session_token=planted.token)

    done = await service.sign_in(
        database, login=doctor.login, password=PASSWORD, at=at, client=browser
    )

    assert done.token != planted.token
    assert await _who(database, planted.token, at) is None
    assert await _who(database, done.token, at)


async def test_a_stolen_session_dies_with_a_new_password_and_with_leaving_everywhere(
    database: Database, doctor: Account, at: datetime
):
    async def signed_in(password: str) -> str:
        done = await service.sign_in(database, login=doctor.login, password=password, at=at)
        return done.token

    stolen, own = await signed_in(PASSWORD), await signed_in(PASSWORD)
    who = await _who(database, own, at)
    assert who is not None
    fresh = await service.change_password(
        database, actor=who, current=PASSWORD, password="ba con mèo xanh", client=Client(), at=at
    )
    assert await _who(database, stolen, at) is None
    assert await _who(database, own, at) is None
    who = await _who(database, fresh, at)
    assert who is not None

    stolen = await signed_in("ba con mèo xanh")
    async with database.transaction() as tx:
        await service.end_others(tx, actor=who, at=at)
    assert await _who(database, stolen, at) is None
    assert await _who(database, fresh, at)
    async with database.transaction() as tx:
        await end_all(tx, account_id=doctor.id, at=at)
    assert await _who(database, fresh, at) is None


async def test_a_token_that_was_renewed_twice_at_once_is_renewed_once(
    database: Database, doctor: Account, at: datetime
):
    done = await service.sign_in(database, login=doctor.login, password=PASSWORD, at=at)
    who = await _who(database, done.token, at)
    assert who is not None

    async def renewed(_: int) -> str:
        async with database.transaction() as tx:
            return await service.renew(tx, token=done.token, actor=who, methods=["pwd"], at=at)

    fresh = [one for one in await _at_once(4, renewed) if isinstance(one, str)]

    assert len(fresh) == 1
    assert await _who(database, done.token, at) is None
    assert await _who(database, fresh[0], at)
