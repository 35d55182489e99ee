"""A small HTTP/1.1 client on raw sockets, so that the load is not the limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

TOKEN = "bench"


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = -1
        self._status = 0
        self._answer: asyncio.Future[tuple[int, bytes, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if self._wanted < 0:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(buffer[:end]).lower()
            self._status = int(head[9:12])
            place = head.find(b"content-length:")
            length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
            self._head = head
            self._start = end + 4
            self._wanted = self._start + length
        if len(buffer) >= self._wanted:
            body = bytes(buffer[self._start : self._wanted])
            del buffer[: self._wanted]
            self._wanted = -1
            answer, self._answer = self._answer, None
            if answer and not answer.done():
                answer.set_result((self._status, body, self._head))

    async def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Send one request; return status, body and head of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport:
            self._transport.close()


def request(method: str, path: str, body: bytes = b"", extra: str = "") -> bytes:
    """Return the bytes of a request."""
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {TOKEN}\r\n"
        f"accept: application/fhir+json\r\n{extra}"
    )
    if body or method in ("POST", "PUT"):
        head += f"content-type: application/fhir+json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def connect(port: int) -> Connection:
    _, protocol = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return protocol


@dataclass
class Result:
    """What a load gave."""

    seconds: float = 0.0
    count: int = 0
    errors: int = 0
    millis: list[float] = field(default_factory=list)
    by_kind: dict[str, list[float]] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.count / self.seconds if self.seconds else 0.0

    def percentile(self, p: float, kind: str | None = None) -> float:
        values = sorted(self.by_kind[kind] if kind else self.millis)
        return values[min(int(len(values) * p), len(values) - 1)] if values else 0.0


async def load(
    port: int,
    connections: int,
    seconds: float,
    requests: Callable[[int], Iterator[tuple[str, bytes]]],
    *,
    expected: tuple[int, ...] = (200, 201, 204),
) -> Result:
    """Keep `connections` busy for some seconds; each takes its own requests in order."""
    result = Result()
    started = time.perf_counter()
    until = started + seconds

    async def one(number: int) -> None:
        connection = await connect(port)
        for kind, raw in requests(number):
            before = time.perf_counter()
            if before >= until:
                break
            status, body, _ = await connection.ask(raw)
            took = (time.perf_counter() - before) * 1000
            result.count += 1
            result.millis.append(took)
            result.by_kind.setdefault(kind, []).append(took)
            if status not in expected:
                result.errors += 1
                if result.errors <= 3:
                    print("  unexpected:", status, raw[:200], body[:300])
        connection.close()

    await asyncio.gather(*(one(number) for number in range(connections)))
    result.seconds = time.perf_counter() - started
    return result
