"""Sweeping: what has counted for nothing for a day is deleted, once an hour."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from yba.foundation.authorization import tokens
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

_EVERY_SECONDS = 3600.0
# So long a second use is still told apart from a value that never was.
_KEPT = timedelta(days=1)
_log = structlog.get_logger("yba.authorization")


async def work(config: Settings, database: Database, stop: asyncio.Event) -> None:
    """Sweep until `stop`."""
    del config
    while not stop.is_set():
        try:
            async with database.transaction() as tx:
                await tokens.sweep(tx, at=utc_now() - _KEPT)
        except Exception as problem:
            _log.error("authorization.not-swept", problem=type(problem).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _EVERY_SECONDS)
