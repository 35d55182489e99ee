"""What a program asked to be told of ends with the program."""

from __future__ import annotations

from yba.fhir import r4
from yba.foundation.authorization.events import ProgramDisabled
from yba.foundation.record import service as record
from yba.foundation.record.reading import read_many
from yba.foundation.record.subscriptions import store
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

_ACTOR = Actor.system("subscriptions")


async def end_with_program(tx: Tx, event: ProgramDisabled) -> None:
    """Switch off what a program asked to be told of."""
    ids = await tx.values(store.OWNED, event.client_id)
    found = await read_many(tx.connection, [("Subscription", id_) for id_ in ids])
    ended: list[r4.Subscription] = []
    for one in found.values():
        if one.body is None:
            continue
        resource = r4.decode_as(r4.Subscription, one.body)
        if resource.status != "off":
            resource.status, resource.error = "off", "the program was cut off"
            ended.append(resource)
    if ended:
        await tx.execute(store.END, [one.id for one in ended])
        await record.save(
            tx, actor=_ACTOR, resources=ended, at=event.at, note="subscriptions.status"
        )
