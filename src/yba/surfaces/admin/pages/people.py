"""The people who work here: who may what, where, and since when nobody looked at it."""

from starlette.requests import Request
from starlette.responses import Response

from yba.care.scheduling import service as scheduling
from yba.fhir import r4
from yba.foundation.accounts import service as accounts
from yba.foundation.accounts.errors import LastAdministrator, NotOneself, UnknownRole
from yba.foundation.accounts.model import ROLE_NAMES
from yba.foundation.record import service as record
from yba.kernel import systems
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal, Unusable
from yba.plumbing.database import Tx
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import (
    Page,
    actor_of,
    form,
    form_list,
    reading,
    render,
    see_other,
    transaction,
)

_READ, _WRITE = "admin.read", "admin.write"
_NOT_FOR_STAFF = {"citizen", "api"}
STAFF_ROLES = {role: name for role, name in ROLE_NAMES.items() if role not in _NOT_FOR_STAFF}


async def people(request: Request) -> Response:
    """List everybody who works here, with what is due."""
    return await _list(request)


async def _list(
    request: Request, refusal: Refusal | None = None, entered: dict[str, str] | None = None
) -> Response:
    async with reading(request) as tx:
        members = await accounts.members(tx)
        departments = await _departments(tx)
    return render(
        request,
        "admin/people.html",
        status=refusal.status if refusal else 200,
        refusal=refusal,
        entered=entered or {},
        members=members,
        departments=departments,
        role_names=STAFF_ROLES,
        now=utc_now(),
    )


async def _departments(tx: Tx) -> dict[str, str]:
    """Return the departments that clinics belong to, and the clinics, by what duty names."""
    clinics = await scheduling.clinics(tx)
    by_code = {clinic.department_code: clinic.department_code for clinic in clinics}
    return by_code | {clinic.clinic_id: clinic.name for clinic in clinics}


async def join(request: Request) -> Response:
    """Add somebody who works here; show once the code with which she sets her password."""
    sent = await form_list(request)
    fields = dict(sent)
    roles = [value for name, value in sent if name == "role"]
    departments = [value for name, value in sent if name == "department"]
    actor, now = actor_of(request), utc_now()
    accounts.require_fresh(actor, at=now)
    if not roles or not fields.get("login") or not fields.get("name"):
        return await _list(request, Unusable(), fields)
    try:
        async with transaction(request) as tx:
            licence = fields.get("licence", "")
            practitioner_id = record.new_id() if licence else None
            if practitioner_id:
                practitioner = r4.Practitioner(
                    id=practitioner_id,
                    active=True,
                    identifier=[r4.Identifier(system=systems.LICENCE, value=licence)],
                    name=[r4.HumanName(text=fields["name"])],
                )
                await record.save(
                    tx, actor=actor, resources=[practitioner], at=now, note="admin.join"
                )
            account, code = await accounts.join(
                tx,
                actor=actor,
                login=fields["login"],
                name=fields["name"],
                roles=roles,
                departments=departments,
                at=now,
                practitioner_id=practitioner_id,
                licence=licence,
            )
    except Refusal as refusal:
        return await _list(request, refusal, fields)
    return await _person(request, account.id, code=code)


async def person(request: Request) -> Response:
    """Show one person: duties, factors, what is asked."""
    return await _person(request, request.path_params["account_id"])


async def _person(
    request: Request, account_id: str, *, code: str = "", refusal: Refusal | None = None
) -> Response:
    async with reading(request) as tx:
        member = await accounts.member(tx, account_id=account_id)
        departments = await _departments(tx)
    return render(
        request,
        "admin/person.html",
        status=refusal.status if refusal else 200,
        refusal=refusal,
        member=member,
        departments=departments,
        role_names=STAFF_ROLES,
        code=code,
        now=utc_now(),
    )


async def change(request: Request) -> Response:
    """Give a person other roles and departments."""
    sent = await form_list(request)
    account_id, now = request.path_params["account_id"], utc_now()
    accounts.require_fresh(actor_of(request), at=now)
    try:
        async with transaction(request) as tx:
            await accounts.change_duties(
                tx,
                actor=actor_of(request),
                account_id=account_id,
                roles=[value for name, value in sent if name == "role"],
                departments=[value for name, value in sent if name == "department"],
                at=now,
            )
    except (NotOneself, LastAdministrator, UnknownRole) as refusal:
        return await _person(request, account_id, refusal=refusal)
    return see_other(request, "admin:person", account_id=account_id)


