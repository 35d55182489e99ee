"""The worker's loop: follow the feed, deliver what is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog

from yba.foundation.record.subscriptions import store
from yba.foundation.record.subscriptions.delivering import Deliverer
from yba.foundation.record.subscriptions.following import Follower
from yba.foundation.record.subscriptions.sending import Sender
from yba.kernel.clock import micros
from yba.plumbing.database import Database, Tx, connect

# The feed is looked at this often; nothing on the way of a write has to announce itself.
_EVERY_SECONDS = 0.2
_TIDY_SECONDS = 3600.0
KEPT_FOR = timedelta(days=30)
_log = structlog.get_logger("yba.subscriptions")


@dataclass(slots=True)
class SubscriptionWorker:
    """Follows and delivers for one node."""

    database: Database
    base: str
    sender: Sender
    clock: Callable[[], datetime]

    async def run_for_ever(self, stop: asyncio.Event) -> None:
        """Follow and deliver until `stop`; of several workers one does it."""
        while not stop.is_set():
            try:
                await self._while_held(stop)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                _log.warning("subscriptions.database-away")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)

    async def _while_held(self, stop: asyncio.Event) -> None:
        connection = await connect(self.database.dsn, {"idle_in_transaction_session_timeout": "0"})
        try:
            if not await connection.fetchval(store.HOLD):
                return
            follower = Follower(self.base, self.clock)
            deliverer = Deliverer(self.database, follower, self.sender, self.base, self.clock)
            try:
                await self._run(connection, follower, deliverer, stop)
            finally:
                await deliverer.close()
        finally:
            await connection.close(timeout=2)

    async def _run(
        self, connection: asyncpg.Connection, follower: Follower, deliverer: Deliverer,
        stop: asyncio.Event,
    ) -> None:  # fmt: skip
        loop = asyncio.get_running_loop()
        tidied = loop.time() - _TIDY_SECONDS
        while not stop.is_set():
            more = await follow(connection, follower)
            await deliverer.start_due()
            if loop.time() - tidied >= _TIDY_SECONDS:
                tidied = loop.time()
                await self._tidy()
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _EVERY_SECONDS)

    async def _tidy(self) -> None:
        now = self.clock()
        async with self.database.transaction() as tx:
            await tx.execute(store.FORGET, micros(now - KEPT_FOR))
            await tx.execute(store.UNBIND, now)


async def follow(connection: asyncpg.Connection, follower: Follower) -> bool:
    """Follow one page in a transaction of its own; return whether there may be more."""
    try:
        async with connection.transaction():
            return await follower.step(Tx(connection))
    except BaseException:
        # What it holds in memory may be ahead of what was committed.
        follower.is_loaded = False
        raise
