"""What she was told, and where she wants e-mail."""

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.notices import service as notices
from yba.foundation.notices.errors import NotAnAddress
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx
from yba.plumbing.web import Page, form, language_of, see_other, transaction
from yba.surfaces.citizen.pages.subject import PERMISSION, own, show

_MOST = 100


async def _page(request: Request, tx: Tx, refusal: Refusal | None = None) -> Response:
    herself = own(request)
    found = await notices.notices_of(tx, actor=herself.actor, limit=_MOST)
    if found:
        await notices.mark_read(tx, actor=herself.actor, up_to=found[0].notice_id, at=utc_now())
    return await show(
        request, tx, "citizen/notices.html", herself, status=refusal.status if refusal else 200,
        part="profile", refusal=refusal, notices=found,
        email=await notices.address_of(tx, actor=herself.actor),
    )  # fmt: skip


async def told(request: Request) -> Response:
    """Show the messages, newest first; what is shown counts as read."""
    async with transaction(request) as tx:
        return await _page(request, tx)


async def set_address(request: Request) -> Response:
    """Keep (or forget) her e-mail address."""
    fields = await form(request)
    try:
        async with transaction(request) as tx:
            await notices.set_address(
                tx, actor=own(request).actor, email=fields.get("email", ""),
                language=language_of(request), at=utc_now(),
            )  # fmt: skip
    except NotAnAddress as refusal:
        async with transaction(request) as tx:
            return await _page(request, tx, refusal)
    return see_other(request, "citizen:notices")


PAGES = [
    Page("/me/notices", told, "citizen:notices", PERMISSION),
    Page("/me/notices", set_address, "citizen:set_address", PERMISSION, methods=("POST",)),
]
