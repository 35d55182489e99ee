"""What the worker does for documents: seal what waits for the seal, and make proofs last.

A document is sealed when every person before the seal has signed. Then, and
after every later change, evidence about all its certificates and a time
stamp over everything are added (PAdES B-LTA). If an authority does not
answer, the document stays as it is, marked with the reason, and is looked
at again; a stamp is renewed 90 days before its authority's certificate ends.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import anyio.to_thread
import structlog

from yba.care.documents import basket, keeping, store
from yba.care.documents.basket import Chosen
from yba.care.documents.service import Archive, archive_from
from yba.foundation.signing import service as signatures
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings

_log = structlog.get_logger(__name__)
_AT_ONCE = 20
_PAUSE_SECONDS = 5.0
_LONGEST_WAIT = timedelta(hours=6)
_RENEW_BEFORE = timedelta(days=90)


async def work(config: Settings, database: Database, stop: asyncio.Event) -> None:
    """Seal and prolong until `stop` is set."""
    archive = await anyio.to_thread.run_sync(
        partial(archive_from, config, BlobStore(config.blob_dir), at=utc_now())
    )
    while not stop.is_set():
        try:
            busy = await seal_waiting(database, archive=archive, at=utc_now())
            busy += await prolong_due(database, archive=archive, at=utc_now())
        except Exception as error:
            _log.error("documents.job_failed", exc_info=error)
            busy = 0
        if not busy:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PAUSE_SECONDS)


async def seal_waiting(database: Database, *, archive: Archive, at: datetime) -> int:
    """Put the organisation's seal under what waits for it; return how many were sealed."""
    async with database.reading() as tx:
        waiting = await signatures.waiting_seals(tx, limit=_AT_ONCE)
    if not waiting:
        return 0
    actor = Actor.system("seal")
    chosen = [Chosen(one.request_id, one.position) for one in waiting]
    try:
        outcomes = await basket.seal(database, archive=archive, actor=actor, chosen=chosen, at=at)
    except Refusal as refusal:
        _log.warning("documents.not_sealed", code=refusal.code)
        return 0
    for outcome in outcomes:
        if outcome.refusal is not None:
            _log.warning("documents.not_sealed", code=outcome.refusal.code)
    return sum(outcome.document is not None for outcome in outcomes)


async def prolong_due(database: Database, *, archive: Archive, at: datetime) -> int:
    """Bring documents that are due nearer to B-LTA; return how many were looked at."""
    if archive.signing.timestamper is None:
        return 0
    looked = 0
    for _ in range(_AT_ONCE):
        async with database.transaction() as tx:
            due = await store.lasting_due(tx, at=at, limit=1)
            if not due:
                break
            looked += 1
            await _prolong(tx, archive, due[0], at)
    return looked


async def _prolong(tx: store.Tx, archive: Archive, due: store.Lasting, at: datetime) -> None:
    document = await store.document(tx, due.document_id)
    if document is None:
        return
    content = await anyio.to_thread.run_sync(archive.blobs.get, document.sha256)
    made = await signatures.prolong(archive.signing, content, at=at)
    # What brought nothing further is not kept: it would only let the file grow.
    if made.stamped_until is not None or made.level != due.level:
        await keeping.revise(
            tx,
            archive=archive,
            actor=Actor.system("signing"),
            document=document,
            content=made.content,
            what="renewal" if due.level == "B-LTA" else "evidence",
            level=made.level,
            stamped_until=made.stamped_until,
            at=at,
        )
    wait = min(timedelta(minutes=1) * 2**due.attempts, _LONGEST_WAIT)
    due_at = at + wait
    if not made.why and made.stamped_until is not None:
        due_at = max(made.stamped_until - _RENEW_BEFORE, at + timedelta(days=1))
    await store.lasting_reached(
        tx, document_id=due.document_id, level=made.level, due_at=due_at, why=made.why
    )
