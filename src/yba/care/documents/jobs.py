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
from yba.care.documents.errors import DocumentNotFound
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
    """Seal and prolong until `stop` is set; what stops one does not stop the other."""
    archive = await anyio.to_thread.run_sync(
        partial(archive_from, config, BlobStore(config.blob_dir), at=utc_now())
    )
    while not stop.is_set():
        busy = 0
        for job in (seal_waiting, prolong_due):
            try:
                busy += await job(database, archive=archive, at=utc_now())
            except Exception as error:
                _log.error("documents.job_failed", exc_info=error)
        if not busy:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PAUSE_SECONDS)


async def seal_waiting(database: Database, *, archive: Archive, at: datetime) -> int:
    """Put the organisation's seal under what waits for it; return how many were sealed.

    A paper that cannot be sealed rests for a while, marked with the reason,
    and keeps no other paper back. A seal that cannot sign at all (no key, a
    certificate out of force) is no paper's fault: all of them go on waiting.
    """
    async with database.reading() as tx:
        waiting = await signatures.waiting_seals(tx, at=at, limit=_AT_ONCE)
    chosen = [Chosen(one.request_id, one.position) for one in waiting]
    if not chosen:
        return 0
    try:
        return await _seal(database, archive, chosen, at)
    # One of them is at fault and nobody knows which: each has to go alone.
    except Exception as error:
        _log.warning("documents.sealed_one_by_one", error=type(error).__name__)
    return sum([await _seal_alone(database, archive, one, at) for one in chosen])


async def _seal_alone(database: Database, archive: Archive, one: Chosen, at: datetime) -> int:
    try:
        return await _seal(database, archive, [one], at)
    except Exception as error:
        await _postpone(database, one, _why(error), at)
        return 0


async def _seal(database: Database, archive: Archive, chosen: list[Chosen], at: datetime) -> int:
    actor = Actor.system("seal")
    try:
        outcomes = await basket.seal(database, archive=archive, actor=actor, chosen=chosen, at=at)
    except Refusal as refusal:
        _log.warning("documents.not_sealed", code=refusal.code)
        return 0
    for outcome in outcomes:
        if outcome.refusal is not None:
            await _postpone(database, outcome.chosen, _why(outcome.refusal), at)
    return sum(outcome.document is not None for outcome in outcomes)


async def _postpone(database: Database, one: Chosen, why: str, at: datetime) -> None:
    _log.warning("documents.not_sealed", code=why, request_id=one.request_id)
    async with database.transaction() as tx:
        await signatures.postpone(
            tx, request_id=one.request_id, position=one.position, why=why, at=at
        )


def _why(error: Exception) -> str:
    """Return a code for what went wrong; an exception's words may name a person."""
    return error.code if isinstance(error, Refusal) else f"failed: {type(error).__name__}"


async def prolong_due(database: Database, *, archive: Archive, at: datetime) -> int:
    """Bring documents that are due nearer to B-LTA; return how many were looked at.

    One that fails (its file is gone or damaged, or anything else) rests for a
    while, marked with the reason, and keeps no other document back.
    """
    if archive.signing.timestamper is None:
        return 0
    looked = 0
    for _ in range(_AT_ONCE):
        async with database.transaction() as tx:
            due = await store.lasting_due(tx, at=at, limit=1)
            if not due:
                break
            looked += 1
            await _prolong_or_mark(tx, archive, due[0], at)
    return looked


async def _prolong_or_mark(
    tx: store.Tx, archive: Archive, due: store.Lasting, at: datetime
) -> None:
    try:
        async with tx.connection.transaction():
            await _prolong(tx, archive, due, at)
    except Exception as error:
        why = _why(error)
        _log.warning("documents.not_prolonged", code=why, document_id=due.document_id)
        await store.lasting_reached(
            tx, document_id=due.document_id, level=due.level, due_at=at + _wait(due), why=why
        )


def _wait(due: store.Lasting) -> timedelta:
    """Return how long a document rests that did not come as far as it should."""
    return min(timedelta(minutes=1) * 2 ** min(due.attempts, 10), _LONGEST_WAIT)


async def _prolong(tx: store.Tx, archive: Archive, due: store.Lasting, at: datetime) -> None:
    document = await store.document(tx, due.document_id)
    if document is None:
        raise DocumentNotFound
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
    due_at = at + _wait(due)
    if not made.why and made.stamped_until is not None:
        due_at = max(made.stamped_until - _RENEW_BEFORE, at + timedelta(days=1))
    await store.lasting_reached(
        tx, document_id=due.document_id, level=made.level, due_at=due_at, why=made.why
    )
