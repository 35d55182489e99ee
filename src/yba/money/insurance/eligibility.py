"""Asking the portal about a card: the port, what comes back, and what to do without it.

The visit never waits for the portal: `look_up` gives an answer or says why
there is none, within a few seconds, and the desk goes on with the card as
shown (Decree 188/2025 art. 37-38). The raw answer is kept as proof.

Source: letter 1245 and the agency's notes on KQNhanLichSuKCB2024
(docs/standards/claims.md). Only a local stand-in has been spoken to.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

import httpx
import orjson

from yba.plumbing.i18n import N_

_LOOK_UP = "/api/egw/KQNhanLichSuKCB2024"
_TOKEN = "/api/token/take"  # noqa: S105 - a path
_SECONDS = 4.0
_LARGEST = 4_000_000


class Verdict(StrEnum):
    """What an answer means for the desk."""

    VALID = "valid"
    REPLACED = "replaced"  # valid or ended, and a newer card exists
    ENDED = "ended"
    NOT_FOUND = "not-found"
    DIFFERS = "differs"  # the person on the card is written differently
    ASK_FORCES = "forces"  # army and police keep their own lists
    UNKNOWN = "unknown"  # no answer: go on with the card as shown


# List PORTAL_CARD_RESULT.
_VERDICTS: Mapping[str, Verdict] = {
    "000": Verdict.VALID,
    "001": Verdict.ASK_FORCES,
    "002": Verdict.ASK_FORCES,
    "003": Verdict.REPLACED,
    "004": Verdict.REPLACED,
    "010": Verdict.ENDED,
    "110": Verdict.ENDED,
    "120": Verdict.ENDED,
    "121": Verdict.ENDED,
    "122": Verdict.ENDED,
    "123": Verdict.ENDED,
    "124": Verdict.ENDED,
    "050": Verdict.NOT_FOUND,
    "051": Verdict.NOT_FOUND,
    "052": Verdict.NOT_FOUND,
    "053": Verdict.NOT_FOUND,
    "060": Verdict.DIFFERS,
    "061": Verdict.DIFFERS,
    "070": Verdict.DIFFERS,
}
SENTENCES: Mapping[Verdict, str] = {
    Verdict.VALID: N_("The card is valid."),
    Verdict.REPLACED: N_("The card was replaced: use the new number."),
    Verdict.ENDED: N_("The card has ended or was withdrawn."),
    Verdict.NOT_FOUND: N_("The portal does not know this card: check the number."),
    Verdict.DIFFERS: N_("Name or birth date differ from the card: compare with the paper."),
    Verdict.ASK_FORCES: N_("The card is kept by the army or the police: go by the paper."),
    Verdict.UNKNOWN: N_(
        "The portal does not answer: go on with the card as shown, ask again later."
    ),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What the desk asks: a card or identity number, the person, and who asks."""

    number: str
    full_name: str
    birth: str  # dd/MM/yyyy or yyyy
    officer_name: str = ""
    officer_identity: str = ""


@dataclass(frozen=True, slots=True)
class PastVisit:
    """One visit that the portal knows."""

    file: str
    facility: str
    arrived: str
    ended: str
    disease: str
    condition: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known about a card after asking."""

    verdict: Verdict
    code: str = ""
    note: str = ""
    card: str = ""
    registered_at: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    living_area: str = ""
    five_years_on: date | None = None
    social_insurance: str = ""
    new_card: str = ""
    new_valid_from: date | None = None
    new_valid_to: date | None = None
    new_registered_at: str = ""
    visits: tuple[PastVisit, ...] = ()
    raw: bytes = b""
    asked_at: datetime | None = None

    @property
    def sentence(self) -> str:
        """Return what to tell the desk, a msgid."""
        return SENTENCES[self.verdict]


class CardPortal(Protocol):
    """Whoever can be asked about cards."""

    async def look_up(self, question: Question, *, at: datetime) -> Answer:
        """Return what is known; never raises for a portal that is down."""
        ...


@dataclass(frozen=True, slots=True)
class PortalAccount:
    """Address and log-in of the portal, from the facility's settings."""

    base_url: str
    username: str
    password: str = field(repr=False)


