"""Passkeys: what opens a session, and every answer that does not."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.fakes.authenticator import Authenticator

from yba.foundation.accounts import passkeys, service
from yba.foundation.accounts.errors import PasskeyRefused, WrongLogin
from yba.foundation.accounts.model import Account
from yba.foundation.accounts.passkeys import Site
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.plumbing.database import Database, Tx

SITE = Site("https://benhvien.example.vn", "Bệnh viện")


async def _account(tx: Tx, actor: Actor, at: datetime) -> Account:
    return await service.create(
        tx, actor=actor, login=f"key-{new_id()}", password="ghế xanh trên mái nhà",
        name="Ngô Thị Khoá", roles=["doctor"], at=at,
    )  # fmt: skip


async def _registered(tx: Tx, actor: Actor, at: datetime) -> tuple[Account, Authenticator]:
    account = await _account(tx, actor, at)
    who, device = Actor(account.id, account.name), Authenticator(SITE.origin)
    options = await passkeys.options_to_add(
        tx, actor=who, login=account.login, site=SITE, holder="one", at=at
    )
    asked = await passkeys.take_challenge(tx, holder="one", purpose="add", at=at)
    await passkeys.add(
        tx, actor=who, answer=device.create(options), name="Máy của tôi", site=SITE, asked=asked,
        at=at,
    )  # fmt: skip
    return account, device


async def _asked(tx: Tx, at: datetime, holder: str = "two") -> Mapping[str, Any]:
    return await passkeys.options_to_prove(tx, site=SITE, holder=holder, at=at)


async def test_a_registered_device_opens_a_session_of_two_factors(
    database: Database, actor: Actor, at: datetime
):
    async with database.transaction() as tx:
        account, device = await _registered(tx, actor, at)
        options = await _asked(tx, at)

    done = await service.sign_in_by_passkey(
        database, answer=device.get(options), site=SITE, holder="two", at=at
    )
    async with database.transaction() as tx:
        who = await service.recognise(tx, token=done.token, kind="browser", at=at)
        [kept] = await service.passkeys_of(tx, account_id=account.id)
    assert who is not None
    assert (who.account_id, who.methods) == (account.id, {"hwk", "user", "mfa"})
    assert (kept.name, kept.sign_count, kept.transports) == ("Máy của tôi", 2, ["internal"])
    assert options["allowCredentials"] == []


@pytest.mark.parametrize(
    "trick",
    ["another origin", "another site", "another browser", "too late", "not verified", "copied key",
     "another key", "another person", "inside another page", "nothing", "rubbish", "no JSON"],
)  # fmt: skip
async def test_an_answer_that_does_not_fit_is_refused(
    database: Database, actor: Actor, at: datetime, trick: str
):
    async with database.transaction() as tx:
        _, device = await _registered(tx, actor, at)
        options = dict(await _asked(tx, at))
    holder, when, origin = "two", at, ""
    match trick:
        case "another origin":
            origin = "https://benhvien.example.vn.evil.example"
        case "another site":
            options["rpId"] = "evil.example"
        case "another browser":
            holder = "three"
        case "too late":
            when = at + timedelta(minutes=6)
        case "not verified":
            device.verifies = False
        case "copied key":
            device.counter = 0
        case "another key":
            device = replace(device, key=Authenticator("").key, counter=5)
        case "another person":
            device.handle = b"somebody else"
        case "inside another page":
            device.framed_by = "https://evil.example"
        case _:
            pass
    answer: Mapping[str, Any] = device.get(options, origin=origin)
    if trick == "nothing":
        answer = {}
    if trick == "no JSON":
        answer = {**answer, "response": {**answer["response"], "clientDataJSON": "W10"}}
    if trick == "rubbish":
        answer = {**answer, "response": {"clientDataJSON": "%", "authenticatorData": 7}}

    with pytest.raises(PasskeyRefused):
        await service.sign_in_by_passkey(database, answer=answer, site=SITE, holder=holder, at=when)


async def test_an_answer_sent_twice_at_once_opens_one_session(
    database: Database, actor: Actor, at: datetime
):
    async with database.transaction() as tx:
        _, device = await _registered(tx, actor, at)
        answer = device.get(await _asked(tx, at))

    done = await asyncio.gather(
        *(
            service.sign_in_by_passkey(database, answer=answer, site=SITE, holder="two", at=at)
            for _ in range(6)
        ),
        return_exceptions=True,
    )

    assert [type(one) for one in done].count(PasskeyRefused) == 5


async def test_a_challenge_is_good_for_one_answer_right_or_wrong(
    database: Database, actor: Actor, at: datetime
):
    async with database.transaction() as tx:
        _, device = await _registered(tx, actor, at)
        options = await _asked(tx, at)
        others = await _asked(tx, at, "three")
    first, second = device.get(options), device.get(options)
    await service.sign_in_by_passkey(database, answer=first, site=SITE, holder="two", at=at)

    for answer in (first, second):
        with pytest.raises(PasskeyRefused):
            await service.sign_in_by_passkey(
                database, answer=answer, site=SITE, holder="two", at=at
            )
    # A wrong answer uses the challenge up: the right one comes too late.
    for origin in ("https://evil.example", ""):
        with pytest.raises(PasskeyRefused):
            await service.sign_in_by_passkey(
                database, answer=device.get(others, origin=origin), site=SITE, holder="three", at=at
            )


async def test_a_refused_key_leaves_a_trace_with_its_owner(
    database: Database, actor: Actor, at: datetime
):
    async with database.transaction() as tx:
        account, device = await _registered(tx, actor, at)
        options = await _asked(tx, at)
    device.counter = 0

    with pytest.raises(PasskeyRefused):
        await service.sign_in_by_passkey(
            database, answer=device.get(options), site=SITE, holder="two", at=at
        )

    async with database.transaction() as tx:
        traces = await tx.values("SELECT what FROM audit.event WHERE account_id = $1", account.id)
    assert "accounts.sign_in_refused" in traces


async def test_a_challenge_for_a_new_key_signs_nobody_in(
    database: Database, actor: Actor, at: datetime
):
    async with database.transaction() as tx:
        account, device = await _registered(tx, actor, at)
        options = await passkeys.options_to_add(
            tx, actor=Actor(account.id, ""), login=account.login, site=SITE, holder="two", at=at
        )
    answer = device.get({"challenge": options["challenge"], "rpId": SITE.id})

    with pytest.raises(PasskeyRefused):
        await service.sign_in_by_passkey(database, answer=answer, site=SITE, holder="two", at=at)


async def test_a_key_of_another_person_proves_nothing(
    database: Database, actor: Actor, at: datetime
):
    async with database.transaction() as tx:
        _, device = await _registered(tx, actor, at)
        other = await _account(tx, actor, at)
        token = await service.open_session(tx, account_id=other.id, kind="browser", at=at)
        who = await service.recognise(tx, token=token, kind="browser", at=at)
        assert who is not None
        options = await _asked(tx, at)

    with pytest.raises(WrongLogin):
        await service.prove_by_passkey(
            database, token=token, actor=who, answer=device.get(options), site=SITE, holder="two",
            at=at,
        )  # fmt: skip


async def test_a_key_is_registered_for_whoever_was_asked_and_once(
    database: Database, actor: Actor, at: datetime
):
    async with database.transaction() as tx:
        account, device = await _registered(tx, actor, at)
        other = await _account(tx, actor, at)
        for asked, answers in ((account, other), (other, other)):
            options = await passkeys.options_to_add(
                tx, actor=Actor(asked.id, ""), login=asked.login, site=SITE, holder="x", at=at
            )
            challenge = await passkeys.take_challenge(tx, holder="x", purpose="add", at=at)
            # The second time it is the right person, but the key is somebody's already.
            with pytest.raises(PasskeyRefused):
                await passkeys.add(
                    tx, actor=Actor(answers.id, ""), answer=device.create(options), name="",
                    site=SITE, asked=challenge, at=at,
                )  # fmt: skip
