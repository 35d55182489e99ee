"""The one list: which pages, listeners, shipped data and machines make up a node."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import cache, wraps

from starlette.requests import Request
from starlette.responses import Response

from yba.app import auditing
from yba.app.claiming import ClaimWriter
from yba.app.leaving import CertificateEnder
from yba.care.archive import listeners as archiving
from yba.care.archive import pages as archive
from yba.care.archive import service as archive_service
from yba.care.archive.events import RecordDestroyed
from yba.care.documents import jobs as documents_jobs
from yba.care.documents import pages as documents
from yba.care.documents import service as documents_service
from yba.care.documents.events import DocumentSigned
from yba.care.documents.listeners import Basket
from yba.care.encounters.events import (
    VisitCancelled,
    VisitClosed,
    VisitOpened,
    VisitReopened,
    VisitStarted,
    VisitTransferred,
)
from yba.care.laboratory import listeners as laboratory_listeners
from yba.care.laboratory import pages as laboratory
from yba.care.laboratory.events import ResultReleased
from yba.care.orders.events import (
    OrderCancelled,
    OrderPlaced,
    PrescriptionCancelled,
    PrescriptionIssued,
)
from yba.foundation.access import pages as access_pages
from yba.foundation.accounts import jobs as accounts_jobs
from yba.foundation.accounts import pages as accounts_pages
from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.events import AccountDisabled
from yba.foundation.audit import endpoints as audit_endpoints
from yba.foundation.authorization import endpoints as authorization_endpoints
from yba.foundation.authorization import jobs as authorization_jobs
from yba.foundation.authorization import service as authorization
from yba.foundation.authorization.events import ProgramDisabled
from yba.foundation.consent import jobs as consent_jobs
from yba.foundation.notices.events import NoticeWaits
from yba.foundation.notices.service import Mailer
from yba.foundation.record import service as record
from yba.foundation.record.subscriptions import ending as subscriptions
from yba.foundation.signing import agent_endpoints
from yba.foundation.signing import endpoints as signing_endpoints
from yba.foundation.signing import service as signing
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.money.charging import listeners as charging
from yba.money.charging import pages as cashier
from yba.money.insurance import pages as claims
from yba.money.payments import endpoints as bank
from yba.money.payments import pages as payments
from yba.money.payments.events import BillPaid
from yba.plumbing import outbox
from yba.plumbing.blobs import BlobStore
from yba.plumbing.database import Tx
from yba.plumbing.html import assets, preferences
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.settings import Settings
from yba.plumbing.web import AppState, Page, state_of
from yba.surfaces.admin import pages as admin
from yba.surfaces.boards import pages as boards
from yba.surfaces.chart import pages as chart
from yba.surfaces.citizen import covering
from yba.surfaces.citizen import pages as citizen
from yba.surfaces.desk import pages as desk
from yba.surfaces.fhir_api import jobs as fhir_jobs
from yba.surfaces.fhir_api.application import FhirApp, fhir_app
from yba.surfaces.fhir_api.callers import CHANNEL
from yba.surfaces.inbox import pages as inbox
from yba.surfaces.privacy import pages as privacy
from yba.surfaces.programs import pages as programs
from yba.surfaces.watch import pages as watch

# The first that a person has decides where she lands after signing in.
HOME_OF_ROLE: tuple[tuple[str, str], ...] = (
    ("receptionist", "desk:home"),
    ("doctor", "chart:queue"),
    ("nurse", "chart:queue"),
    ("head", "chart:queue"),
    ("visitor", "chart:queue"),
    ("laboratory", "laboratory:worklist"),
    ("cashier", "cashier:home"),
    ("archivist", "archive:home"),
    ("privacy", "watch:home"),
    ("citizen", "citizen:home"),
    ("administrator", "admin:home"),
    ("pharmacist", "inbox:home"),
)

_SCREENS = (
    desk,
    boards,
    chart,
    laboratory,
    documents,
    inbox,
    archive,
    cashier,
    payments,
    bank,
    claims,
    citizen,
    access_pages,
    admin,
    programs,
    privacy,
    watch,
)
# Here sessions, accounts and programs end.
_CUTTING_OFF = (admin, programs)


# What the worker runs beside the delivery of events.
JOBS = (
    accounts_jobs.work,
    authorization_jobs.work,
    auditing.work,
    fhir_jobs.work,
    documents_jobs.work,
    consent_jobs.work,
)


def pages() -> list[Page]:
    """Return every page of the program."""
    return [
        *assets.PAGES,
        *preferences.PAGES,
        *map(_forgetting, accounts_pages.PAGES),
        *authorization_endpoints.PAGES,
        *audit_endpoints.PAGES,
        *signing_endpoints.PAGES,
        *agent_endpoints.PAGES,
        *(page for screen in _SCREENS if screen not in _CUTTING_OFF for page in screen.PAGES),
        *(_forgetting(page) for screen in _CUTTING_OFF for page in screen.PAGES),
    ]


def _forgetting(page: Page) -> Page:
    """Let a page that may cut somebody off show it at once to who asks this process next.

    Other processes hear it from the database a moment later.
    """
    if page.methods == ("GET",):
        return page

    @wraps(page.endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await page.endpoint(request)
        finally:
            state_of(request).extras["forget_callers"]()

    return replace(page, endpoint=answer)


def navigation() -> list[NavigationItem]:
    """Return the entries of the top bar."""
    return [item for screen in _SCREENS for item in getattr(screen, "NAVIGATION", ())]


def subscribe(config: Settings) -> None:
    """Connect each event to those who wait for it."""
    keys = cache(lambda: signing.signing_from(config, at=utc_now()))
    basket = Basket(documents_service.facility_of(config))
    writer = ClaimWriter(config.data_dir / "claims", keys)
    outbox.subscribe(AccountDisabled, CertificateEnder(keys).follow)
    outbox.subscribe(ProgramDisabled, subscriptions.end_with_program)
    outbox.subscribe(VisitClosed, writer.issue)
    outbox.subscribe(VisitClosed, basket.visit_closed)
    outbox.subscribe(VisitReopened, basket.visit_reopened)
    outbox.subscribe(ResultReleased, basket.result_released)
    outbox.subscribe(BillPaid, writer.issue)
    outbox.subscribe(VisitOpened, archiving.begin)
    outbox.subscribe(VisitStarted, archiving.start)
    outbox.subscribe(VisitReopened, archiving.reopen)
    outbox.subscribe(VisitCancelled, archiving.cancel)
    outbox.subscribe(DocumentSigned, archiving.receive_paper)
    outbox.subscribe(RecordDestroyed, archiving.remove_files(BlobStore(config.blob_dir)))
    outbox.subscribe(NoticeWaits, Mailer(config).announce)
    outbox.subscribe(VisitClosed, covering.follow_visit)
    outbox.subscribe(OrderPlaced, covering.follow_order)
    outbox.subscribe(ResultReleased, covering.follow_result)
    outbox.subscribe(DocumentSigned, covering.follow_document)
    outbox.subscribe(PrescriptionIssued, covering.follow_prescription)
    outbox.subscribe(VisitOpened, charging.charge_examination)
    outbox.subscribe(VisitCancelled, charging.reverse_visit)
    outbox.subscribe(VisitTransferred, charging.follow_transfer)
    outbox.subscribe(OrderPlaced, charging.charge_orders)
    outbox.subscribe(OrderCancelled, charging.reverse_order)
    outbox.subscribe(OrderPlaced, laboratory_listeners.receive_orders)
    outbox.subscribe(OrderCancelled, laboratory_listeners.drop_order)
    outbox.subscribe(PrescriptionIssued, charging.charge_prescription)
    outbox.subscribe(PrescriptionCancelled, charging.reverse_prescription)
    # After charging, which makes the cost that the check-in tells of.
    outbox.subscribe(VisitOpened, writer.check_in)
    outbox.subscribe(OrderPlaced, writer.check_in)


def fhir(state: AppState) -> FhirApp:
    """Return the FHIR base; it asks for a bearer token."""

    audience = state.settings.base_url + "/fhir"

    async def authenticate(token: str) -> Actor | None:
        async with state.database.borrow() as connection:
            if token.startswith(authorization.ACCESS_PREFIX):
                return await authorization.recognise(
                    Tx(connection), token=token, audience=audience, at=utc_now()
                )
            return await accounts.recognise(
                Tx(connection), token=token, kind="bearer", at=utc_now()
            )

    return fhir_app(state, authenticate=authenticate)


async def _hear(state: AppState, base: FhirApp) -> None:
    """Forget whom a token showed as soon as any process ends one; learn of new programs."""
    async for _, account_id in state.database.listen(CHANNEL):
        base.callers.forget(account_id)
        async with state.database.reading() as tx:
            state.extras["program_origins"] = await authorization.origins(tx)


def _configure_accounts(config: Settings) -> None:
    """Say what this installation asks of those who sign in."""
    accounts.configure(
        policy=accounts.Policy(
            second_factor=frozenset(config.second_factor),
            idle=timedelta(minutes=config.session_idle_minutes),
        ),
        key=accounts.key_from(config.secret),
        leaked=accounts.LeakedList(config.data_dir / "leaked-passwords"),
    )


@asynccontextmanager
async def running(state: AppState) -> AsyncGenerator[FhirApp]:
    """Keep alive what runs beside the requests of one process."""
    record.asks(archive_service.closed_for_good)
    record.set_zone(state.settings.zoneless_dates_in)
    record.file_content(on=state.settings.full_text)
    _configure_accounts(state.settings)
    # The first use of an installation makes keys; no request should wait for that.
    await asyncio.to_thread(signing.open_at_start, state, utc_now)
    base = fhir(state)
    state.extras["forget_callers"] = base.callers.forget
    hearing = asyncio.create_task(_hear(state, base))
    try:
        async with auditing.spooling(state):
            yield base
    finally:
        record.asks(None)
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        await base.close()
