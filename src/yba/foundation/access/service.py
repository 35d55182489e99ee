"""The verbs of access, gathered: others import from here.

Each writes its audit entry in the caller's transaction. What they change holds from the next
statement on, in every process, because the guard of the record joins these rows.
"""

from datetime import datetime

from yba.foundation.access.emergencies import (
    Emergency,
    break_glass,
    declare_need,
    emergencies,
    emergency_hours,
    emergency_now,
    end_emergency,
    require_emergency,
    review,
)
from yba.foundation.access.granting import (
    PURPOSES,
    AccessRequest,
    ask,
    decide,
    refused,
    requests,
    require_request,
)
from yba.foundation.access.model import Policy, policy_for
from yba.foundation.access.purposes import NeedPurpose, needs_on, purpose_name
from yba.foundation.access.relating import (
    KIND_NAMES,
    SHORTEST_REASON,
    Extent,
    Kind,
    RelationRow,
    end,
    is_related,
    proxied_by,
    relate,
    related_among,
    relations_of,
    remember_author,
    reopen,
    require_related,
    unknown,
)
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

__all__ = [
    "KIND_NAMES", "NeedPurpose", "PURPOSES", "SHORTEST_REASON", "AccessRequest", "Emergency", "Extent", "Kind",
    "RelationRow", "ask", "break_glass", "decide", "declare_need", "emergencies",
    "emergency_hours", "emergency_now", "end", "end_emergency", "is_related", "needs_on", "policy_of",
    "proxied_by", "purpose_name", "refused", "relate", "related_among", "relations_of", "remember_author", "reopen",
    "requests", "require_emergency", "require_related", "require_request", "review", "unknown",
]  # fmt: skip


async def policy_of(_tx: Tx, *, actor: Actor, at: datetime) -> Policy:
    """Return what an actor may see: pure data, no look-up; see `model.policy_for`."""
    return policy_for(actor, at=at)
