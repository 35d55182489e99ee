"""What a write means below the record: definitions of terminology come into force with it.

Main rule: in the same transaction, so that whoever reads a code system here may use it at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from yba.foundation.terminology import service as terminology
from yba.kernel.refusal import Refusal
from yba.plumbing.database import Tx

if TYPE_CHECKING:
    from yba.foundation.record.operations import Operation


def refuse_unusable(operations: Sequence[Operation]) -> None:
    """Give those operations an error whose definition could not be used as it is written."""
    for operation in operations:
        if operation.type in terminology.TYPES and operation.resource is not None:
            try:
                terminology.refuse_unusable(operation.resource)
            except Refusal as refused:
                operation.error = refused


async def take_effect(tx: Tx, operations: Sequence[Operation]) -> None:
    """Bring definitions that were written into force, and deleted ones out of it."""
    for operation in operations:
        outcome = operation.outcome
        if operation.type not in terminology.TYPES or outcome is None or not outcome.changed:
            continue
        if operation.method == "DELETE":
            await terminology.withdraw(tx, type_=outcome.type, id_=outcome.id)
        elif operation.resource is not None:
            await terminology.take_up(tx, resources=[operation.resource])
