"""What the worker does for the FHIR base: bulk jobs."""

from __future__ import annotations

import asyncio

from yba.foundation.record.bulk import working
from yba.foundation.record.bulk.working import BulkWorker
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
    )


async def work(config: Settings, database: Database, stop: asyncio.Event) -> None:
    """Run bulk jobs until `stop`."""
    await working.run_for_ever(bulk_worker(config, database), stop)
