"""Who may see and change a person."""

from yba.foundation.parties.errors import PersonNotFound
from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused


def require_register(actor: Actor) -> None:
    """Raise AccessRefused unless the actor registers persons."""
    if not (actor.may("desk.register") or actor.may("person.register")):
        raise AccessRefused


def require_search(actor: Actor) -> None:
    """Raise AccessRefused unless the actor may look for persons."""
    if not (actor.may("person.read") or actor.may("desk.register")):
        raise AccessRefused


def require_see(actor: Actor, patient_id: str) -> None:
    """Raise PersonNotFound for whoever may not know that this person is here.

    Citizens see themselves; staff see persons by role.
    """
    if actor.patient_id == patient_id:
        return
    if not (actor.may("person.read") or actor.may("desk.register") or actor.may("chart.read")):
        raise PersonNotFound
