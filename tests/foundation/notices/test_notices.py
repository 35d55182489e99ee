"""A notice is listed for its holder alone; an e-mail says only that a message waits."""

from collections.abc import Generator
from dataclasses import replace

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from tests.builders.care import DOCTOR, citizen
from tests.builders.node import free_port

from yba.foundation.notices import service as notices
from yba.foundation.notices.errors import MailNotTaken, NotAnAddress
from yba.foundation.notices.events import NoticeWaits
from yba.foundation.notices.model import Waiting, announcement, is_address
from yba.foundation.notices.service import Mailer

LAN = citizen("p-lan")
WORDS = "%(name)s opened your record"


class _Inbox(Message):
    """A mail server's mailbox."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[object] = []

    def handle_message(self, message) -> None:
        self.taken.append(message)


@pytest.fixture
def mail() -> Generator[tuple[_Inbox, str]]:
    """Yield a mailbox and the address of the mail server that fills it."""
    inbox = _Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=free_port())
    server.start()
    yield inbox, f"smtp://127.0.0.1:{server.port}"
    server.stop()


async def tell(tx, at, **more):
    return await notices.notify(
        tx, to_patient="p-lan", kind="test", sentence=WORDS,
        values={"name": "BS. Kham"}, link="/me/access", at=at, **more,
    )  # fmt: skip


async def test_a_notice_is_listed_for_its_holder_alone(tx, at):
    number = await tell(tx, at)

    [seen] = await notices.notices_of(tx, actor=LAN, limit=10)
    assert (seen.notice_id, seen.sentence, seen.filling) == (number, WORDS, {"name": "BS. Kham"})
    assert await notices.notices_of(tx, actor=citizen("p-other"), limit=10) == []
    assert await notices.notices_of(tx, actor=DOCTOR, limit=10) == []


async def test_what_was_seen_is_no_longer_unread(tx, at):
    first = await tell(tx, at)
    await tell(tx, at)
    assert await notices.unread_count(tx, actor=LAN) == 2

    await notices.mark_read(tx, actor=LAN, up_to=first, at=at)

    assert await notices.unread_count(tx, actor=LAN) == 1


async def test_nobody_marks_the_notices_of_another_as_read(tx, at):
    number = await tell(tx, at)

    await notices.mark_read(tx, actor=citizen("p-other"), up_to=number, at=at)

    assert await notices.unread_count(tx, actor=LAN) == 1


async def test_a_notice_is_for_one_patient_or_one_account(tx, at):
    with pytest.raises(ValueError, match="one patient or one account"):
        await notices.notify(tx, kind="test", sentence=WORDS, at=at)
    with pytest.raises(ValueError, match="one patient or one account"):
        await tell(tx, at, to_account="a")


async def test_an_email_says_only_that_a_message_waits(tx, at, settings, mail):
    inbox, server = mail
    await notices.set_address(tx, actor=LAN, email="lan@example.org", language="en", at=at)
    number = await tell(tx, at)

    await Mailer(replace(settings, smtp_url=server)).announce(tx, NoticeWaits(notice_id=number))

    [message] = inbox.taken
    assert message["To"] == "lan@example.org"
    assert message["Subject"] == "You have a message on Yba"
    text = message.get_payload(decode=True).decode()
    assert "Kham" not in text
    assert "/me/access" not in text
    assert settings.base_url in text


async def test_an_email_is_sent_once_and_not_for_what_was_read(tx, at, settings, mail):
    inbox, server = mail
    mailer = Mailer(replace(settings, smtp_url=server))
    await notices.set_address(tx, actor=LAN, email="lan@example.org", language="vi", at=at)
    first, second = await tell(tx, at), await tell(tx, at)

    await mailer.announce(tx, NoticeWaits(notice_id=first))
    await mailer.announce(tx, NoticeWaits(notice_id=first))
    await notices.mark_read(tx, actor=LAN, up_to=second, at=at)
    await mailer.announce(tx, NoticeWaits(notice_id=second))

    assert len(inbox.taken) == 1


async def test_a_mail_server_that_is_away_is_tried_again_and_the_address_is_told_to_nobody(
    tx, at, settings, mail
):
    await notices.set_address(tx, actor=LAN, email="lan@example.org", language="vi", at=at)
    number = await tell(tx, at)
    nowhere = Mailer(replace(settings, smtp_url="smtp://127.0.0.1:1"))

    with pytest.raises(MailNotTaken) as refused:
        await nowhere.announce(tx, NoticeWaits(notice_id=number))

    assert "lan" not in str(refused.value)


async def test_only_an_address_is_kept(tx, at):
    for text in (
        "lan",
        "a@b",
        "a@b.c\r\nBcc: x@y.org",
        "a b@c.org",
        "@c.org",
        "x" * 250 + "@c.org",
    ):
        assert not is_address(text)
        with pytest.raises(NotAnAddress):
            await notices.set_address(tx, actor=LAN, email=text, language="vi", at=at)
    await notices.set_address(tx, actor=LAN, email="lan@example.org", language="vi", at=at)
    assert await notices.address_of(tx, actor=LAN) == "lan@example.org"
    await notices.set_address(tx, actor=LAN, email="", language="vi", at=at)
    assert await notices.address_of(tx, actor=LAN) == ""


def test_every_language_has_its_announcement():
    for language in ("vi", "en", "xx"):
        message = announcement(Waiting(1, "a@b.org", language), sender="y@b.org", site="https://x")
        assert "https://x" in message.get_content()
