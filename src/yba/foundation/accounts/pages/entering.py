"""Coming in and going out: password, second factor, passkey, a citizen's first time."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from yba.foundation.accounts import passkeys, service
from yba.foundation.accounts.errors import PasskeyRefused
from yba.foundation.accounts.pages import browser
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.web import (
    PUBLIC,
    Page,
    actor_or_none,
    form,
    path_here,
    render,
    state_of,
    transaction,
    url,
)


async def sign_in_form(request: Request) -> Response:
    """Show the sign-in page, or go on if already signed in."""
    if actor_or_none(request) is not None:
        return RedirectResponse(path_here(request.query_params.get("next")), status_code=303)
    return _form(request, None, "", path_here(request.query_params.get("next")))


def _form(request: Request, refusal: Refusal | None, login: str, target: str) -> Response:
    settings = state_of(request).settings
    let_form_lead_to_provider(request)
    return render(
        request,
        "accounts/sign_in.html",
        status=refusal.status if refusal else 200,
        refusal=refusal,
        login=login,
        next=target,
        demo_logins=state_of(request).extras.get("demo_logins", ()),
        provider=settings.oidc_name if settings.oidc_issuer else "",
    )


def let_form_lead_to_provider(request: Request) -> None:
    """Allow the forms of this page to end at the provider that is trusted, if there is one."""
    issuer = urlsplit(state_of(request).settings.oidc_issuer)
    if issuer.netloc:
        request.scope["yba.form_action"] = f"{issuer.scheme}://{issuer.netloc}"


async def sign_in(request: Request) -> Response:
    """Check the password and open a session, or ask for the second factor."""
    fields = await form(request)
    login, target = fields.get("login", ""), path_here(fields.get("next"))
    try:
        done = await service.sign_in(
            state_of(request).database,
            login=login,
            password=fields.get("password", ""),
            at=utc_now(),
            client=browser.client_of(request),
        )
    except Refusal as refusal:
        return _form(request, refusal, login, target)
    if done.is_pending:
        response = _second_form(request, None, target)
        return browser.with_pending(request, response, done.token)
    response = RedirectResponse(target, status_code=303)
    return browser.with_session(request, response, done.token, done.account_id)


def refused_sign_in(request: Request, refusal: Refusal, target: str) -> Response:
    """Show the sign-in page again, with why it was refused."""
    return _form(request, refusal, "", target)


def ask_second_factor(request: Request, target: str) -> Response:
    """Show the page that asks for the second factor."""
    return _second_form(request, None, target)


def _second_form(request: Request, refusal: Refusal | None, target: str) -> Response:
    return render(
        request,
        "accounts/second_factor.html",
        status=refusal.status if refusal else 200,
        refusal=refusal,
        next=target,
    )


async def second_factor(request: Request) -> Response:
    """Check a one-time or recovery code and open the session."""
    fields = await form(request)
    target = path_here(fields.get("next"))
    try:
        done = await service.second_factor(
            state_of(request).database,
            token=browser.pending_token(request),
            code=fields.get("code", ""),
            at=utc_now(),
            client=browser.client_of(request),
        )
    except Refusal as refusal:
        if refusal.status == 404:
            return RedirectResponse(url(request, "accounts:sign_in"), status_code=303)
        return _second_form(request, refusal, target)
    response = RedirectResponse(target, status_code=303)
    return browser.with_session(request, response, done.token, done.account_id)


async def passkey_options(request: Request) -> Response:
    """Tell the browser what its device must sign; the device says whose key it has."""
    holder = passkeys.new_holder()
    async with transaction(request) as tx:
        options = await passkeys.options_to_prove(
            tx, site=browser.site_of(request), holder=holder, at=utc_now()
        )
    return browser.with_ceremony(request, JSONResponse(options), holder)


async def sign_in_by_passkey(request: Request) -> Response:
    """Open a session for whose device has signed."""
    fields = await form(request)
    target = path_here(fields.get("next"))
    try:
        done = await service.sign_in_by_passkey(
            state_of(request).database,
            answer=answer_in(fields),
            site=browser.site_of(request),
            holder=browser.ceremony_of(request),
            at=utc_now(),
            client=browser.client_of(request),
        )
    except Refusal as refusal:
        return _form(request, refusal, "", target)
    response = RedirectResponse(target, status_code=303)
    return browser.with_session(request, response, done.token, done.account_id)


def answer_in(fields: Mapping[str, str]) -> Mapping[str, Any]:
    """Return what the browser's device answered. Raises PasskeyRefused."""
    try:
        answer = json.loads(fields.get("answer", ""))
    except (ValueError, RecursionError):
        raise PasskeyRefused from None
    if not isinstance(answer, dict):
        raise PasskeyRefused
    return answer


async def sign_out(request: Request) -> Response:
    """End the session."""
    await form(request)
    token = browser.session_token(request)
    if token:
        async with transaction(request) as tx:
            await service.end_session(tx, token=token, at=utc_now())
    response = RedirectResponse(url(request, "accounts:sign_in"), status_code=303)
    return browser.without_session(request, response)


async def activation_form(request: Request) -> Response:
    """Show the page where a citizen opens her account with the code from the desk."""
    return _activation(request, None, {"code": request.query_params.get("code", "")})


def _activation(request: Request, refusal: Refusal | None, entered: Mapping[str, str]) -> Response:
    return render(
        request,
        "accounts/activate.html",
        status=refusal.status if refusal else 200,
        refusal=refusal,
        code=entered.get("code", ""),
        login=entered.get("login", ""),
        shortest=service.SHORTEST_PASSWORD,
    )


async def activate(request: Request) -> Response:
    """Open the account and sign its owner in."""
    fields = await form(request)
    try:
        done = await service.enter_with_code(
            state_of(request).database,
            code=fields.get("code", ""),
            login=fields.get("login", ""),
            password=fields.get("password", ""),
            at=utc_now(),
            client=browser.client_of(request),
        )
    except Refusal as refusal:
        return _activation(request, refusal, fields)
    if done.is_pending:
        return browser.with_pending(request, _second_form(request, None, "/"), done.token)
    response = RedirectResponse("/", status_code=303)
    return browser.with_session(request, response, done.token, done.account_id)


PAGES = [
    Page("/sign-in", sign_in_form, "accounts:sign_in", PUBLIC),
    Page("/sign-in", sign_in, "accounts:sign_in_now", PUBLIC, methods=("POST",)),
    Page("/sign-in/second", second_factor, "accounts:second_factor", PUBLIC, methods=("POST",)),
    Page(
        "/passkey/options",
        passkey_options,
        "accounts:passkey_options",
        PUBLIC,
        methods=("POST",),
    ),
    Page(
        "/sign-in/passkey",
        sign_in_by_passkey,
        "accounts:sign_in_by_passkey",
        PUBLIC,
        methods=("POST",),
    ),
    Page("/activate", activation_form, "accounts:activate", PUBLIC),
    Page("/activate", activate, "accounts:activate_now", PUBLIC, methods=("POST",)),
    Page("/sign-out", sign_out, "accounts:sign_out", PUBLIC, methods=("POST",)),
]
