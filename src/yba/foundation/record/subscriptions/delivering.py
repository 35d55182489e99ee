"""Delivering: hand each subscription its events in order until they are acknowledged.

Main rule: what was delivered is written down only after it arrived, so it arrives at least once;
failures wait longer each time, are shown in the Subscription, and end it after a long while.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import asyncpg
import structlog

from yba.fhir import r4
from yba.foundation.record import service as record
from yba.foundation.record.errors import VersionConflict
from yba.foundation.record.model import Version
from yba.foundation.record.reading import read_many
from yba.foundation.record.subscriptions import notifying, store
from yba.foundation.record.subscriptions.following import Follower
from yba.foundation.record.subscriptions.model import Wanted
from yba.foundation.record.subscriptions.notifying import Event, Kind, Standing
from yba.foundation.record.subscriptions.sending import NotDelivered, Sender
from yba.kernel.actor import Actor
from yba.plumbing.database import Database, Tx

ERROR_AFTER = 3
OFF_AFTER = 16
_LONGEST_PAUSE = 3600
_MOST_AT_A_TIME = 32
_BATCHES_IN_A_ROW = 100
_log = structlog.get_logger("yba.subscriptions")


@dataclass(slots=True)
class Deliverer:
    """Delivers for all subscriptions that its follower knows."""

    database: Database
    follower: Follower
    sender: Sender
    base: str
    clock: Callable[[], datetime]
    delivered: int = 0
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])

    async def close(self) -> None:
        """Break off what runs; it is repeated by whoever comes next."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def start_due(self) -> int:
        """Start a delivery for each subscription that has one due; return how many."""
        now = self.clock()
        beating = [w.id for w in self.follower.wanted.values() if w.heartbeat_seconds]
        async with self.database.borrow() as connection:
            records = await connection.fetch(store.DUE, now, beating)
        started = 0
        for record_ in records:
            standing = notifying.standing_of(record_)
            if standing.id in self._running or len(self._running) >= _MOST_AT_A_TIME:
                continue
            wanted = self.follower.wanted.get(standing.id)
            if wanted is not None and not self._has_reason(standing, wanted, now):
                continue
            self._start(standing, wanted)
            started += 1
        return started

    def _has_reason(self, standing: Standing, wanted: Wanted, now: datetime) -> bool:
        if standing.state == "requested":
            return True
        if wanted.end is not None and now.timestamp() * 1_000_000 >= wanted.end:
            return True
        if wanted.channel == "websocket":
            return False
        return standing.delivered < standing.events or self._beats(standing, wanted, now)

    @staticmethod
    def _beats(standing: Standing, wanted: Wanted, now: datetime) -> bool:
        pause = timedelta(seconds=wanted.heartbeat_seconds)
        told = standing.told_at
        return bool(wanted.heartbeat_seconds) and (told is None or now - told >= pause)

    def _start(self, standing: Standing, wanted: Wanted | None) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(standing, wanted))
        self._running[standing.id] = task
        task.add_done_callback(lambda _: self._running.pop(standing.id, None))

    async def settle(self) -> None:
        """Wait until nothing runs (for who must know)."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _deliver(self, standing: Standing, wanted: Wanted | None) -> None:
        try:
            if wanted is None:
                await self._become(standing, "error", standing.error)
            elif wanted.end is not None and self.clock().timestamp() * 1_000_000 >= wanted.end:
                await self._become(standing, "off", "")
            elif standing.state == "requested":
                await self._activate(standing, wanted)
            else:
                await self._events(standing, wanted)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            _log.warning("subscriptions.database-away")
        except Exception as problem:
            _log.error("subscriptions.bug", id=standing.id, problem=type(problem).__name__)
            with contextlib.suppress(Exception):
                await self._failed(standing, "an error on our side")

    async def _activate(self, standing: Standing, wanted: Wanted) -> None:
        if wanted.channel != "websocket" and not wanted.is_classic:
            try:
                await self._send(standing, wanted, "handshake", [], state="active")
            except NotDelivered as problem:
                await self._failed(standing, str(problem))
                return
        async with self.database.transaction() as tx:
            await tx.execute(store.ARRIVED, standing.id, 0, self.clock(), standing.version)
        await self._become(standing, "active", "")

    async def _events(self, standing: Standing, wanted: Wanted) -> None:
        """Send what is due, batch after batch, as long as it arrives."""
        for _ in range(_BATCHES_IN_A_ROW):
            last = await self._batch(standing, wanted)
            if last is None:
                return
            if standing.state == "error":
                await self._become(standing, "active", "")
                return
            standing = replace(standing, delivered=last, attempts=0)
            if last >= standing.events:
                return

    async def _batch(self, standing: Standing, wanted: Wanted) -> int | None:
        """Send one batch; return the last number that arrived, or None if it did not."""
        full = wanted.content == "full-resource"
        async with self.database.borrow() as connection:
            events = await notifying.events_between(
                Tx(connection), standing.id, standing.delivered + 1, standing.events,
                count=wanted.at_once, with_bodies=full,
            )  # fmt: skip
        try:
            if wanted.is_classic:
                await self._send_classic(wanted, events)
            else:
                kind: Kind = "event-notification" if events else "heartbeat"
                await self._send(standing, wanted, kind, events)
        except NotDelivered as problem:
            await self._failed(standing, str(problem))
            return None
        last = events[-1].number if events else standing.delivered
        async with self.database.transaction() as tx:
            at = self.clock()
            arrived = await tx.execute(store.ARRIVED, standing.id, last, at, standing.version)
            await notifying.write_down(tx, standing.id, events, at=at)
        self.delivered += len(events)
        return last if events and arrived else None

    async def _send(
        self,
        standing: Standing,
        wanted: Wanted,
        kind: Kind,
        events: list[Event],
        *,
        state: str = "",
    ) -> None:
        status = notifying.status_parameters(
            standing, topic=wanted.topic, base=self.base, kind=kind, events=events,
            content=wanted.content, state=state or "active",
        )  # fmt: skip
        body = notifying.bundle(
            status, events, standing=standing, base=self.base, content=wanted.content,
            at=self.clock(),
        )  # fmt: skip
        if wanted.channel == "email":
            text = f"{kind}: {len(events)} ({self.base}/Subscription/{standing.id})\n"
            await self.sender.mail(
                wanted.endpoint, f"Yba: {kind}", text, body, seconds=wanted.timeout_seconds
            )
            return
        await self.sender.post(
            wanted.endpoint, body, mime=wanted.mime, headers=wanted.headers,
            seconds=wanted.timeout_seconds,
        )  # fmt: skip

    async def _send_classic(self, wanted: Wanted, events: list[Event]) -> None:
        """Send as a Subscription without a topic asks: a call, or the resource itself."""
        for event in events:
            if wanted.channel == "email":
                text = f"{self.base}/{event.reference}\n"
                await self.sender.mail(
                    wanted.endpoint, "Yba: event-notification", text, b"",
                    seconds=wanted.timeout_seconds,
                )  # fmt: skip
            elif event.body is not None:
                await self.sender.post(
                    f"{wanted.endpoint.rstrip('/')}/{event.reference}", event.body,
                    mime=wanted.mime, headers=wanted.headers, seconds=wanted.timeout_seconds,
                    method="PUT",
                )  # fmt: skip
            else:
                await self.sender.post(
                    wanted.endpoint, b"", mime=wanted.mime, headers=wanted.headers,
                    seconds=wanted.timeout_seconds,
                )  # fmt: skip

    async def _failed(self, standing: Standing, reason: str) -> None:
        attempts = standing.attempts + 1
        due = self.clock() + timedelta(seconds=min(2 ** (attempts - 1), _LONGEST_PAUSE))
        async with self.database.transaction() as tx:
            await tx.execute(store.FAILED, standing.id, attempts, due, reason, standing.version)
        _log.info("subscriptions.not-delivered", id=standing.id, attempts=attempts)
        if attempts >= OFF_AFTER:
            await self._become(standing, "off", reason)
        elif attempts >= ERROR_AFTER and standing.state == "active":
            await self._become(standing, "error", reason)
        elif attempts >= ERROR_AFTER and standing.state == "requested":
            await self._show(standing, "error", reason)

    async def _become(self, standing: Standing, state: str, reason: str) -> None:
        """Change the state, here and in the Subscription, unless its owner changed it meanwhile."""
        async with self.database.transaction() as tx:
            version = await self._write(tx, standing, state, reason)
            await tx.execute(store.HAS_BECOME, standing.id, state, version, standing.version)
        if state == "off":
            self.follower.forget(standing.id)

    async def _show(self, standing: Standing, state: str, reason: str) -> None:
        """Show a state in the Subscription while ours stays (a handshake is still being tried)."""
        async with self.database.transaction() as tx:
            version = await self._write(tx, standing, state, reason)
            await tx.execute(
                store.HAS_BECOME, standing.id, standing.state, version, standing.version
            )

    async def _write(self, tx: Tx, standing: Standing, state: str, reason: str) -> int:
        """Write status and error into the resource; return its version."""
        place = ("Subscription", standing.id)
        found: Version | None = (await read_many(tx.connection, [place])).get(place)
        if found is None or found.body is None or found.version != standing.version:
            return standing.version
        resource = r4.decode(found.body)
        assert isinstance(resource, r4.Subscription)
        resource.status = state  # type: ignore[assignment]
        resource.error = reason or None
        try:
            [saved] = await record.save(
                tx, actor=_ACTOR, resources=[resource], at=self.clock(),
                note="subscriptions.status", if_match={f"Subscription/{standing.id}": found.version},
            )  # fmt: skip
        except VersionConflict:
            return standing.version
        return saved.version


_ACTOR = Actor.system("subscriptions")
