"""What the worker does for the FHIR base: bulk jobs, telling subscribers, filing again."""

from __future__ import annotations

import asyncio

from yba.foundation.record import reindexing
from yba.foundation.record.bulk import working
from yba.foundation.record.bulk.importing import Importer
from yba.foundation.record.bulk.working import BulkWorker
from yba.foundation.record.subscriptions.sending import Sender
from yba.foundation.record.subscriptions.working import SubscriptionWorker
from yba.kernel.clock import utc_now
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings
from yba.surfaces.fhir_api import bulk, subsetting


def bulk_worker(config: Settings, database: Database) -> BulkWorker:
    """Return who runs the bulk jobs of this node."""
    return BulkWorker(
        database,
        folder=config.data_dir / bulk.FOLDER,
        base=config.base_url + "/fhir",
        file_bytes=config.export_file_bytes,
        subset=lambda body, elements: subsetting.subset(body, elements, ""),
        clock=utc_now,
        importing=importer(config),
    )


def importer(config: Settings) -> Importer:
    """Return who reads the sources of imports."""
    return Importer(config.data_dir / "inbox", config.import_from)


def subscription_worker(config: Settings, database: Database) -> SubscriptionWorker:
    """Return who tells the subscribers of this node."""
    sender = Sender(config.notify_private, config.smtp_url, config.mail_from)
    return SubscriptionWorker(database, config.base_url + "/fhir", sender, utc_now)


async def work(config: Settings, database: Database, stop: asyncio.Event) -> None:
    """Run bulk jobs, tell subscribers and file again until `stop`."""
    subscriptions = subscription_worker(config, database)
    try:
        await asyncio.gather(
            working.run_for_ever(bulk_worker(config, database), stop),
            subscriptions.run_for_ever(stop),
            reindexing.run_for_ever(database, stop, utc_now),
        )
    finally:
        await subscriptions.sender.close()
