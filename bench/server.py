"""The server under test: the FHIR base alone, and one answer from memory beside it."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

from bench.client import TOKEN
from yba.foundation.audit import writing
from yba.foundation.record import service
from yba.kernel.actor import Actor
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings
from yba.plumbing.web import AppState
from yba.surfaces.fhir_api.application import fhir_app
from yba.surfaces.fhir_api.exchange import Exchange

_ACTOR = Actor.system("bench")


async def _who(token: str) -> Actor | None:
    return _ACTOR if token == TOKEN else None


async def _no_audit(tx: object, acts: object) -> None:
    """Stand in for writing traces. Only here: the product has no such switch."""


def create() -> Any:
    """Return the ASGI application (called by granian in each worker)."""
    if os.environ.get("BENCH_AUDIT") == "off":
        writing.write = _no_audit
    service.set_zone("UTC")
    dsn = os.environ["BENCH_DSN"]
    folder = Path(os.environ["BENCH_DIR"])
    body = (folder / "memory.json").read_bytes()
    state = AppState(
        settings=Settings(data_dir=folder, secret=b"bench", base_url=os.environ["BENCH_URL"]),
        database=Database(dsn, connections=8),
        blobs=BlobStore(folder),
        catalogs=None,  # type: ignore[arg-type]
    )
    fhir = fhir_app(state, authenticate=_who)
    headers = [(b"etag", b'W/"1"'), (b"last-modified", b"Sun, 22 Nov 2026 20:00:00 GMT")]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                if message["type"] == "lifespan.startup":
                    gc.collect()
                    gc.freeze()
                    gc.set_threshold(50_000, 50, 100)
                    await send({"type": "lifespan.startup.complete"})
                else:
                    await fhir.close()
                    await send({"type": "lifespan.shutdown.complete"})
                    return
        elif scope["path"].startswith("/memory"):
            exchange = Exchange(scope, receive, send, root="/memory", body_limit=1)
            await exchange.answer(200, body, headers)
        else:
            await fhir(scope, receive, send)

    return application
