"""The bench: what waits, entering values, a second person's look, release."""

from starlette.requests import Request
from starlette.responses import Response

from yba.care.laboratory import service
from yba.care.laboratory.model import EnteredValue, RequestState
from yba.foundation.accounts import service as accounts
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import Page, actor_of, form, render, see_other, transaction

_OPEN = (
    RequestState.ORDERED,
    RequestState.COLLECTED,
    RequestState.ENTERED,
    RequestState.VERIFIED,
)
_FIELD = "value."


async def worklist(request: Request) -> Response:
    """Show what waits at the bench, urgent first."""
    async with transaction(request) as tx:
        pending = await service.pending(
            tx, actor=actor_of(request), states=_OPEN, limit=200, at=utc_now()
        )
    template = "laboratory/worklist_.html" if request.query_params.get("part") else None
    return render(request, template or "laboratory/worklist.html", pending=pending)


async def request_page(request: Request) -> Response:
    """Show one request with its indices, to collect, enter, verify or release."""
    return await _request(request)


async def _request(
    request: Request, *, typed: dict[str, str] | None = None, refusal: Refusal | None = None
) -> Response:
    async with transaction(request) as tx:
        view = await service.request(
            tx,
            actor=actor_of(request),
            request_id=request.path_params["request_id"],
            at=utc_now(),
        )
        names = {
            account_id: (await accounts.account(tx, account_id=account_id)).name
            for account_id in {view.request.entered_by, view.request.verified_by} - {""}
        }
    return render(
        request,
        "laboratory/request.html",
        status=refusal.status if refusal else 200,
        wanted=view.request,
        indices=view.indices,
        results={result.index_code: result for result in view.results},
        names=names,
        typed=typed or {},
        refusal=refusal,
        errors=refusal.fields if refusal else {},
    )


async def collect(request: Request) -> Response:
    """The specimen was taken; it has a number now."""
    request_id = request.path_params["request_id"]
    async with transaction(request) as tx:
        await service.collect(tx, actor=actor_of(request), request_id=request_id, at=utc_now())
    return see_other(request, "laboratory:request", request_id=request_id)


async def enter(request: Request) -> Response:
    """Enter the values of the bench."""
    request_id = request.path_params["request_id"]
    fields = await form(request)
    typed = {
        name.removeprefix(_FIELD): value
        for name, value in fields.items()
        if name.startswith(_FIELD)
    }
    values = [EnteredValue(index_code=code, value=value) for code, value in typed.items() if value]
    try:
        async with transaction(request) as tx:
            await service.enter_result(
                tx, actor=actor_of(request), request_id=request_id, values=values, at=utc_now()
            )
    except Refusal as refusal:
        if refusal.status not in (409, 422):
            raise
        return await _request(request, typed=typed, refusal=refusal)
    return see_other(request, "laboratory:request", request_id=request_id)


async def verify(request: Request) -> Response:
    """A second person has looked at the values."""
    request_id = request.path_params["request_id"]
    try:
        async with transaction(request) as tx:
            await service.verify_result(
                tx, actor=actor_of(request), request_id=request_id, at=utc_now()
            )
    except Refusal as refusal:
        if refusal.status != 409:
            raise
        return await _request(request, refusal=refusal)
    return see_other(request, "laboratory:request", request_id=request_id)


async def release(request: Request) -> Response:
    """Release the results to the patient's record."""
    request_id = request.path_params["request_id"]
    try:
        async with transaction(request) as tx:
            await service.release_result(
                tx, actor=actor_of(request), request_id=request_id, at=utc_now()
            )
    except Refusal as refusal:
        if refusal.status != 409:
            raise
        return await _request(request, refusal=refusal)
    return see_other(request, "laboratory:worklist")


NAVIGATION = [
    NavigationItem(N_("Laboratory"), "laboratory:worklist", "laboratory.collect", "microscope", "b")
]
_ONE = "/laboratory/requests/{request_id}"

PAGES = [
    Page("/laboratory", worklist, "laboratory:worklist", "laboratory.read"),
    Page(_ONE, request_page, "laboratory:request", "laboratory.read"),
    Page(_ONE + "/collect", collect, "laboratory:collect", "laboratory.collect", methods=("POST",)),
    Page(_ONE + "/enter", enter, "laboratory:enter", "laboratory.enter", methods=("POST",)),
    Page(_ONE + "/verify", verify, "laboratory:verify", "laboratory.verify", methods=("POST",)),
    Page(_ONE + "/release", release, "laboratory:release", "laboratory.release", methods=("POST",)),
]
