"""The one list: which pages, listeners, shipped data and machines make up a node."""

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from yba.foundation.accounts import pages as accounts_pages
from yba.plumbing.html import assets, preferences
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.web import AppState, Page

Asgi = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]

# The first that a person has decides where she lands after signing in.
HOME_OF_ROLE: tuple[tuple[str, str], ...] = ()


def pages() -> list[Page]:
    """Return every page of the program."""
    return [*assets.PAGES, *preferences.PAGES, *accounts_pages.PAGES]


def navigation() -> list[NavigationItem]:
    """Return the entries of the top bar."""
    return []


def subscribe() -> None:
    """Connect each event to those who wait for it."""


def fhir(state: AppState) -> Asgi:
    """Return the FHIR base."""
    raise NotImplementedError


@asynccontextmanager
async def running(state: AppState) -> AsyncGenerator[None]:
    """Keep alive what runs beside the requests of one process."""
    yield
