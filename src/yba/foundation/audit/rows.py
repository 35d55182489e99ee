"""How an act becomes a row of audit.event."""

from functools import lru_cache

from yba.foundation.audit.model import Act
from yba.kernel.ids import new_snowflake

MOST_RESOURCES = 500


class Place:
    """The facility this node writes into its traces; set once at start."""

    facility = ""


def row_of(act: Act) -> tuple[object, ...]:
    """Return the columns of audit.event for `act`, in the order of `store.INSERT`."""
    actor = act.actor
    return (
        new_snowflake(),
        act.at,
        actor.account_id,
        actor.name,
        list(_sorted(actor.roles)),
        Place.facility,
        act.purpose or actor.purpose,
        act.action,
        act.what,
        act.patient_id,
        list(act.references[:MOST_RESOURCES]),
        actor.client_id,
    )


@lru_cache(maxsize=1024)
def _sorted(roles: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(roles))
