"""Events survive the outbox: what is published is what listeners get."""

import dataclasses
import inspect
from datetime import UTC, datetime
from typing import get_type_hints

import pytest

from yba.care.encounters import events as encounters
from yba.care.laboratory import events as laboratory
from yba.care.orders import events as orders
from yba.foundation.parties import events as parties
from yba.foundation.work import events as work
from yba.plumbing import outbox

_SAMPLES = {
    str: "x",
    int: 7,
    bool: True,
    tuple[str, ...]: ("a", "b"),
    datetime: datetime(2026, 9, 15, 5, 0, tzinfo=UTC),
}
EVENTS = [
    event
    for module in (encounters, laboratory, orders, parties, work)
    for _, event in inspect.getmembers(module, dataclasses.is_dataclass)
]


@pytest.mark.parametrize("event_type", EVENTS, ids=lambda event: event.__name__)
async def test_an_event_arrives_as_it_was_published(database, event_type, monkeypatch):
    # Other tests of this process neither wake this listener nor wait for it.
    monkeypatch.setattr(outbox._listeners, "by_event", {})
    monkeypatch.setattr(outbox._listeners, "by_name", dict(outbox._listeners.by_name))
    heard = []

    async def listener(tx, event):
        heard.append(event)

    outbox.subscribe(event_type, listener)
    fields = get_type_hints(event_type)
    event = event_type(**{name: _SAMPLES[kind] for name, kind in fields.items()})
    async with database.transaction() as tx:
        await outbox.publish(tx, event)
    await outbox.drain(database)

    assert heard == [event]
