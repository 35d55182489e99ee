"""Who waits for the doctor, and calling them."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from yba.care.encounters import service as encounters
from yba.care.scheduling import service as scheduling
from yba.care.scheduling.errors import QueueEmpty
from yba.care.scheduling.model import Clinic, ClinicLoad
from yba.foundation.access import service as access
from yba.foundation.access.errors import NotTreating
from yba.foundation.work import service as work
from yba.foundation.work.errors import WorkNotFound
from yba.kernel.actor import Actor
from yba.kernel.clock import utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx
from yba.plumbing.web import Page, actor_of, form, reading, render, see_other, transaction

_READ = "chart.read"
_WRITE = "chart.write"
_CLINIC_COOKIE = "clinic"


async def queue(request: Request) -> Response:
    """Show who waits for me: in the room, called, results back, waiting, absent."""
    clinic_id = request.query_params.get("clinic") or request.cookies.get(_CLINIC_COOKIE)
    return await _queue(request, clinic_id)


async def _queue(
    request: Request, clinic_id: str | None, refusal: Refusal | None = None
) -> Response:
    now = utc_now()
    async with reading(request) as tx:
        actor = actor_of(request)
        every_room = await scheduling.clinics_with_load(tx, at=now)
        rooms = [room for room in every_room if _is_hers(actor, room)]
        if clinic_id not in {room.clinic_id for room in rooms}:
            clinic_id = rooms[0].clinic_id if rooms else None
        entries = (
            await encounters.my_queue(tx, actor=actor, clinic_id=clinic_id, at=now)
            if clinic_id
            else []
        )
    answer = render(
        request,
        "chart/queue_.html" if request.query_params.get("part") else "chart/queue.html",
        status=refusal.status if refusal else 200,
        rooms=rooms,
        elsewhere=bool(every_room),
        clinic_id=clinic_id,
        entries=entries,
        refusal=refusal,
    )
    if clinic_id:
        answer.set_cookie(_CLINIC_COOKIE, clinic_id, httponly=True, samesite="lax")
    return answer


def _is_hers(actor: Actor, room: Clinic | ClinicLoad) -> bool:
    """Return whether somebody is on duty where a room belongs: she sees the names of its queue."""
    return actor.may("*") or not actor.departments.isdisjoint(
        (room.clinic_id, room.department_code)
    )


async def call_next(request: Request) -> Response:
    """Call the next patient and open the chart."""
    clinic_id = (await form(request)).get("clinic", "")
    try:
        async with transaction(request) as tx:
            actor, now = actor_of(request), utc_now()
            if not any(
                _is_hers(actor, room)
                for room in await scheduling.clinics(tx)
                if room.clinic_id == clinic_id
            ):
                raise NotTreating
            entry = await scheduling.call_next(tx, actor=actor, clinic_id=clinic_id, at=now)
            # Who is on duty in another department takes nobody from this queue.
            await access.require_related(tx, actor=actor, patient_id=entry.patient_id, at=now)
    except QueueEmpty as refusal:
        return await _queue(request, clinic_id, refusal)
    return see_other(request, "chart:visit", encounter_id=entry.encounter_id)


async def _require_mine(tx: Tx, actor: Actor, item_id: int, at: datetime) -> None:
    """Raise NotTreating for a number of somebody else's queue, and for one that does not exist."""
    try:
        waiting = await work.item(tx, item_id=item_id)
    except WorkNotFound:
        raise NotTreating from None
    await access.require_related(tx, actor=actor, patient_id=waiting.patient_id, at=at)


async def call_again(request: Request) -> Response:
    """Call one patient (once more)."""
    item_id = request.path_params["item_id"]
    async with transaction(request) as tx:
        actor, now = actor_of(request), utc_now()
        await _require_mine(tx, actor, item_id, now)
        entry = await scheduling.call(tx, actor=actor, item_id=item_id, at=now)
    return see_other(request, "chart:visit", encounter_id=entry.encounter_id)


async def absent(request: Request) -> Response:
    """Nobody came: the number can be called again later."""
    item_id = request.path_params["item_id"]
    async with transaction(request) as tx:
        actor, now = actor_of(request), utc_now()
        await _require_mine(tx, actor, item_id, now)
        await scheduling.mark_absent(tx, actor=actor, item_id=item_id, at=now)
    return see_other(request, "chart:queue")


_ONE = "/chart/queue/{item_id:int}"

PAGES = [
    Page("/chart", queue, "chart:queue", _READ),
    Page("/chart/call-next", call_next, "chart:call_next", _WRITE, methods=("POST",)),
    Page(_ONE + "/call", call_again, "chart:call", _WRITE, methods=("POST",)),
    Page(_ONE + "/absent", absent, "chart:absent", _WRITE, methods=("POST",)),
]
