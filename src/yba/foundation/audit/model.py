"""The shape of one trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from yba.kernel.actor import Actor
from yba.plumbing.i18n import N_

Action = Literal["C", "R", "U", "D", "E"]

PURPOSES = {
    "TREAT": N_("Treatment"),
    "HPAYMT": N_("Payment and insurance"),
    "HOPERAT": N_("Running the facility"),
    "PATRQT": N_("At the patient's own request"),
    "ETREAT": N_("Emergency treatment"),
    "PUBHLTH": N_("Public health"),
    "HRESCH": N_("Research"),
    "SYSADMIN": N_("Administration of the system"),
    "BTG": N_("Emergency access"),
    "COC": N_("Coordination of care"),
    "PATSFTY": N_("Patient safety"),
}

ACTIONS = {
    "C": N_("Created"),
    "R": N_("Viewed"),
    "U": N_("Changed"),
    "D": N_("Deleted"),
    "E": N_("Did"),
}


@dataclass(frozen=True, slots=True)
class Trace:
    """One act, as it can be searched and shown."""

    id: int
    at: datetime
    account_id: str
    actor_name: str
    actor_roles: list[str]
    facility: str
    purpose: str
    action: Action
    what: str
    patient_id: str | None
    resources: list[str]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of audit.event as the log commits to it; without a salt it was erased."""

    id: int
    at: datetime
    recorded_at: datetime
    account_id: str
    actor_name: str
    actor_roles: list[str]
    facility: str
    client_id: str | None
    purpose: str
    action: str
    what: str
    patient_id: str | None
    resources: list[str]
    salt: bytes | None
    erased_by: int | None


@dataclass(frozen=True, slots=True)
class LogState:
    """The one log of a node and how far it has come."""

    origin: str
    size: int
    last_xid: int
    last_id: int
    beat_at: datetime | None
    problem: str | None
    is_renewing: bool
    """Whether rows without a place are read first, after a restore."""


@dataclass(slots=True)
class Act:
    """What is to be written down. Not frozen, because that costs each write; nobody changes it."""

    actor: Actor
    action: Action
    what: str
    at: datetime
    patient_id: str | None = None
    references: Sequence[str] = ()
    purpose: str | None = None
