"""Who may be told of changes.

Main rule: notifications are not asked row by row and go on after a token has ended, so only who may
read every resource of a type is told of that type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from yba.foundation.access.model import policy_for
from yba.foundation.authorization.model import granted_of
from yba.foundation.record.subscriptions import store
from yba.foundation.record.subscriptions.errors import SubscriptionOutOfScope
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

if TYPE_CHECKING:
    from yba.foundation.record.operations import Operation


def refuse_unheard(actor: Actor, types: Iterable[str]) -> None:
    """Raise SubscriptionOutOfScope unless the actor may read every resource of these types.

    `*` stands for every type.
    """
    policy = policy_for(actor, at=None)
    granted = None if actor.scopes is None else granted_of(actor.scopes)
    for name in sorted(types):
        if not (policy.everything or policy.whole):
            raise SubscriptionOutOfScope(type=name)
        if granted is not None and not granted.opens(name):
            raise SubscriptionOutOfScope(type=name)


async def remember_owners(tx: Tx, operations: Sequence[Operation]) -> None:
    """Keep which program asked for a Subscription that was just written."""
    for operation in operations:
        outcome = operation.outcome
        if operation.type != "Subscription" or outcome is None or not outcome.changed:
            continue
        if operation.method == "DELETE":
            await tx.execute(store.DISOWN, outcome.id)
        elif operation.actor.client_id is not None:
            await tx.execute(store.OWN, outcome.id, operation.actor.client_id)
