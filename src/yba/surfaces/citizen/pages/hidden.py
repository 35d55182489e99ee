"""Hide an entry, a visit or a kind of data from everybody, a department or one person."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from yba.care.encounters import service as encounters
from yba.care.scheduling import service as scheduling
from yba.foundation.accounts import service as accounts
from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import NothingNamed
from yba.foundation.consent.model import ENTRY_NAMES, HIDING_NAMES, SCOPES
from yba.foundation.consent.service import Hiding
from yba.kernel.clock import utc_now
from yba.kernel.refusal import NotFound, Refusal
from yba.plumbing.database import Tx
from yba.plumbing.web import Page, form, see_other, transaction
from yba.surfaces.citizen import covering
from yba.surfaces.citizen.pages.subject import PERMISSION, Subject, numbered, show, subject_of


async def _page(
    request: Request, tx: Tx, subject: Subject, refusal: Refusal | None = None
) -> Response:
    visits = await encounters.visits_of_patient(
        tx, actor=subject.actor, patient_id=subject.patient_id, at=utc_now()
    )
    restrictions = await consent.restrictions_of(
        tx, actor=subject.actor, patient_id=subject.patient_id
    )
    return await show(
        request, tx, "citizen/hidden.html", subject, status=refusal.status if refusal else 200,
        part="profile", refusal=refusal, visits=visits, restrictions=restrictions, scopes=SCOPES,
        categories=HIDING_NAMES, entries=ENTRY_NAMES, departments=await _departments(tx), now=utc_now(),
        chosen=request.query_params.get("visit", ""),
    )  # fmt: skip


async def _departments(tx: Tx) -> dict[str, str]:
    """Return the departments of this facility by code, named by their consulting rooms."""
    named: dict[str, list[str]] = {}
    for clinic in await scheduling.clinics(tx):
        named.setdefault(clinic.department_code, []).append(clinic.name)
    return {code: f"{code} · {', '.join(sorted(names))}" for code, names in sorted(named.items())}


async def hidden(request: Request) -> Response:
    """Show what is hidden from whom, and the form to hide more."""
    async with transaction(request) as tx:
        return await _page(request, tx, await subject_of(request, tx))


async def hide(request: Request) -> Response:
    """Hide what was chosen, from now on."""
    fields = await form(request)
    now = utc_now()
    try:
        async with transaction(request) as tx:
            subject = await subject_of(request, tx, fields)
            scope, _, target = fields.get("what", "").partition(":")
            if scope == "category" and target not in HIDING_NAMES:
                raise NothingNamed(fields={"what": NothingNamed.message})
            kind, _, holder = fields.get("from", "").partition(":")
            department = holder if kind == "department" else None
            account = holder if kind == "account" else None
            if not department and not account and kind != "everybody":
                raise NothingNamed(fields={"from": NothingNamed.message})
            rows = await covering.rows_of(
                tx, actor=subject.actor, patient_id=subject.patient_id, scope=scope, target=target,
                at=now,
            )  # fmt: skip
            await consent.hide(
                tx, actor=subject.actor, patient_id=subject.patient_id, at=now,
                hiding=Hiding(
                    scope=scope, target=target, rows=rows, from_account=account,
                    from_department=department, from_name=await _name(tx, account, department),
                ),
            )  # fmt: skip
    except (NothingNamed, NotFound) as refusal:
        async with transaction(request) as tx:
            return await _page(request, tx, await subject_of(request, tx), refusal)
    return _back(request, fields)


def _back(request: Request, fields: Mapping[str, str]) -> Response:
    """Lead back to the visit in which the button was pressed, or to the list of what is hidden."""
    visit = fields.get("visit", "")
    if visit.replace("-", "").isalnum() and visit.isascii():
        return see_other(request, "citizen:visit", encounter_id=visit)
    return see_other(request, "citizen:hidden")


async def _name(tx: Tx, account: str | None, department: str | None) -> str:
    if account is not None:
        return (await accounts.account(tx, account_id=account)).name
    return (await _departments(tx)).get(department, department) if department else ""


async def show_again(request: Request) -> Response:
    """End a restriction."""
    fields = await form(request)
    async with transaction(request) as tx:
        subject = await subject_of(request, tx, fields)
        await consent.show_again(
            tx, actor=subject.actor, restriction_id=numbered(request), at=utc_now()
        )
    return _back(request, fields)


PAGES = [
    Page("/me/hidden", hidden, "citizen:hidden", PERMISSION),
    Page("/me/hidden", hide, "citizen:hide", PERMISSION, methods=("POST",)),
    Page(
        "/me/hidden/{number:int}/end", show_again, "citizen:show_again", PERMISSION,
        methods=("POST",),
    ),
]  # fmt: skip
