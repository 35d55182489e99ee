"""A FHIR base over a real database, spoken to in process."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from yba.foundation.record import service
from yba.foundation.record import settings as record_settings
from yba.kernel.actor import Actor
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Database
from yba.plumbing.settings import Settings
from yba.plumbing.web import AppState
from yba.surfaces.fhir_api.application import FhirApp, fhir_app

BASE = "http://127.0.0.1:8080/fhir"
TOKEN = "test-token"


async def _who(token: str) -> Actor | None:
    if token == TOKEN:
        return Actor.system("fhir-test")
    if token == "reader":
        return Actor("reader", "Reader", permissions=frozenset({"fhir.read"}))
    return None


@pytest.fixture(scope="session")
async def fhir(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[FhirApp]:
    """Yield a FHIR base that reads dates without a zone in UTC."""
    folder: Path = tmp_path_factory.mktemp("fhir")
    state = AppState(
        settings=Settings(data_dir=folder, secret=b"only for tests", body_limit=16 * 1024 * 1024),
        database=database,
        blobs=BlobStore(folder),
        catalogs=None,  # type: ignore[arg-type]
    )
    before = record_settings.zone()
    service.set_zone("UTC")
    app = fhir_app(state, authenticate=_who)
    yield app
    await app.close()
    record_settings._process.zone = before


@pytest.fixture
async def client(fhir: FhirApp) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client that may do anything."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=fhir),  # type: ignore[arg-type]
        base_url=BASE,
        headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/fhir+json"},
        timeout=120,
    ) as client:
        yield client