async def confirm(request: Request) -> Response:
    """Say that a person still needs what she may."""
    await form(request)
    account_id = request.path_params["account_id"]
    try:
        async with transaction(request) as tx:
            await accounts.review(
                tx,
                actor=actor_of(request),
                account_id=account_id,
                verdict="confirmed",
                at=utc_now(),
            )
    except NotOneself as refusal:
        return await _person(request, account_id, refusal=refusal)
    return see_other(request, "admin:people")


async def leave(request: Request) -> Response:
    """Cut a person off at once."""
    await form(request)
    account_id, now = request.path_params["account_id"], utc_now()
    accounts.require_fresh(actor_of(request), at=now)
    try:
        async with transaction(request) as tx:
            await accounts.leave(tx, actor=actor_of(request), account_id=account_id, at=now)
    except LastAdministrator as refusal:
        return await _person(request, account_id, refusal=refusal)
    return see_other(request, "admin:person", account_id=account_id)


async def come_back(request: Request) -> Response:
    """Take a disabled account into use again."""
    await form(request)
    account_id, now = request.path_params["account_id"], utc_now()
    accounts.require_fresh(actor_of(request), at=now)
    async with transaction(request) as tx:
        code = await accounts.come_back(tx, actor=actor_of(request), account_id=account_id, at=now)
    return await _person(request, account_id, code=code)


async def new_code(request: Request) -> Response:
    """Hand out a code for a new password; second factors stay."""
    await form(request)
    account_id, now = request.path_params["account_id"], utc_now()
    accounts.require_fresh(actor_of(request), at=now)
    async with transaction(request) as tx:
        code = await accounts.invite_member(
            tx, actor=actor_of(request), account_id=account_id, at=now
        )
    return await _person(request, account_id, code=code)


async def ask_reset(request: Request) -> Response:
    """Ask that a lost second factor be taken away."""
    fields = await form(request)
    account_id, now = request.path_params["account_id"], utc_now()
    accounts.require_fresh(actor_of(request), at=now)
    if not fields.get("reason"):
        return await _person(request, account_id, refusal=Unusable())
    async with transaction(request) as tx:
        await accounts.ask_reset(
            tx, actor=actor_of(request), account_id=account_id, reason=fields["reason"], at=now
        )
    return see_other(request, "admin:person", account_id=account_id)


async def confirm_reset(request: Request) -> Response:
    """Confirm what another administrator has asked for."""
    await form(request)
    account_id, now = request.path_params["account_id"], utc_now()
    accounts.require_fresh(actor_of(request), at=now)
    try:
        async with transaction(request) as tx:
            member = await accounts.member(tx, account_id=account_id)
            code = await accounts.confirm_reset(
                tx, actor=actor_of(request), reset_id=member.reset_id or 0, at=now
            )
    except Refusal as refusal:
        return await _person(request, account_id, refusal=refusal)
    return await _person(request, account_id, code=code)


NAVIGATION = [NavigationItem(N_("Staff"), "admin:people", _READ, "users", "")]


def _post(path: str, handler: object, name: str) -> Page:
    place = f"/admin/people/{{account_id}}/{path}"
    return Page(place, handler, f"admin:{name}", _WRITE, methods=("POST",))  # type: ignore[arg-type]


PAGES = [
    Page("/admin/people", people, "admin:people", _READ),
    Page("/admin/people", join, "admin:join", _WRITE, methods=("POST",)),
    Page("/admin/people/{account_id}", person, "admin:person", _READ),
    _post("duties", change, "change_duties"),
    _post("review", confirm, "review"),
    _post("leave", leave, "disable"),
    _post("come-back", come_back, "come_back"),
    _post("code", new_code, "new_code"),
    _post("reset", ask_reset, "ask_reset"),
    _post("reset/confirm", confirm_reset, "confirm_reset"),
]
