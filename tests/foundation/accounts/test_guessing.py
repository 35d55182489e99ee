"""Guessing: whoever guesses waits, and only he; a good password is long, not complicated."""

from datetime import datetime
from pathlib import Path

import pytest

from yba.foundation.accounts import passwords, service
from yba.foundation.accounts.errors import LeakedPassword, TooManyAttempts, WeakPassword, WrongLogin
from yba.foundation.accounts.model import Account, Client
from yba.foundation.accounts.passwords import LeakedList
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.plumbing.database import Database

PASSWORD = "ghế xanh trên mái nhà"
NOTHING = LeakedList(None)


async def _account(database: Database, actor: Actor, at: datetime) -> Account:
    async with database.transaction() as tx:
        return await service.create(
            tx, actor=actor, login=f"doctor-{new_id()}", password=PASSWORD, name="Bùi Văn Thử",
            roles=["doctor"], at=at,
        )  # fmt: skip


async def test_a_stranger_who_guesses_locks_himself_out_and_not_the_doctor(
    database: Database, actor: Actor, at: datetime
):
    doctor = await _account(database, actor, at)
    stranger = Client(network=f"203.0.113.{new_id()}")
    for _ in range(5):
        with pytest.raises(WrongLogin):
            await service.sign_in(
                database, login=doctor.login, password="wrong", at=at, client=stranger
            )

    with pytest.raises(TooManyAttempts):
        await service.sign_in(
            database, login=doctor.login, password=PASSWORD, at=at, client=stranger
        )
    own = Client(network=f"10.0.0.{new_id()}")
    assert await service.sign_in(database, login=doctor.login, password=PASSWORD, at=at, client=own)


async def test_a_known_device_gets_in_from_a_network_that_is_locked(
    database: Database, actor: Actor, at: datetime
):
    doctor = await _account(database, actor, at)
    network = f"198.51.100.{new_id()}"
    for _ in range(5):
        with pytest.raises(WrongLogin):
            await service.sign_in(
                database, login=doctor.login, password="wrong", at=at, client=Client(network)
            )

    known = Client(network, known_account=doctor.id)
    assert await service.sign_in(
        database, login=doctor.login, password=PASSWORD, at=at, client=known
    )


async def test_many_names_with_one_guess_each_lock_the_network(database: Database, at: datetime):
    spraying = Client(network=f"192.0.2.{new_id()}")
    for number in range(100):
        with pytest.raises(WrongLogin):
            await service.sign_in(
                database, login=f"name{number}", password="x", at=at, client=spraying
            )

    with pytest.raises(TooManyAttempts):
        await service.sign_in(database, login="another", password="x", at=at, client=spraying)


async def test_a_name_that_nobody_has_locks_exactly_like_one_that_exists(
    database: Database, actor: Actor, at: datetime
):
    doctor = await _account(database, actor, at)
    said: list[list[str]] = []
    for login in (doctor.login, f"nobody-{new_id()}"):
        client = Client(network=f"net-{new_id()}")
        answers: list[str] = []
        for _ in range(7):
            with pytest.raises((WrongLogin, TooManyAttempts)) as refused:
                await service.sign_in(database, login=login, password="x", at=at, client=client)
            answers.append(refused.value.code)
        said.append(answers)

    assert said[0] == said[1]
    assert "accounts.too-many-attempts" in said[0]


@pytest.mark.parametrize(
    "good",
    ["ghế xanh trên mái", "correct horse battery", "aaaa bbbb cccc dd", "8472 6150 3948 " * 5],
)
def test_length_is_enough_whatever_the_letters(good: str):
    passwords.refuse_weak(good, is_alone=True, words=("lan",), leaked=NOTHING)


@pytest.mark.parametrize("alone", [True, False])
def test_alone_a_password_must_be_longer(alone: bool):
    shortest = 14 if alone else 10

    passwords.refuse_weak("ghế xanh mái nhà"[:shortest], is_alone=alone, words=(), leaked=NOTHING)
    with pytest.raises(WeakPassword):
        passwords.refuse_weak(
            "ghế xanh mái nhà"[: shortest - 1], is_alone=alone, words=(), leaked=NOTHING
        )


@pytest.mark.parametrize(
    "bad",
    [
        "1234567890",
        "password123",
        "qwertyuiop",
        "BenhVien@@@@",
        "nguyenlan2222",
        "aaaaaaaaaaaaaaaa",
    ],
)
def test_what_everybody_would_guess_is_refused(bad: str):
    with pytest.raises(LeakedPassword):
        passwords.refuse_weak(bad, is_alone=False, words=("nguyenlan",), leaked=NOTHING)


def test_a_loaded_list_of_leaks_refuses_what_is_on_it(tmp_path: Path):
    import hashlib

    leaked = LeakedList(tmp_path / "leaked")
    words = [f"only a leaked phrase {number}" for number in range(1000)]
    digests = sorted(
        hashlib.sha1(word.encode(), usedforsecurity=False).hexdigest() for word in words
    )
    lines = [f"{digest.upper()}:{2 if number % 2 else 1}" for number, digest in enumerate(digests)]

    assert leaked.load(lines) == 1000
    assert all(word in leaked for word in words)
    assert "never leaked at all" not in leaked
    assert leaked.load(lines, at_least=2) == 500
    with pytest.raises(ValueError, match="rising order"):
        leaked.load(reversed(lines))
    assert sum(word in leaked for word in words) == 500


async def test_a_hash_made_with_less_cost_is_renewed_at_the_next_sign_in(
    database: Database, actor: Actor, at: datetime
):
    from argon2 import PasswordHasher

    doctor = await _account(database, actor, at)
    cheap = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    async with database.transaction() as tx:
        await tx.execute(
            "UPDATE accounts.account SET password_hash = $2 WHERE id = $1", doctor.id, cheap
        )

    await service.sign_in(database, login=doctor.login, password=PASSWORD, at=at)

    async with database.transaction() as tx:
        kept = await tx.value("SELECT password_hash FROM accounts.account WHERE id = $1", doctor.id)
    assert kept != cheap
    assert not passwords.is_outdated(kept)
