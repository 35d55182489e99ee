"""The card look-up: what the portal says, and that nobody waits for it."""

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime

import httpx
import pytest
from tests.fakes.portal import Portal, card, portal

from yba.money.insurance import eligibility
from yba.money.insurance.eligibility import (
    HttpCardPortal,
    PortalAccount,
    Question,
    Verdict,
    read_answer,
)

NOON = datetime(2026, 9, 15, 5, 0, tzinfo=UTC)
NUMBER = "GD4010000000017"
QUESTION = Question(NUMBER, "Nguyễn Thị Thử Nghiệm", "12/03/1985", "Trần Tiếp Đón", "001090000001")


@pytest.fixture
async def there() -> AsyncGenerator[Portal]:
    async with portal() as stand_in:
        stand_in.cards[NUMBER] = card(NUMBER)
        yield stand_in


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def asking(there: Portal, client: httpx.AsyncClient) -> HttpCardPortal:
    return HttpCardPortal(PortalAccount(there.base_url, "99999_BV", "mật khẩu"), client)


async def test_a_card_in_good_order_is_valid_with_its_days(there, client):
    answer = await asking(there, client).look_up(QUESTION, at=NOON)

    assert answer.verdict is Verdict.VALID
    assert (answer.valid_from, answer.valid_to) == (date(2026, 1, 1), date(2026, 12, 31))
    assert answer.registered_at == "99999"
    assert [visit.facility for visit in answer.visits] == ["99998"]
    assert there.asked[0]["cccdCb"] == "001090000001"


async def test_an_unknown_card_is_told_so(there, client):
    answer = await asking(there, client).look_up(Question("GD4010000000099", "A", "1985"), at=NOON)

    assert answer.verdict is Verdict.NOT_FOUND


async def test_the_token_is_kept_and_renewed_once_when_it_is_refused(there, client):
    door = asking(there, client)
    await door.look_up(QUESTION, at=NOON)
    await door.look_up(QUESTION, at=NOON)
    given = there.tokens_given
    there.expire_token()

    answer = await door.look_up(QUESTION, at=NOON)

    assert given == 1
    assert there.tokens_given == 2
    assert answer.verdict is Verdict.VALID


@pytest.mark.parametrize("mood", ["garbled", "silent"])
async def test_the_visit_goes_on_when_the_portal_does_not_answer(there, client, mood, monkeypatch):
    monkeypatch.setattr(eligibility, "_SECONDS", 0.05)
    there.mood = mood

    answer = await asking(there, client).look_up(QUESTION, at=NOON)

    assert answer.verdict is Verdict.UNKNOWN


async def test_the_visit_goes_on_when_nobody_listens(client):
    nowhere = HttpCardPortal(PortalAccount("http://127.0.0.1:9", "a", "b"), client)

    answer = await nowhere.look_up(QUESTION, at=NOON)

    assert answer.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("003", Verdict.REPLACED),
        ("010", Verdict.ENDED),
        ("110", Verdict.ENDED),
        ("060", Verdict.DIFFERS),
        ("001", Verdict.ASK_FORCES),
        ("101", Verdict.UNKNOWN),
        ("zzz", Verdict.UNKNOWN),
    ],
)
def test_result_codes_mean_something_to_the_desk(code, verdict):
    answer = read_answer(b'{"maKetQua":"%s"}' % code.encode(), at=NOON)

    assert answer.verdict is verdict
    assert answer.sentence


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b'{"maKetQua":[1],"gtTheTu":{}}', b"\xff"]
)
def test_what_is_no_answer_reads_as_none(content):
    assert read_answer(content, at=NOON).verdict is Verdict.UNKNOWN
