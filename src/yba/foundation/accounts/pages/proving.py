"""Proving oneself again, before what asks for it; what was entered is kept meanwhile."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from yba.foundation.accounts import passkeys, service
from yba.foundation.accounts.pages import browser
from yba.foundation.accounts.pages.entering import answer_in
from yba.kernel.address import address_parts
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.web import (
    SIGNED_IN,
    Page,
    actor_of,
    form,
    is_fragment,
    path_here,
    reading,
    render,
    state_of,
    transaction,
    url,
)

_KEPT = "kept:"


async def ask_for_proof(request: Request) -> Response:
    """Answer a request that was refused for want of a fresh proof: ask, and keep its form."""
    if is_fragment(request):
        page = address_parts(request.headers.get("hx-current-url", "")).path
        target = f"{url(request, 'accounts:prove')}?next={quote(path_here(page))}"
        return Response(status_code=204, headers={"HX-Redirect": target})
    sent: list[tuple[str, str]] = request.scope.get("yba.form", [])
    is_form = request.method == "POST"
    return await _form(
        request,
        None,
        target=path_here(request.url.path) if not is_form else "/",
        then=path_here(request.url.path) if is_form else "",
        kept=sent if is_form else [],
        status=403,
    )


async def prove_form(request: Request) -> Response:
    """Show the page."""
    return await _form(request, None, target=path_here(request.query_params.get("next")))


async def _form(
    request: Request,
    refusal: Refusal | None,
    *,
    target: str,
    then: str = "",
    kept: list[tuple[str, str]] | None = None,
    status: int = 200,
) -> Response:
    actor = actor_of(request)
    async with reading(request) as tx:
        known = await service.factors_of(tx, account_id=actor.account_id)
    return render(
        request,
        "accounts/prove.html",
        status=refusal.status if refusal else status,
        refusal=refusal,
        next=target,
        then=then,
        kept=kept or [],
        factors=known,
    )


async def prove(request: Request) -> Response:
    """Check the proof, give the session a new token, and go on where it was asked for."""
    fields = await form(request)
    sent: list[tuple[str, str]] = request.scope["yba.form"]
    kept = [(name.removeprefix(_KEPT), text) for name, text in sent if name.startswith(_KEPT)]
    target, then = path_here(fields.get("next")), fields.get("then", "")
    try:
        token = await _proven(request, fields)
    except Refusal as refusal:
        return await _form(request, refusal, target=target, then=then, kept=kept)
    if not then:
        response: Response = RedirectResponse(target, status_code=303)
    else:
        response = render(request, "accounts/proven.html", then=path_here(then), kept=kept)
    return browser.with_session(request, response, token)


async def _proven(request: Request, fields: Mapping[str, str]) -> str:
    actor, token = actor_of(request), browser.session_token(request)
    client = browser.client_of(request)
    if fields.get("answer"):
        return await service.prove_by_passkey(
            state_of(request).database,
            token=token,
            actor=actor,
            answer=answer_in(fields),
            site=browser.site_of(request),
            holder=browser.ceremony_of(request),
            at=utc_now(),
            client=client,
        )
    return await service.prove(
        state_of(request).database,
        token=token,
        actor=actor,
        secret=fields.get("secret", ""),
        at=utc_now(),
        client=client,
    )


async def prove_options(request: Request) -> Response:
    """Tell the browser what one of the person's own devices must sign."""
    holder = passkeys.new_holder()
    async with transaction(request) as tx:
        options = await passkeys.options_to_prove(
            tx,
            site=browser.site_of(request),
            holder=holder,
            at=utc_now(),
            account_id=actor_of(request).account_id,
        )
    return browser.with_ceremony(request, JSONResponse(options), holder)


PAGES = [
    Page("/prove", prove_form, "accounts:prove", SIGNED_IN),
    Page("/prove", prove, "accounts:prove_now", SIGNED_IN, methods=("POST",)),
    Page("/prove/options", prove_options, "accounts:prove_options", SIGNED_IN, methods=("POST",)),
]
