"""What the worker does for consent: ask those again who became seven or eighteen."""

import asyncio
from contextlib import suppress

from yba.foundation.consent import service
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

_EVERY_SECONDS = 3600.0


async def work(_settings: Settings, database: Database, stop: asyncio.Event) -> None:
    """Once an hour, until `stop`."""
    while not stop.is_set():
        async with database.transaction() as tx:
            await service.ask_again(tx, at=utc_now())
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _EVERY_SECONDS)
