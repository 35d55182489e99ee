"""The board's page, its list of numbers, and the stream that says "look again"."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from yba.care.scheduling import service as scheduling
from yba.kernel.clock import utc_now
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import PUBLIC, Page, reading, render, state_of
from yba.surfaces.boards.feed import BoardFeed

_FEED = "boards.feed"
# A stream ends soon and the browser opens the next, so that the server can stop quickly.
_LIFE_SECONDS = 4.0


async def queue(request: Request) -> Response:
    """Show which number each room calls, and who is next; `room` and `department` choose rooms."""
    return await _board(request, "boards/queue.html")


async def numbers(request: Request) -> Response:
    """Answer the board itself: the numbers as they are now."""
    return await _board(request, "boards/queue_.html")


async def _board(request: Request, template: str) -> Response:
    wanted = request.query_params.getlist("room")
    departments = request.query_params.getlist("department")
    now = utc_now()
    async with reading(request) as tx:
        if departments:
            known = await scheduling.clinics(tx)
            # A department without rooms has an empty board, never everybody's.
            wanted += [one.clinic_id for one in known if one.department_code in departments] or [""]
        rooms = await scheduling.board(tx, at=now, clinic_ids=wanted or None)
    return render(request, template, rooms=rooms, now=now, query=request.url.query)


async def changes(request: Request) -> Response:
    """Stream one line per change; the board then asks for the numbers."""
    state = state_of(request)
    feed = state.extras.setdefault(_FEED, BoardFeed(state.database))
    if feed.is_full():
        return Response(status_code=204)

    async def lines() -> AsyncIterator[str]:
        ends = time.monotonic() + _LIFE_SECONDS
        # Whatever happened between two streams is told at the beginning of the next.
        yield "retry: 200\nevent: changed\ndata: \n\n"
        async with aclosing(feed.changes()) as changes:
            async for changed in changes:
                yield "event: changed\ndata: \n\n" if changed else ": here\n\n"
                if time.monotonic() > ends:
                    return

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(lines(), media_type="text/event-stream", headers=headers)


NAVIGATION = [NavigationItem(N_("Queue board"), "boards:queue", "boards.read", "layout-list", "b")]

PAGES = [
    Page("/boards/queue", queue, "boards:queue", PUBLIC),
    Page("/boards/queue/numbers", numbers, "boards:numbers", PUBLIC),
    Page("/boards/queue/changes", changes, "boards:changes", PUBLIC),
]
