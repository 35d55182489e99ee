"""Whom a page is about: the one who signed in, or the one she acts for now.

Main rule: a cookie only says for whom she would like to act. Each request asks `consent` whether
she may at that moment; a form that was shown for somebody else than the one she acts for by then
changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import ProxyNotPossible
from yba.foundation.consent.model import Proxy
from yba.foundation.notices import service as notices
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import AccessRefused, NotFound
from yba.plumbing.database import Tx
from yba.plumbing.web import actor_of, render

COOKIE = "acting-for"
PERMISSION = "citizen.self"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose record it is, and in whose name it is read. `proxy` None: her own."""

    patient_id: str
    actor: Actor
    proxy: Proxy | None = None

    @property
    def relation(self) -> str:
        """Return what she is to the one she acts for; empty for herself."""
        return self.proxy.relation if self.proxy else ""


def own(request: Request) -> Subject:
    """Return the one who signed in. Raises AccessRefused if she has no record here."""
    actor = actor_of(request)
    if actor.patient_id is None:
        raise AccessRefused
    return Subject(actor.patient_id, actor)


async def subject_of(request: Request, tx: Tx, fields: Mapping[str, str] | None = None) -> Subject:
    """Return whom this request is about; `fields` are those of a form, which names its subject.

    Raises ProxyNotPossible if the form was made for somebody else.
    """
    found = await _acting(request, tx)
    if fields is not None and fields.get("for", found.patient_id) != found.patient_id:
        raise ProxyNotPossible
    return found


async def _acting(request: Request, tx: Tx) -> Subject:
    herself = own(request)
    wanted = request.cookies.get(COOKIE, "")
    if not wanted or wanted == herself.patient_id:
        return herself
    proxy = await consent.acts_for(
        tx, person_id=herself.patient_id, patient_id=wanted, at=utc_now()
    )
    if proxy is None:
        return herself
    # The account stays hers, so every trace names her; the role says that she acts for somebody.
    actor = replace(herself.actor, patient_id=wanted, roles=frozenset({"proxy"}))
    return Subject(wanted, actor, proxy)


async def show(
    request: Request,
    tx: Tx,
    template: str,
    subject: Subject,
    *,
    status: int = 200,
    **values: object,
) -> Response:
    """Answer with a page about `subject`; every page says for whom she acts and what waits."""
    unread = await notices.unread_count(tx, actor=own(request).actor)
    return render(request, template, status=status, subject=subject, unread=unread, **values)


def numbered(request: Request) -> int:
    """Return the number in the address. Raises NotFound for one that nothing here can have."""
    number: int = request.path_params["number"]
    if number >= 1 << 63:
        raise NotFound
    return number
