"""A stand-in for the social-insurance portal: token and card look-up, on a real socket.

Answers in the shapes of letter 1245. `down`, `silent` and `garbled` behave as
the real one does on bad days.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import orjson

_VISIT = {
    "maHoSo": "1700001",
    "maCSKCB": "99998",
    "ngayVao": "202608010800",
    "ngayRa": "202608011000",
    "tenBenh": "Viêm họng cấp",
    "tinhTrang": "1",
    "kqDieuTri": "2",
    "lyDoVV": "1",
}


def card(number: str, **changes: object) -> dict[str, object]:
    """Return the answer for a card in good order."""
    return {
        "maKetQua": "000",
        "ghiChu": "Thông tin đúng",
        "maThe": number,
        "hoTen": "Nguyễn Thị Thử Nghiệm",
        "ngaySinh": "12/03/1985",
        "gioiTinh": "Nữ",
        "diaChi": "Hà Nội",
        "maDKBD": "99999",
        "cqBHXH": "BHXH Mẫu",
        "gtTheTu": "01/01/2026",
        "gtTheDen": "31/12/2026",
        "maKV": "",
        "ngayDu5Nam": "01/01/2020",
        "maSoBHXH": number[-10:],
        "maTheCu": None,
        "maTheMoi": None,
        "gtTheTuMoi": None,
        "gtTheDenMoi": None,
        "maDKBDMoi": None,
        "tenDKBDMoi": None,
        "dsLichSuKCB2018": [_VISIT],
        "dsLichSuKT2018": [],
        **changes,
    }


@dataclass
class Portal:
    """The stand-in; tests change `cards` and its mood, and read what it was asked."""

    base_url: str = ""
    cards: dict[str, dict[str, object]] = field(default_factory=dict)
    mood: str = "well"
    tokens_given: int = 0
    valid_token: str = ""
    asked: list[dict[str, object]] = field(default_factory=list)

    def expire_token(self) -> None:
        """Make the token that was given worthless."""
        self.valid_token = "none"

    def answer(self, path: str, body: bytes) -> bytes:
        """Return the JSON for one request."""
        address = urlsplit(path)
        if address.path == "/api/token/take":
            self.tokens_given += 1
            self.valid_token = f"token-{self.tokens_given}"
            key = {"access_token": self.valid_token, "id_token": "id", "token_type": "bearer"}
            return orjson.dumps({"maKetQua": "200", "APIKey": key})
        token = parse_qs(address.query).get("token", [""])[0]
        if token != self.valid_token:
            return orjson.dumps({"maKetQua": "401", "ghiChu": "Sai tài khoản"})
        question = orjson.loads(body)
        self.asked.append(question)
        found = self.cards.get(question["maThe"], {"maKetQua": "050", "ghiChu": "Không thấy thẻ"})
        return orjson.dumps(found)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request on one connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (
                int(line.split(":")[1])
                for line in head.splitlines()
                if line.lower().startswith("content-length")
            ),
            0,
        )
        body = await reader.readexactly(length)
        if self.mood == "silent":
            await reader.read()
        elif self.mood == "garbled":
            writer.write(_http(b"<html>Service Unavailable</html>"))
        else:
            writer.write(_http(self.answer(head.split(" ")[1], body)))
        await writer.drain()
        writer.close()


def _http(content: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    return head.encode() + content


@asynccontextmanager
async def portal() -> AsyncGenerator[Portal]:
    """Run the stand-in on a free port of this machine."""
    stand_in = Portal()
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
    stand_in.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stand_in
    finally:
        server.close()
