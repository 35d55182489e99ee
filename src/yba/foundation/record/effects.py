"""What a write means beyond the record: definitions of terminology and search parameters come into
force with it, and a Subscription that could not be honoured is refused.

Main rule: in the same transaction, so that whoever reads a code system here may use it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from yba.foundation.record import parameters
from yba.foundation.record.subscriptions import model as subscriptions
from yba.foundation.record.subscriptions import permitting
from yba.foundation.terminology import service as terminology
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx

if TYPE_CHECKING:
    from yba.foundation.record.operations import Operation

_PARAMETER = "SearchParameter"
_CHECKED = frozenset({"Subscription", _PARAMETER, *terminology.TYPES})


def refuse_unusable(operations: Sequence[Operation], *, at: datetime) -> None:
    """Give those operations an error whose definition could not be used as it is written."""
    for operation in operations:
        if operation.type not in _CHECKED or operation.resource is None:
            continue
        try:
            if operation.type == "Subscription":
                wanted = subscriptions.read(operation.resource, now=at)
                permitting.refuse_unheard(operation.actor, wanted.types)
            elif operation.type == _PARAMETER:
                parameters.refuse_unusable(operation.resource)
            else:
                terminology.refuse_unusable(operation.resource)
        except Refusal as refused:
            operation.error = refused


async def take_effect(tx: Tx, operations: Sequence[Operation], *, at: datetime) -> None:
    """Bring definitions that were written into force, and deleted ones out of it."""
    await permitting.remember_owners(tx, operations)
    for operation in operations:
        outcome = operation.outcome
        if operation.type not in _CHECKED or outcome is None or not outcome.changed:
            continue
        if operation.type == _PARAMETER:
            if operation.method == "DELETE":
                await parameters.withdraw(tx, outcome.id, at=at)
            else:
                await parameters.take_up(tx, operation.resource, at=at)
        if operation.type not in terminology.TYPES:
            continue
        if operation.method == "DELETE":
            await terminology.withdraw(tx, type_=outcome.type, id_=outcome.id)
        elif operation.resource is not None:
            await terminology.take_up(tx, resources=[operation.resource])
