"""Coming in with another's word, and linking it to one's account."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from yba.foundation.accounts import external, service
from yba.foundation.accounts.pages import browser
from yba.foundation.accounts.pages.entering import ask_second_factor, refused_sign_in
from yba.kernel.clock import utc_now
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing.web import (
    PUBLIC,
    SIGNED_IN,
    Page,
    actor_of,
    actor_or_none,
    form,
    path_here,
    see_other,
    state_of,
    transaction,
    url,
)


def provider_of(request: Request) -> external.Provider | None:
    """Return the provider that this installation trusts, if it trusts one."""
    settings = state_of(request).settings
    if not settings.oidc_issuer:
        return None
    return external.Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        settings.oidc_name,
        frozenset(settings.oidc_strong),
    )


def _trusted(request: Request) -> external.Provider:
    provider = provider_of(request)
    if provider is None:
        raise NotFound
    return provider


def _back(request: Request) -> str:
    return state_of(request).settings.base_url.rstrip("/") + url(request, "accounts:external_back")


async def _leave(request: Request, target: str, account_id: str | None) -> Response:
    provider = _trusted(request)
    metadata = await external.metadata_of(provider)
    async with transaction(request) as tx:
        place, state = await external.begin(
            tx,
            provider=provider,
            metadata=metadata,
            back=_back(request),
            target=target,
            at=utc_now(),
            account_id=account_id,
        )
    return browser.with_ceremony(request, RedirectResponse(place, status_code=303), state)


async def leave(request: Request) -> Response:
    """Send the browser to the provider."""
    fields = await form(request)
    try:
        return await _leave(request, path_here(fields.get("next")), None)
    except Refusal as refusal:
        return refused_sign_in(request, refusal, path_here(fields.get("next")))


async def link(request: Request) -> Response:
    """Send the browser to the provider, to link who comes back to the account signed in here."""
    await form(request)
    actor = actor_of(request)
    service.require_fresh(actor, at=utc_now())
    return await _leave(request, url(request, "accounts:security"), actor.account_id)


async def unlink(request: Request) -> Response:
    """Take the identity from the account."""
    fields = await form(request)
    actor, now = actor_of(request), utc_now()
    service.require_fresh(actor, at=now)
    async with transaction(request) as tx:
        await external.unlink(tx, actor=actor, issuer=fields.get("issuer", ""), at=now)
    return see_other(request, "accounts:security")


async def back(request: Request) -> Response:
    """Take the provider's answer: sign in, or link."""
    provider, asked, now = _trusted(request), request.query_params, utc_now()
    try:
        metadata = await external.metadata_of(provider)
        async with transaction(request) as tx:
            found = await external.answered(
                tx,
                provider=provider,
                metadata=metadata,
                back=_back(request),
                state=asked.get("state", ""),
                own_state=browser.ceremony_of(request),
                code=asked.get("code", ""),
                issuer=asked.get("iss"),
                at=now,
            )
        if found.account_id is not None:
            return await _linked(request, provider, found)
        async with transaction(request) as tx:
            done = await service.sign_in_from_elsewhere(
                tx,
                issuer=provider.issuer,
                subject=found.subject,
                methods=found.methods,
                at=now,
                client=browser.client_of(request),
            )
    except Refusal as refusal:
        return refused_sign_in(request, refusal, "/")
    if done.is_pending:
        return browser.with_pending(request, ask_second_factor(request, found.next), done.token)
    response = RedirectResponse(found.next, status_code=303)
    return browser.with_session(request, response, done.token, done.account_id)


async def _linked(
    request: Request, provider: external.Provider, found: external.Answered
) -> Response:
    """Link, if the browser still holds the session that asked for it."""
    actor = actor_or_none(request)
    if actor is None or actor.account_id != found.account_id:
        raise external.ExternalRefused
    async with transaction(request) as tx:
        await external.link(
            tx, actor=actor, issuer=provider.issuer, subject=found.subject, at=utc_now()
        )
    return see_other(request, "accounts:security")


PAGES = [
    Page("/sign-in/external", leave, "accounts:external", PUBLIC, methods=("POST",)),
    Page("/sign-in/external/back", back, "accounts:external_back", PUBLIC),
    Page("/account/security/external", link, "accounts:link", SIGNED_IN, methods=("POST",)),
    Page(
        "/account/security/external/remove", unlink, "accounts:unlink", SIGNED_IN, methods=("POST",)
    ),
]
