"""One's own security: ways to sign in, recovery codes, devices, password."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from yba.foundation.accounts import external, factors, passkeys, service
from yba.foundation.accounts.pages import browser
from yba.foundation.accounts.pages.entering import answer_in, let_form_lead_to_provider
from yba.foundation.accounts.sessions import Installation
from yba.kernel.clock import utc_now
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing.web import (
    SIGNED_IN,
    Page,
    actor_of,
    form,
    reading,
    render,
    see_other,
    state_of,
    transaction,
)

_HERE = "accounts:security"


async def security(request: Request) -> Response:
    """Show what the account can prove itself with, and where it is signed in."""
    return await _page(request)


async def _page(
    request: Request,
    refusal: Refusal | None = None,
    *,
    totp_address: str = "",
    codes: list[str] | None = None,
) -> Response:
    actor, now = actor_of(request), utc_now()
    let_form_lead_to_provider(request)
    async with reading(request) as tx:
        whose = await service.account(tx, account_id=actor.account_id)
        known = await service.factors_of(tx, account_id=actor.account_id)
        keys = await service.passkeys_of(tx, account_id=actor.account_id)
        linked = await external.identities_of(tx, account_id=actor.account_id)
        sessions = await service.sessions_of(tx, account_id=actor.account_id, at=now)
    return render(
        request,
        "accounts/security.html",
        status=refusal.status if refusal else 200,
        refusal=refusal,
        login=whose.login,
        factors=known,
        passkeys=keys,
        sessions=sessions,
        linked=linked,
        provider=state_of(request).settings.oidc_name
        if state_of(request).settings.oidc_issuer
        else "",
        is_owed=Installation.policy.asks_second_factor(whose.roles) and not known.any,
        totp_address=totp_address,
        codes=codes or [],
        shortest=service.SHORTEST_PASSWORD,
    )


async def begin_totp(request: Request) -> Response:
    """Make a seed and show it as a QR code; it counts once a code of it was entered."""
    await form(request)
    actor, now = actor_of(request), utc_now()
    service.require_fresh(actor, at=now)
    async with transaction(request) as tx:
        address = await factors.begin_totp(
            tx,
            actor=actor,
            key=Installation.key,
            issuer=f"Yba {state_of(request).settings.facility_code}",
            at=now,
        )
    return await _page(request, totp_address=address)


async def confirm_totp(request: Request) -> Response:
    """Take the seed into use; show recovery codes if there are none."""
    fields = await form(request)
    actor, now = actor_of(request), utc_now()
    service.require_fresh(actor, at=now)
    try:
        async with transaction(request) as tx:
            await factors.confirm_totp(
                tx, actor=actor, key=Installation.key, code=fields.get("code", ""), at=now
            )
    except Refusal as refusal:
        return await _page(request, refusal)
    return await _with_codes(request, ("otp", "mfa"))


async def _with_codes(request: Request, methods: tuple[str, ...]) -> Response:
    """Show recovery codes if there are none; the session has now proven the new factor."""
    actor, now = actor_of(request), utc_now()
    codes: list[str] = []
    async with transaction(request) as tx:
        if not (await service.factors_of(tx, account_id=actor.account_id)).recovery_codes:
            codes = await factors.new_recovery_codes(tx, actor=actor, at=now)
        token = await service.renew(
            tx,
            token=browser.session_token(request),
            actor=actor,
            methods=methods,
            at=now,
        )
    response = await _page(request, codes=codes)
    return browser.with_session(request, response, token)


async def remove_totp(request: Request) -> Response:
    """Take one-time codes out of use."""
    await form(request)
    actor, now = actor_of(request), utc_now()
    service.require_fresh(actor, at=now)
    async with transaction(request) as tx:
        await factors.remove_totp(tx, actor=actor, at=now)
    return see_other(request, _HERE)


async def new_codes(request: Request) -> Response:
    """Make new recovery codes and show them this once."""
    await form(request)
    actor, now = actor_of(request), utc_now()
    service.require_fresh(actor, at=now)
    async with transaction(request) as tx:
        codes = await factors.new_recovery_codes(tx, actor=actor, at=now)
    return await _page(request, codes=codes)


async def passkey_options(request: Request) -> Response:
    """Tell the browser what key its device shall make."""
    actor, now, holder = actor_of(request), utc_now(), passkeys.new_holder()
    service.require_fresh(actor, at=now)
    async with transaction(request) as tx:
        whose = await service.account(tx, account_id=actor.account_id)
        options = await passkeys.options_to_add(
            tx,
            actor=actor,
            login=whose.login,
            site=browser.site_of(request),
            holder=holder,
            at=now,
        )
    return browser.with_ceremony(request, JSONResponse(options), holder)


async def add_passkey(request: Request) -> Response:
    """Register the key that the device has made."""
    fields = await form(request)
    actor, now = actor_of(request), utc_now()
    service.require_fresh(actor, at=now)
    try:
        async with transaction(request) as tx:
            asked = await passkeys.take_challenge(
                tx, holder=browser.ceremony_of(request), purpose="add", at=now
            )
        async with transaction(request) as tx:
            await passkeys.add(
                tx,
                actor=actor,
                answer=answer_in(fields),
                name=fields.get("name", "") or browser.client_of(request).device,
                site=browser.site_of(request),
                asked=asked,
                at=now,
            )
    except Refusal as refusal:
        return await _page(request, refusal)
    return await _with_codes(request, ("hwk", "mfa"))


async def remove_passkey(request: Request) -> Response:
    """Take a key out of use."""
    fields = await form(request)
    actor, now = actor_of(request), utc_now()
    service.require_fresh(actor, at=now)
    try:
        credential_id = bytes.fromhex(fields.get("id", ""))
    except ValueError:
        raise NotFound from None
    async with transaction(request) as tx:
        await passkeys.remove(tx, actor=actor, credential_id=credential_id, at=now)
    return see_other(request, _HERE)


async def end_session(request: Request) -> Response:
    """End one of the person's sessions."""
    fields = await form(request)
    actor, now = actor_of(request), utc_now()
    async with transaction(request) as tx:
        await service.end_one(tx, actor=actor, session_id=fields.get("id", ""), at=now)
    return see_other(request, _HERE)


