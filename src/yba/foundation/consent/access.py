"""Who may speak for a person's data: herself (or who acts for her), and the privacy officer."""

from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused, NotFound

OFFICER_READS = "privacy.read"
OFFICER = "privacy.write"
# Who takes a signed paper at the desk: writes down what it says, and sees what was written before.
PAPER = "person.consent"


def require_self(actor: Actor, patient_id: str) -> None:
    """Raise AccessRefused unless the actor is (or acts for) this person.

    Whoever acts for somebody carries her patient id; the pages have checked the proxy.
    """
    if actor.patient_id != patient_id and not actor.may("*"):
        raise AccessRefused


def require_self_or_officer(actor: Actor, patient_id: str) -> None:
    """Raise NotFound for whoever may not know that this is here."""
    if actor.patient_id != patient_id and not actor.may(OFFICER):
        raise NotFound


def require_sees_decisions(actor: Actor, patient_id: str) -> None:
    """Raise NotFound for whoever may not know what this person decided."""
    if not actor.may(PAPER):
        require_see(actor, patient_id)


def require_may_keep(actor: Actor, patient_id: str, channel: str) -> None:
    """Raise NotFound for whoever may not write down what this person said in that channel."""
    if not (channel == "paper" and actor.may(PAPER)):
        require_self_or_officer(actor, patient_id)


def require_see(actor: Actor, patient_id: str) -> None:
    """Raise NotFound for whoever may not know that this is here."""
    if actor.patient_id != patient_id and not actor.may(OFFICER_READS):
        raise NotFound


def require_officer(actor: Actor) -> None:
    """Raise AccessRefused unless the actor keeps the privacy books."""
    if not actor.may(OFFICER):
        raise AccessRefused


def require_officer_reads(actor: Actor) -> None:
    """Raise AccessRefused unless the actor may read the privacy books."""
    if not actor.may(OFFICER_READS):
        raise AccessRefused
