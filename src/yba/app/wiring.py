"""The one list: which pages, listeners, shipped data and machines make up a node."""

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from yba.care.encounters.events import VisitCancelled, VisitOpened
from yba.care.orders.events import (
    OrderCancelled,
    OrderPlaced,
    PrescriptionCancelled,
    PrescriptionIssued,
)
from yba.foundation.accounts import pages as accounts_pages
from yba.foundation.signing import endpoints as signing_endpoints
from yba.money.charging import listeners as charging
from yba.plumbing import outbox
from yba.plumbing.database import Database
from yba.plumbing.html import assets, preferences
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.settings import Settings
from yba.plumbing.web import AppState, Page
from yba.surfaces.desk import pages as desk

Asgi = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]

# The first that a person has decides where she lands after signing in.
HOME_OF_ROLE: tuple[tuple[str, str], ...] = (
    ("receptionist", "desk:home"),
    ("doctor", "chart:queue"),
    ("nurse", "chart:queue"),
    ("laboratory", "laboratory:worklist"),
    ("cashier", "cashier:home"),
    ("citizen", "citizen:home"),
    ("administrator", "admin:home"),
)

_SCREENS = (desk,)


def pages() -> list[Page]:
    """Return every page of the program."""
    return [
        *assets.PAGES,
        *preferences.PAGES,
        *accounts_pages.PAGES,
        *signing_endpoints.PAGES,
        *(page for screen in _SCREENS for page in screen.PAGES),
    ]


def navigation() -> list[NavigationItem]:
    """Return the entries of the top bar."""
    return [item for screen in _SCREENS for item in getattr(screen, "NAVIGATION", ())]


def subscribe() -> None:
    """Connect each event to those who wait for it."""
    outbox.subscribe(VisitOpened, charging.charge_examination)
    outbox.subscribe(VisitCancelled, charging.reverse_visit)
    outbox.subscribe(OrderPlaced, charging.charge_orders)
    outbox.subscribe(OrderCancelled, charging.reverse_order)
    outbox.subscribe(PrescriptionIssued, charging.charge_prescription)
    outbox.subscribe(PrescriptionCancelled, charging.reverse_prescription)


async def seed_demo(config: Settings, database: Database, at: datetime) -> None:
    """Add to the demo what only the composition root can join."""


def fhir(state: AppState) -> Asgi | None:
    """Return the FHIR base."""
    return None


@asynccontextmanager
async def running(state: AppState) -> AsyncGenerator[None]:
    """Keep alive what runs beside the requests of one process."""
    yield
