"""Programs: those a person let in, those an administrator registered, those a chart can open; signing out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from yba.care.encounters import service as encounters
from yba.foundation.accounts import service as accounts
from yba.foundation.authorization import service as authorization
from yba.foundation.authorization.errors import ProgramRefused, RequestGone
from yba.foundation.authorization.model import METHODS, Client, Method
from yba.foundation.authorization.service import Wanted
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import (
    PUBLIC,
    SIGNED_IN,
    Page,
    actor_of,
    actor_or_none,
    form,
    host_cookie,
    reading,
    render,
    see_other,
    state_of,
    transaction,
)
from yba.surfaces.programs import words
from yba.surfaces.programs.pages import consent
from yba.surfaces.programs.pages.consent import server_of

_CHART = "chart.read"
_ADMIN_READ, _ADMIN = "admin.read", "admin.write"


def _cookie(request: Request) -> str:
    return host_cookie(state_of(request).settings, "session")


# -- one's own ------------------------------------------------------------------------------------


async def own(request: Request) -> Response:
    """Show which programs this person let in, to what, until when."""
    async with reading(request) as tx:
        granted = await authorization.granted_by(tx, actor=actor_of(request), at=utc_now())
    return render(
        request,
        "programs/own.html",
        granted=[(one, words.lines(one.grant.scopes)) for one in granted],
    )


async def take_back(request: Request) -> Response:
    """End what one program was granted, at once."""
    await form(request)
    async with transaction(request) as tx:
        await authorization.take_back(
            tx, actor=actor_of(request), client_id=request.path_params["client_id"], at=utc_now()
        )
    return see_other(request, "programs:own")


# -- from a chart ---------------------------------------------------------------------------------


async def choices(request: Request) -> Response:
    """Show which programs can be opened on this visit's patient."""
    async with transaction(request) as tx:
        visit = await encounters.visit(
            tx, actor=actor_of(request), encounter_id=request.path_params["encounter_id"],
            at=utc_now(),
        )  # fmt: skip
        programs = await authorization.opened_from_charts(tx)
    return render(request, "programs/choices.html", visit=visit, programs=programs)


async def open_program(request: Request) -> Response:
    """Open a program on the patient and visit of the chart."""
    fields = await form(request)
    at = utc_now()
    async with transaction(request) as tx:
        visit = await encounters.visit(
            tx, actor=actor_of(request), encounter_id=request.path_params["encounter_id"], at=at
        )
        client, launch = await authorization.open_chart(
            tx, actor=actor_of(request), client_id=fields.get("client_id", ""),
            patient_id=visit.patient_id, encounter_id=visit.encounter_id, at=at,
        )  # fmt: skip
    target = authorization.with_query(
        client.launch_uri or "", {"iss": server_of(request).fhir_base, "launch": launch}
    )
    return render(request, "programs/leave.html", client=client, target=target)


# -- administrators -------------------------------------------------------------------------------


async def registered(request: Request) -> Response:
    """Show all programs, and the form for another."""
    return await _registered(request)


async def _registered(
    request: Request,
    *,
    refusal: Refusal | None = None,
    entered: Mapping[str, str] | None = None,
    made: tuple[Client, str | None] | None = None,
) -> Response:
    async with reading(request) as tx:
        found = await authorization.clients(tx)
    return render(
        request,
        "programs/registered.html",
        status=refusal.status if refusal else 200,
        programs=found,
        methods=METHODS,
        refusal=refusal,
        entered=entered or {},
        made=made,
        fhir_base=server_of(request).fhir_base,
    )


def wanted_of(fields: Mapping[str, str]) -> Wanted:
    """Return a program as the form describes it. Raises ProgramRefused."""
    keys: Any = None
    if fields.get("jwks"):
        try:
            keys = json.loads(fields["jwks"])
        except (ValueError, RecursionError):
            raise ProgramRefused(reason="the key set is not JSON") from None
    scopes = fields.get("scopes", "").split()
    grants = ["authorization_code", "refresh_token"] if fields.get("redirect_uris") else []
    if any(scope.startswith("system/") for scope in scopes):
        grants.append("client_credentials")
    if fields.get("introspects"):
        grants.append("introspect")
    return Wanted(
        name=fields.get("name", ""),
        method=cast(Method, fields.get("method", "none")),
        redirect_uris=fields.get("redirect_uris", "").split(),
        logout_uris=fields.get("logout_uris", "").split(),
        scopes=scopes,
        grants=grants,
        jwks=keys,
        jwks_uri=fields.get("jwks_uri") or None,
        launch_uri=fields.get("launch_uri") or None,
        is_trusted=bool(fields.get("trusted")),
    )