async def end_others(request: Request) -> Response:
    """End all sessions but this one."""
    await form(request)
    async with transaction(request) as tx:
        await service.end_others(tx, actor=actor_of(request), at=utc_now())
    return see_other(request, _HERE)


async def change_password(request: Request) -> Response:
    """Replace the password; every other session ends."""
    fields = await form(request)
    try:
        token = await service.change_password(
            state_of(request).database,
            actor=actor_of(request),
            current=fields.get("current", ""),
            password=fields.get("password", ""),
            client=browser.client_of(request),
            at=utc_now(),
        )
    except Refusal as refusal:
        return await _page(request, refusal)
    return browser.with_session(request, see_other(request, _HERE), token)


def _post(path: str, handler: object, name: str) -> Page:
    return Page(f"/account/security/{path}", handler, f"accounts:{name}", SIGNED_IN, ("POST",))  # type: ignore[arg-type]


PAGES = [
    Page("/account/security", security, _HERE, SIGNED_IN),
    _post("totp", begin_totp, "begin_totp"),
    _post("totp/confirm", confirm_totp, "confirm_totp"),
    _post("totp/remove", remove_totp, "remove_totp"),
    _post("codes", new_codes, "new_codes"),
    _post("passkey/options", passkey_options, "add_passkey_options"),
    _post("passkey", add_passkey, "add_passkey"),
    _post("passkey/remove", remove_passkey, "remove_passkey"),
    _post("sessions/end", end_session, "end_session"),
    _post("sessions/end-others", end_others, "end_others"),
    _post("password", change_password, "change_password"),
]
