"""Who may move money, and who may ask for it."""

from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused

TAKE = "cashier.take"
REFUND = "cashier.refund"
APPROVE = "payments.approve-refund"


def require(actor: Actor, permission: str) -> None:
    """Raise AccessRefused unless the actor's roles grant `permission`."""
    if not actor.may(permission):
        raise AccessRefused


def require_take_or_own(actor: Actor, patient_id: str) -> None:
    """Raise AccessRefused for whoever is neither a cashier nor the person who pays."""
    if actor.patient_id != patient_id:
        require(actor, TAKE)