def _day(text: object) -> date | None:
    parts = str(text or "").split("/")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    try:
        return date(int(parts[2]), int(parts[1]), int(parts[0]))
    except ValueError:
        return None


def _visit(item: Mapping[str, Any]) -> PastVisit:
    names = (
        "maHoSo", "maCSKCB", "ngayVao", "ngayRa", "tenBenh", "tinhTrang", "kqDieuTri", "lyDoVV"
    )  # fmt: skip
    return PastVisit(*(str(item.get(name) or "") for name in names))


def read_answer(content: bytes, *, at: datetime) -> Answer:
    """Return the portal's answer; what is not one reads as no answer."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return Answer(Verdict.UNKNOWN, raw=content, asked_at=at)
    if not isinstance(found, dict):
        return Answer(Verdict.UNKNOWN, raw=content, asked_at=at)

    def text(name: str) -> str:
        return str(found.get(name) or "").strip()

    visits = found.get("dsLichSuKCB2018")
    return Answer(
        verdict=_VERDICTS.get(text("maKetQua"), Verdict.UNKNOWN),
        code=text("maKetQua"),
        note=text("ghiChu"),
        card=text("maThe"),
        registered_at=text("maDKBD"),
        valid_from=_day(found.get("gtTheTu")),
        valid_to=_day(found.get("gtTheDen")),
        living_area=text("maKV"),
        five_years_on=_day(found.get("ngayDu5Nam")),
        social_insurance=text("maSoBHXH"),
        new_card=text("maTheMoi"),
        new_valid_from=_day(found.get("gtTheTuMoi")),
        new_valid_to=_day(found.get("gtTheDenMoi")),
        new_registered_at=text("maDKBDMoi"),
        visits=tuple(_visit(item) for item in visits if isinstance(item, dict))
        if isinstance(visits, list)
        else (),
        raw=content,
        asked_at=at,
    )


class HttpCardPortal:
    """The portal over HTTPS. Keeps its token and renews it once when it is refused."""

    def __init__(self, account: PortalAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._client = client
        self._token: tuple[str, str] | None = None

    async def look_up(self, question: Question, *, at: datetime) -> Answer:
        """Return what the portal says within seconds, else that it does not answer."""
        try:
            # The limit of the client counts each read; this one counts them together.
            async with asyncio.timeout(2 * _SECONDS):
                answer = await self._ask(question, at)
                if answer.code == "401":
                    self._token = None
                    answer = await self._ask(question, at)
        except (httpx.HTTPError, TimeoutError, KeyError, TypeError, ValueError):
            return Answer(Verdict.UNKNOWN, asked_at=at)
        return answer

    def _password(self) -> str:
        # The letter asks for this digest; it protects nothing, the connection does.
        digest = hashlib.md5(self._account.password.encode(), usedforsecurity=False)
        return digest.hexdigest().upper()

    async def _post(self, path: str, **options: Any) -> bytes:
        url = self._account.base_url + path
        async with self._client.stream("POST", url, timeout=_SECONDS, **options) as response:
            content = b""
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > _LARGEST:
                    raise ValueError("answer too large")
            if response.status_code == 401:
                return b'{"maKetQua":"401"}'
            response.raise_for_status()
            return content

    async def _keys(self) -> tuple[str, str]:
        if self._token is None:
            data = {"username": self._account.username, "password": self._password()}
            found = orjson.loads(await self._post(_TOKEN, data=data))["APIKey"]
            self._token = (str(found["access_token"]), str(found["id_token"]))
        return self._token

    async def _ask(self, question: Question, at: datetime) -> Answer:
        token, id_token = await self._keys()
        content = await self._post(
            _LOOK_UP,
            params={
                "token": token,
                "id_token": id_token,
                "username": self._account.username,
                "password": self._password(),
            },
            json={
                "maThe": question.number,
                "hoTen": question.full_name,
                "ngaySinh": question.birth,
                "hoTenCb": question.officer_name,
                "cccdCb": question.officer_identity,
            },
        )
        return read_answer(content, at=at)
