"""Once an hour: accounts that nobody uses are disabled."""

import asyncio
from contextlib import suppress

import structlog

from yba.foundation.accounts import staff
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

_EVERY_SECONDS = 3600.0
_log = structlog.get_logger("yba.accounts")


async def work(config: Settings, database: Database, stop: asyncio.Event) -> None:
    """Disable idle accounts of staff until `stop`; never in the demonstration."""
    while not config.is_demo and not stop.is_set():
        try:
            async with database.transaction() as tx:
                count = await staff.disable_idle(tx, at=utc_now())
            if count:
                _log.info("accounts.idle-disabled", count=count)
        except Exception as problem:
            _log.error("accounts.idle-not-disabled", problem=type(problem).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _EVERY_SECONDS)
