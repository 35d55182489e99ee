"""Health of this node, on one page."""

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.terminology import service as terminology
from yba.kernel.clock import utc_now
from yba.plumbing import outbox
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import Page, reading, render

_PERMISSION = "admin.read"
_EDITIONS = 40


async def home(request: Request) -> Response:
    """Show what waits to be delivered, which code lists are loaded."""
    async with reading(request) as tx:
        return render(
            request,
            "admin/home.html",
            backlog=await outbox.backlog(tx),
            editions=await terminology.editions(tx, limit=_EDITIONS),
            now=utc_now(),
        )


NAVIGATION = [NavigationItem(N_("Administration"), "admin:home", _PERMISSION, "settings", "z")]

PAGES = [
    Page("/admin", home, "admin:home", _PERMISSION),
]
