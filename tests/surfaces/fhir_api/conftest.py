"""A FHIR base over a real database, spoken to in process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests import copies

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
DOCTOR_TOKEN, PROGRAM_TOKEN = "doctor-of-k01", "program"
_KNOWN = {
    DOCTOR_TOKEN: Actor(
        "doctor", "Doctor", roles=frozenset({"doctor"}), departments=frozenset({"K01"}),
        permissions=frozenset({"fhir.read"}),
    ),
    PROGRAM_TOKEN: Actor(
        "program", "Program", roles=frozenset({"api"}), permissions=frozenset({"fhir.*"}),
        client_id="program",
    ),
}  # fmt: skip


async def _who(token: str) -> Actor | None:
    if token == TOKEN:
        return Actor.system("fhir-test")
    if token == "reader":
        return Actor(
            "reader", "Reader", roles=frozenset({"api"}), permissions=frozenset({"fhir.read"})
        )
    return _KNOWN.get(token)


@asynccontextmanager
async def serving(database: Database, folder: Path) -> AsyncGenerator[FhirApp]:
    """Serve a FHIR base that reads dates without a zone in UTC."""
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
    record_settings.put_zone(before)


@asynccontextmanager
async def speaking(app: FhirApp) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client that may do anything."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),  # type: ignore[arg-type]
        base_url=BASE,
        headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/fhir+json"},
        timeout=300,
    ) as client:
        yield client


@pytest.fixture(scope="package")
async def database(server: str, shipped: str) -> AsyncGenerator[Database]:
    """Yield one database for all files of this folder: the application starts once."""
    async with copies.copied(server, shipped) as database:
        yield database


@pytest.fixture(scope="package")
async def fhir(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[FhirApp]:
    """Yield the FHIR base of this test process."""
    async with serving(database, tmp_path_factory.mktemp("fhir")) as app:
        yield app


@pytest.fixture
async def client(fhir: FhirApp) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a client that may do anything."""
    async with speaking(fhir) as client:
        yield client
