"""`$reindex`: file again what is stored, of all types or of one; `$reindex-status`: how far it is.

The request only writes down what is wanted; the worker does it (`record.reindexing`) while the
record is read and written. Ours: FHIR defines no such operation.
"""

from __future__ import annotations

from yba.fhir import r4
from yba.foundation.record import reindexing
from yba.foundation.record.errors import UnreadableBody
from yba.foundation.record.plans import TYPE_NAMES
from yba.foundation.record.reindexing import Progress
from yba.foundation.record.rows import Moment
from yba.surfaces.fhir_api.operation import Call, Level, Operation

_OURS = "urn:yba:OperationDefinition:"


async def reindex(call: Call) -> None:
    """Ask for everything to be filed again; answer 202 and how far it is."""
    given = await call.given()
    if given.names:
        raise UnreadableBody(reason="$reindex takes no parameters; name the type in the address")
    types = [call.type] if call.type else list(TYPE_NAMES)
    async with call.do.database.transaction() as tx:
        await reindexing.ask(tx, types, at=call.do.clock())
        found = await reindexing.status(tx, at=call.do.clock())
    await call.answer(_told(found, call.type), status=202)


async def status(call: Call) -> None:
    """Answer what is being filed again, and what was in the last week."""
    async with call.do.database.transaction() as tx:
        found = await reindexing.status(tx, at=call.do.clock())
    await call.answer(_told(found, call.type))


def _told(found: list[Progress], type_: str | None) -> r4.Parameters:
    return r4.Parameters(
        parameter=[
            r4.ParametersParameter(name="work", part=_parts(one))
            for one in found
            if type_ is None or one.type == type_
        ]
        or None
    )


def _parts(one: Progress) -> list[r4.ParametersParameter]:
    parts = [
        r4.ParametersParameter(name="type", valueCode=one.type),
        r4.ParametersParameter(name="done", valueInteger=min(one.done, 2**31 - 1)),
        r4.ParametersParameter(name="asked", valueInstant=Moment(one.asked_at).text),
    ]
    if one.parameter:
        parts.append(r4.ParametersParameter(name="parameter", valueCode=one.parameter))
    if one.total is not None:
        parts.append(r4.ParametersParameter(name="total", valueInteger=min(one.total, 2**31 - 1)))
    if one.finished_at is not None:
        moment = Moment(one.finished_at).text
        parts.append(r4.ParametersParameter(name="finished", valueInstant=moment))
    return parts


_PLACES: frozenset[Level] = frozenset({"system", "type"})
OPERATIONS: tuple[Operation, ...] = (
    Operation("reindex", _OURS + "reindex", _PLACES, "fhir.reindex", reindex, by_post_only=True),
    Operation("reindex-status", _OURS + "reindex-status", _PLACES, "fhir.reindex", status),
)
