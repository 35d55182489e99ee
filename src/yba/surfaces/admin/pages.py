"""Health of this node and its accounts, on one page."""

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.model import ROLE_NAMES
from yba.foundation.terminology import service as terminology
from yba.kernel.clock import utc_now
from yba.plumbing import outbox
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import Page, actor_of, form, reading, render, see_other, transaction

_PERMISSION = "admin.read"
_EDITIONS = 40


async def home(request: Request) -> Response:
    """Show what waits to be delivered, which code lists are loaded, who may sign in."""
    async with reading(request) as tx:
        return render(
            request,
            "admin/home.html",
            backlog=await outbox.backlog(tx),
            accounts=await accounts.all_accounts(tx),
            editions=await terminology.editions(tx, limit=_EDITIONS),
            role_names=ROLE_NAMES,
            now=utc_now(),
        )


async def disable(request: Request) -> Response:
    """Cut an account off at once."""
    await form(request)
    async with transaction(request) as tx:
        await accounts.disable(
            tx,
            actor=actor_of(request),
            account_id=request.path_params["account_id"],
            at=utc_now(),
        )
    return see_other(request, "admin:home")


NAVIGATION = [NavigationItem(N_("Administration"), "admin:home", _PERMISSION, "settings", "z")]

PAGES = [
    Page("/admin", home, "admin:home", _PERMISSION),
    Page(
        "/admin/accounts/{account_id}/disable",
        disable,
        "admin:disable",
        "admin.write",
        methods=("POST",),
    ),
]