async def register(request: Request) -> Response:
    """Register a program and show its identifier and secret, once."""
    fields = await form(request)
    try:
        wanted = wanted_of(fields)
        async with transaction(request) as tx:
            made = await authorization.register(
                tx, actor=actor_of(request), wanted=wanted, at=utc_now()
            )
    except Refusal as refusal:
        return await _registered(request, refusal=refusal, entered=fields)
    return await _registered(request, made=made)


async def renew(request: Request) -> Response:
    """Give a program a new secret and show it once."""
    await form(request)
    client_id = request.path_params["client_id"]
    async with transaction(request) as tx:
        secret = await authorization.renew_secret(
            tx, actor=actor_of(request), client_id=client_id, at=utc_now()
        )
        client = await authorization.client(tx, client_id=client_id)
    assert client is not None
    return await _registered(request, made=(client, secret))


async def cut_off(request: Request) -> Response:
    """Cut a program off with everything it was granted."""
    await form(request)
    async with transaction(request) as tx:
        await authorization.disable(
            tx, actor=actor_of(request), client_id=request.path_params["client_id"], at=utc_now()
        )
    return see_other(request, "programs:registered")


# -- signing out ----------------------------------------------------------------------------------


async def leaving(request: Request) -> Response:
    """Ask whether to sign out here, too, when a program says its person has signed out."""
    given = dict(parse_qsl(request.url.query)[:20])
    if actor_or_none(request) is None:
        return await _left(request, given)
    return render(
        request,
        "programs/sign_out.html",
        given={name: given[name] for name in _OF_LOGOUT if name in given},
    )


_OF_LOGOUT = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


async def leave(request: Request) -> Response:
    """End the session and what counted only with it; go where the program registered."""
    fields = await form(request)
    actor, token = actor_or_none(request), request.cookies.get(_cookie(request))
    async with transaction(request) as tx:
        if token:
            await accounts.end_session(tx, token=token, at=utc_now())
        if actor is not None and actor.session_id is not None:
            await authorization.end_session(tx, session_id=actor.session_id, at=utc_now())
    response = await _left(request, fields)
    response.delete_cookie(_cookie(request))
    return response


async def _left(request: Request, given: Mapping[str, str]) -> Response:
    """Lead back to the program if it registered the address for this, else to signing in.

    Source: OpenID Connect RP-Initiated Logout 1.0, sections 2 and 3.
    """
    wanted = given.get("post_logout_redirect_uri")
    if not wanted:
        return see_other(request, "accounts:sign_in")
    client_id = given.get("client_id", "")
    async with reading(request) as tx:
        hint = given.get("id_token_hint")
        if hint:
            claims = await authorization.own_claims(
                tx, hint, issuer=server_of(request).issuer, at=utc_now(), even_expired=True
            )
            named = claims.get("aud") if claims else None
            if not isinstance(named, str) or client_id not in ("", named):
                raise RequestGone
            client_id = named
        client = await authorization.client(tx, client_id=client_id)
    if client is None or wanted not in client.logout_uris:
        raise RequestGone
    state = {"state": given["state"]} if "state" in given else {}
    target = authorization.with_query(wanted, state) if state else wanted
    if request.method == "GET":
        return RedirectResponse(target, status_code=303)
    return render(request, "programs/leave.html", client=client, target=target)


NAVIGATION = [NavigationItem(N_("Programs"), "programs:registered", _ADMIN_READ, "link", "")]

PAGES = [
    *consent.PAGES,
    Page("/programs", own, "programs:own", SIGNED_IN),
    Page("/programs/{client_id}/end", take_back, "programs:end", SIGNED_IN, methods=("POST",)),
    Page("/programs/open/{encounter_id}", choices, "programs:choices", _CHART),
    Page(
        "/programs/open/{encounter_id}", open_program, "programs:open", _CHART, methods=("POST",)
    ),
    Page("/programs/registered", registered, "programs:registered", _ADMIN_READ),
    Page("/programs/registered", register, "programs:register", _ADMIN, methods=("POST",)),
    Page("/programs/registered/{client_id}/secret", renew, "programs:renew", _ADMIN, methods=("POST",)),
    Page("/programs/registered/{client_id}/end", cut_off, "programs:cut_off", _ADMIN, methods=("POST",)),
    Page("/oauth/end-session", leaving, "programs:leaving", PUBLIC),
    Page("/oauth/end-session", leave, "programs:leave", PUBLIC, methods=("POST",)),
]  # fmt: skip
