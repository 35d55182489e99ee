"""What runs beside the requests: the sequencer, witnesses, the daily stamp, spools."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import structlog

from yba.foundation.audit import log_store, sequencing, spool, store, witnessing, writing
from yba.foundation.audit.keys import folder_of, log_key, origin_of
from yba.foundation.audit.model import Act
from yba.foundation.audit.rows import rows_of
from yba.foundation.audit.sequencing import Sequencer
from yba.foundation.audit.spool import Spool
from yba.foundation.audit.stamps import Stamper, read_stamp
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.plumbing import logs
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

_log = structlog.get_logger("yba.audit")
_ROUND_SECONDS = 1.0
_BESIDE_SECONDS = 5.0
_SPOOL_SECONDS = 2.0
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
_STAMP_AGAIN_AFTER = timedelta(minutes=10)


async def work(
    config: Settings, database: Database, stop: asyncio.Event, stamper: Stamper | None = None
) -> None:
    """Keep the log of this node until `stop`."""
    sequencer = await _opened(config, database, stop)
    if sequencer is None:
        return
    await asyncio.gather(
        sequence_for_ever(sequencer, database, stop),
        _beside(config, database, stop, stamper),
    )


async def _opened(config: Settings, database: Database, stop: asyncio.Event) -> Sequencer | None:
    while not stop.is_set():
        try:
            return await open_sequencer(config, database)
        except _AWAY as problem:
            _log.warning("audit.not-opened", problem=type(problem).__name__)
            await _pause(stop, _ROUND_SECONDS)
    return None


async def open_sequencer(config: Settings, database: Database) -> Sequencer:
    """Return the sequencer of this node, its log begun and its key admitted."""
    async with database.transaction() as tx:
        state = await sequencing.begin_log(tx, origin=origin_of(config), at=utc_now())
        signer = log_key(config, state.origin)
        await sequencing.admit_signer(tx, signer=signer, at=utc_now())
    return Sequencer(database, signer, folder_of(config))


async def sequence_for_ever(sequencer: Sequencer, database: Database, stop: asyncio.Event) -> None:
    """Run a round each second, and at once again while more is waiting."""
    while not stop.is_set():
        try:
            done = await sequencer.run_round(at=utc_now())
        except Exception as problem:  # a round that fails leaves nothing; the next one tries again
            _log.error(
                "audit.round-failed", problem=type(problem).__name__, frames=logs.where(problem)
            )
            await _tell(database, type(problem).__name__)
            done = None
        if done is not None and done.problem:
            _log.error("audit.checkpoint-not-published", problem=done.problem)
            await _tell(database, done.problem)
        if done is None or not done.is_full:
            await _pause(stop, _ROUND_SECONDS)


async def _tell(database: Database, problem: str) -> None:
    try:
        async with database.transaction() as tx:
            await tx.execute(log_store.PROBLEM, problem)
    except _AWAY:
        _log.warning("audit.database-away")


async def _beside(
    config: Settings, database: Database, stop: asyncio.Event, stamper: Stamper | None
) -> None:
    stamp_after = utc_now()
    while not stop.is_set():
        try:
            await adopt_spools(folder_of(config), database)
            await witnessing.ask_all(database)
            if stamper is not None and utc_now() >= stamp_after:
                stamp_after = utc_now() + _STAMP_AGAIN_AFTER
                await stamp_today(database, stamper, at=utc_now())
        except Exception as problem:
            _log.error(
                "audit.beside-failed", problem=type(problem).__name__, frames=logs.where(problem)
            )
        await _pause(stop, _BESIDE_SECONDS)


async def stamp_today(database: Database, stamper: Stamper, *, at: datetime) -> bool:
    """Have the newest checkpoint stamped unless today's is; return whether one was made.

    The hash of the token becomes an event, so the log itself holds it. Raises what the stamper
    raises, and BadStamp for an answer that does not fit.
    """
    day = at.date()
    async with database.reading() as tx:
        newest = await tx.connection.fetchrow(log_store.NEWEST_CHECKPOINT)
        if newest is None or await tx.value(log_store.HAS_STAMP, day):
            return False
    digest = hashlib.sha256(newest["note"].encode()).digest()
    token = await stamper(digest)
    stated = read_stamp(token, digest=digest)
    name = f"stamp/{day}/{newest['size']}/{hashlib.sha256(token).hexdigest()}"
    [row] = rows_of(Act(Actor.system("audit"), "C", "audit.stamp", at, None, [name]))
    async with database.transaction() as tx:
        await tx.execute(store.INSERT, *row)
        await tx.execute(log_store.PUT_STAMP, day, newest["size"], token, stated.at, row[0])
    return True


async def adopt_spools(folder: Path, database: Database) -> int:
    """Bring in the spools of processes that have ended; return how many rows that was."""
    count = 0
    for part in spool.orphans(folder):
        rows, is_whole = spool.read_rows(part.path, spool.key_of(folder))
        try:
            async with database.transaction() as tx:
                await writing.bring_in(tx, rows)
                if not is_whole:
                    act = Act(Actor.system("audit"), "E", "audit.spool_damaged", utc_now())
                    [row] = rows_of(act)
                    await tx.execute(store.INSERT, *row)
        except BaseException:
            part.abandon()
            raise
        if not is_whole:
            # Kept for whoever looks into it; the log says that it happened.
            part.path.with_suffix(".damaged").write_bytes(part.path.read_bytes())
        part.forget()
        count += len(rows)
    return count


async def backfill_for_ever(database: Database, own: Spool) -> None:
    """Bring in what this process spools, as soon as the table takes it; until cancelled."""
    while True:
        await asyncio.sleep(_SPOOL_SECONDS)
        try:
            if count := await writing.backfill(database, own):
                _log.info("audit.backfilled", count=count)
        except _AWAY as problem:
            _log.warning("audit.still-refused", problem=type(problem).__name__)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
