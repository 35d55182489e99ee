"""Signing in and out."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from yba.foundation.accounts import service
from yba.foundation.accounts.model import SESSION_LIFE
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.web import (
    PUBLIC,
    Page,
    actor_or_none,
    form,
    render,
    state_of,
    transaction,
    url,
)

COOKIE = "session"


def _next_of(text: str | None) -> str:
    """Return a path of this site only; anything else leads home."""
    if text and text.startswith("/") and not text.startswith(("//", "/\\")) and "\n" not in text:
        return text
    return "/"


async def sign_in_form(request: Request) -> Response:
    """Show the sign-in page, or go on if already signed in."""
    if actor_or_none(request) is not None:
        return RedirectResponse(_next_of(request.query_params.get("next")), status_code=303)
    return _form(request, None, "")


def _form(request: Request, refusal: Refusal | None, login: str) -> Response:
    return render(
        request,
        "accounts/sign_in.html",
        status=refusal.status if refusal else 200,
        refusal=refusal,
        login=login,
        next=_next_of(request.query_params.get("next")),
        demo_logins=state_of(request).extras.get("demo_logins", ()),
    )


async def sign_in(request: Request) -> Response:
    """Check the password and open a session."""
    fields = await form(request)
    login = fields.get("login", "")
    state = state_of(request)
    try:
        token = await service.sign_in(
            state.database, login=login, password=fields.get("password", ""), at=utc_now()
        )
    except Refusal as refusal:
        return _form(request, refusal, login)
    response = RedirectResponse(_next_of(fields.get("next")), status_code=303)
    return _with_session(request, response, token)


async def sign_out(request: Request) -> Response:
    """End the session."""
    await form(request)
    token = request.cookies.get(COOKIE)
    if token:
        async with transaction(request) as tx:
            await service.end_session(tx, token=token, at=utc_now())
    response = RedirectResponse(url(request, "accounts:sign_in"), status_code=303)
    response.delete_cookie(COOKIE)
    return response


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
    now = utc_now()
    try:
        async with transaction(request) as tx:
            account = await service.open_own_account(
                tx,
                code=fields.get("code", ""),
                login=fields.get("login", ""),
                password=fields.get("password", ""),
                at=now,
            )
            token = await service.open_session(tx, account_id=account.id, kind="browser", at=now)
    except Refusal as refusal:
        return _activation(request, refusal, fields)
    return _with_session(request, RedirectResponse("/", status_code=303), token)


def _with_session(request: Request, response: Response, token: str) -> Response:
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=state_of(request).settings.base_url.startswith("https:"),
    )
    return response


PAGES = [
    Page("/sign-in", sign_in_form, "accounts:sign_in", PUBLIC),
    Page("/sign-in", sign_in, "accounts:sign_in_now", PUBLIC, methods=("POST",)),
    Page("/activate", activation_form, "accounts:activate", PUBLIC),
    Page("/activate", activate, "accounts:activate_now", PUBLIC, methods=("POST",)),
    Page("/sign-out", sign_out, "accounts:sign_out", PUBLIC, methods=("POST",)),
]
