"""Roles, what they may, and the shapes of accounts and sessions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from yba.kernel.actor import Actor
from yba.plumbing.i18n import N_

SESSION_LIFE = timedelta(hours=12)
BEARER_LIFE = timedelta(days=30)
INVITATION_LIFE = timedelta(days=7)
ATTEMPTS_BEFORE_LOCK = 5
LONGEST_LOCK = timedelta(minutes=15)

ROLE_NAMES = {
    "receptionist": N_("Receptionist"),
    "nurse": N_("Nurse"),
    "doctor": N_("Doctor"),
    "laboratory": N_("Laboratory technician"),
    "pharmacist": N_("Pharmacist"),
    "cashier": N_("Cashier"),
    "citizen": N_("Citizen"),
    "administrator": N_("Administrator"),
    "api": N_("Program access"),
}

# Deny by default: a permission that no role lists belongs to nobody.
PERMISSIONS: dict[str, frozenset[str]] = {
    "receptionist": frozenset({"desk.*", "boards.*", "person.*"}),
    "nurse": frozenset(
        {"chart.read", "chart.vitals", "boards.*", "person.read", "laboratory.collect"}
    ),
    "doctor": frozenset(
        {
            "chart.*",
            "orders.*",
            "documents.*",
            "boards.*",
            "person.read",
            "laboratory.read",
            "fhir.read",
        }
    ),
    "laboratory": frozenset({"laboratory.*", "person.read"}),
    "pharmacist": frozenset({"pharmacy.*", "person.read"}),
    "cashier": frozenset({"cashier.*", "payments.*", "claims.*", "person.read"}),
    "citizen": frozenset({"citizen.*"}),
    "administrator": frozenset({"admin.*", "boards.*", "payments.*", "cashier.*", "claims.*"}),
    "api": frozenset({"fhir.*"}),
}

_PURPOSE_OF_ROLE = {
    "citizen": "PATRQT",
    "cashier": "HPAYMT",
    "administrator": "SYSADMIN",
    "receptionist": "HOPERAT",
    "api": "HOPERAT",
}


@dataclass(frozen=True, slots=True)
class Account:
    """One person (or program) who may sign in."""

    id: str
    login: str
    name: str
    roles: list[str]
    practitioner_id: str | None
    patient_id: str | None
    licence: str
    disabled_at: datetime | None


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Return everything that `roles` together may."""
    return frozenset[str]().union(*(PERMISSIONS.get(role, frozenset[str]()) for role in roles))


def actor_for(account: Account) -> Actor:
    """Return the account as somebody who acts."""
    purposes = {_PURPOSE_OF_ROLE.get(role, "TREAT") for role in account.roles}
    return Actor(
        account_id=account.id,
        name=account.name,
        roles=frozenset(account.roles),
        permissions=permissions_of(account.roles),
        practitioner_id=account.practitioner_id,
        patient_id=account.patient_id,
        licence=account.licence,
        purpose="TREAT" if "TREAT" in purposes or not purposes else min(purposes),
    )


def lock_after(failed_attempts: int) -> timedelta | None:
    """Return how long an account rests after that many failures in a row."""
    if failed_attempts < ATTEMPTS_BEFORE_LOCK:
        return None
    return min(timedelta(seconds=10 * 2 ** (failed_attempts - ATTEMPTS_BEFORE_LOCK)), LONGEST_LOCK)
