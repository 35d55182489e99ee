"""What programs ask without a person: tokens, their end, what is known about them, keys, metadata.

Each takes forms in the body only and answers in the words of the standard, never to be cached.
Standards: RFC 6749 section 5, RFC 6750, 7009, 7662, 8414, 9126; OpenID Connect Core 5.3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from yba.foundation.authorization import discovery, keys, proving, requests, tokens
from yba.foundation.authorization.errors import Ended, ProgramUnknown, ProtocolError
from yba.foundation.authorization.model import PUSHED_LIFE, Client
from yba.foundation.authorization.tokens import Server
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.web import PUBLIC, Page, limited_body, state_of

_FORM = "application/x-www-form-urlencoded"
_LARGEST_FORM = 64 * 1024
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
KEY_SETS = "authorization.key_sets"

Handler = Callable[[Request, Mapping[str, str]], Awaitable[Response]]


def server_of(request: Request) -> Server:
    """Return which authorization server this node is."""
    settings = state_of(request).settings
    return Server(settings.base_url, settings.base_url + "/fhir", settings.secret)


async def form_of(request: Request) -> dict[str, str]:
    """Return the parameters of a sent form. Raises ProtocolError if they cannot be read."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != _FORM:
        raise ProtocolError("invalid_request", "send a form: application/x-www-form-urlencoded")
    try:
        async with limited_body(request, _LARGEST_FORM) as body:
            pairs = parse_qsl(
                body.decode(), keep_blank_values=True, errors="strict", max_num_fields=100
            )
    except (ValueError, Refusal):
        raise ProtocolError("invalid_request", "the form cannot be read") from None
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise ProtocolError("invalid_request", "the form cannot be read")
    return requests.parameters_of(pairs)


def _refused(problem: ProtocolError, *, basic: bool) -> Response:
    headers = dict(_NO_STORE)
    if problem.status == 401 and basic:
        headers["www-authenticate"] = 'Basic realm="oauth"'
    content = {"error": problem.error, "error_description": problem.reason}
    return JSONResponse(content, status_code=problem.status, headers=headers)


def _machine(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request, await form_of(request))
        except ProtocolError as problem:
            return _refused(problem, basic="authorization" in request.headers)

    return answer


async def _client(request: Request, form: Mapping[str, str]) -> Client:
    """Return the program that asks. Raises ProtocolError invalid_client."""
    state, server = state_of(request), server_of(request)
    given = proving.presented(request.headers.get("authorization", ""), form)
    here = server.issuer + request.url.path
    return await proving.prove(
        state.database,
        key_sets=state.extras.setdefault(KEY_SETS, proving.KeySets()),
        given=given,
        audiences=frozenset((server.issuer, f"{server.issuer}/oauth/token", here)),
        at=utc_now(),
    )


def _forget(request: Request) -> None:
    """Let this process forget at once whom tokens showed; the others hear it from the database."""
    forget: Callable[[], None] | None = state_of(request).extras.get("forget_callers")
    if forget is not None:
        forget()


async def _token(request: Request, form: Mapping[str, str]) -> Response:
    client = await _client(request, form)
    try:
        answer = await tokens.give(
            state_of(request).database,
            server=server_of(request), client=client, form=form, at=utc_now(),
        )  # fmt: skip
    except Ended:
        _forget(request)
        raise
    return JSONResponse(answer, headers=_NO_STORE)


async def _revoke(request: Request, form: Mapping[str, str]) -> Response:
    client = await _client(request, form)
    if "token" not in form:
        raise ProtocolError("invalid_request", "token is missing")
    async with state_of(request).database.transaction() as tx:
        await tokens.revoke(tx, client=client, token=form["token"], at=utc_now())
    _forget(request)
    return Response(headers=_NO_STORE)


async def _introspect(request: Request, form: Mapping[str, str]) -> Response:
    client = await _client(request, form)
    if client.is_public:
        raise ProtocolError("invalid_client", "only a program that proves itself may ask", 401)
    if "token" not in form:
        raise ProtocolError("invalid_request", "token is missing")
    async with state_of(request).database.transaction() as tx:
        answer = await tokens.introspect(
            tx, server=server_of(request), client=client, token=form["token"], at=utc_now()
        )
    return JSONResponse(answer, headers=_NO_STORE)


async def _push(request: Request, form: Mapping[str, str]) -> Response:
    client, server = await _client(request, form), server_of(request)
    try:
        async with state_of(request).database.transaction() as tx:
            address = await requests.push(
                tx, client=client, given=form, issuer=server.issuer, fhir_base=server.fhir_base,
                at=utc_now(),
            )  # fmt: skip
    except ProgramUnknown:
        raise ProtocolError("invalid_request", "redirect_uri is not registered") from None
    content = {"request_uri": address, "expires_in": int(PUSHED_LIFE.total_seconds())}
    return JSONResponse(content, status_code=201, headers=_NO_STORE)


async def _userinfo(request: Request) -> Response:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    told: dict[str, Any] | None = None
    if scheme.lower() == "bearer":
        try:
            async with state_of(request).database.reading() as tx:
                told = await tokens.told(
                    tx, server=server_of(request), token=token.strip(), at=utc_now()
                )
        except ProtocolError as problem:
            return _bearer(problem.status, problem.error)
        if told is None:
            return _bearer(401, "invalid_token")
        return JSONResponse(told, headers=_NO_STORE)
    return _bearer(401, "")


def _bearer(status: int, error: str) -> Response:
    challenge = 'Bearer realm="userinfo"' + (f', error="{error}"' if error else "")
    headers = {**_NO_STORE, "www-authenticate": challenge}
    return JSONResponse({"error": error} if error else {}, status_code=status, headers=headers)


async def _jwks(request: Request) -> Response:
    async with state_of(request).database.transaction() as tx:
        shown = await keys.published(tx, secret=server_of(request).secret, at=utc_now())
    return JSONResponse({"keys": shown}, headers={"cache-control": "public, max-age=300"})


async def _metadata(request: Request) -> Response:
    return JSONResponse(discovery.server_metadata(server_of(request).issuer))


async def _style(_: Request) -> Response:
    return JSONResponse(discovery.style())


def _posted(path: str, handler: Handler, name: str) -> Page:
    return Page(path, _machine(handler), name, PUBLIC, methods=("POST",), browser_only=False)


PAGES = [
    Page("/.well-known/openid-configuration", _metadata, "authorization:openid", PUBLIC),
    Page("/.well-known/oauth-authorization-server", _metadata, "authorization:metadata", PUBLIC),
    Page("/oauth/jwks", _jwks, "authorization:jwks", PUBLIC),
    Page("/oauth/smart-style.json", _style, "authorization:style", PUBLIC),
    Page(
        "/oauth/userinfo", _userinfo, "authorization:userinfo", PUBLIC, methods=("GET", "POST"),
        browser_only=False,
    ),
    _posted("/oauth/token", _token, "authorization:token"),
    _posted("/oauth/revoke", _revoke, "authorization:revoke"),
    _posted("/oauth/introspect", _introspect, "authorization:introspect"),
    _posted("/oauth/par", _push, "authorization:par"),
]  # fmt: skip
