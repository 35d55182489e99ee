"""How an act becomes rows of audit.event."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache

from yba.foundation.audit.model import Act, Action
from yba.kernel.actor import Actor
from yba.kernel.ids import new_snowflake

MOST_RESOURCES = 500

Row = tuple[object, ...]


class Place:
    """The facility this node writes into its traces; set once at start."""

    facility = ""


def rows_of(act: Act) -> Iterator[Row]:
    """Yield the rows of audit.event for `act`, in the order of `store.INSERT`.

    Mostly one; more where it names more resources than a row holds.
    """
    return rows_by_patient(
        act.actor, act.action, act.what, act.at, {act.patient_id: act.references}, act.purpose
    )


def rows_by_patient(
    actor: Actor,
    action: Action,
    what: str,
    at: datetime,
    seen: Mapping[str | None, Iterable[str]],
    purpose: str | None = None,
) -> Iterator[Row]:
    """Yield the rows of one act on several patients' resources."""
    who = (actor.account_id, actor.name, list(_sorted(actor.roles)), Place.facility)
    why = (purpose or actor.purpose, action, what)
    client = actor.client_id
    for patient_id, references in seen.items():
        resources = list(references)
        if len(resources) <= MOST_RESOURCES:
            yield (new_snowflake(), at, *who, *why, patient_id, resources, client)
            continue
        for start in range(0, len(resources), MOST_RESOURCES):
            part = resources[start : start + MOST_RESOURCES]
            yield (new_snowflake(), at, *who, *why, patient_id, part, client)


@lru_cache(maxsize=1024)
def _sorted(roles: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(roles))
