"""Roles, what they may, and the shapes of accounts and sessions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from yba.kernel.actor import Actor
from yba.plumbing.i18n import N_

SESSION_LIFE = timedelta(hours=12)
IDLE_LIFE = timedelta(minutes=60)
PENDING_LIFE = timedelta(minutes=10)
FRESH = timedelta(minutes=5)
BEARER_LIFE = timedelta(days=30)
INVITATION_LIFE = timedelta(days=7)
ATTEMPTS_BEFORE_LOCK = 5
# Of one network, over all names: what a ward that mistypes never reaches, and guessing does at once.
ATTEMPTS_OF_A_NETWORK = 100
# Of one account, from everywhere but its own devices: six figures are soon guessed by a thousand machines.
ATTEMPTS_OF_CODES = 20
ATTEMPTS_FORGOTTEN_AFTER = timedelta(minutes=15)
LONGEST_LOCK = timedelta(minutes=15)

ROLE_NAMES = {
    "receptionist": N_("Receptionist"),
    "nurse": N_("Nurse"),
    "doctor": N_("Doctor"),
    "laboratory": N_("Laboratory technician"),
    "pharmacist": N_("Pharmacist"),
    "cashier": N_("Cashier"),
    "head": N_("Head of department"),
    "visitor": N_("Visiting reader"),
    "archivist": N_("Medical records archivist"),
    "citizen": N_("Citizen"),
    "administrator": N_("Administrator"),
    "privacy": N_("Data protection officer"),
    "api": N_("Program access"),
}

# Deny by default: a permission that no role lists belongs to nobody.
PERMISSIONS: dict[str, frozenset[str]] = {
    "receptionist": frozenset({"desk.*", "boards.*", "person.*"}),
    "nurse": frozenset(
        {
            "chart.read",
            "chart.vitals",
            "boards.*",
            "person.read",
            "laboratory.collect",
            "access.break",
            "access.ask",
        }
    ),
    # Decides on requests to see a record and looks at emergencies afterwards.
    "head": frozenset({"chart.read", "boards.*", "person.read", "access.grant", "access.review"}),
    # Learners, lawyers, inspectors: nothing but what a grant opens (Law 15/2023 art. 69).
    "visitor": frozenset({"chart.read", "access.ask"}),
    "doctor": frozenset(
        {
            "chart.*",
            "orders.*",
            "documents.*",
            "boards.*",
            "person.read",
            "laboratory.read",
            "fhir.read",
            "archive.complete",
            "access.break",
            "access.ask",
        }
    ),
    "laboratory": frozenset({"laboratory.*", "person.read"}),
    "pharmacist": frozenset({"pharmacy.*", "person.read"}),
    "cashier": frozenset({"cashier.*", "payments.*", "claims.*", "person.read"}),
    "archivist": frozenset(
        {
            "archive.read",
            "archive.manage",
            "archive.export",
            "archive.restore",
            "archive.destroy",
            "documents.read",
        }
    ),
    "citizen": frozenset({"citizen.*"}),
    "administrator": frozenset(
        {
            "admin.*",
            "access.grant",
            "access.review",
            "boards.*",
            "payments.*",
            "cashier.*",
            "claims.*",
            "archive.read",
            "archive.approve",
        }
    ),
    # Reads no record: the books, requests and reviews that the law asks for.
    "privacy": frozenset({"privacy.*", "person.read", "access.review"}),
    "api": frozenset({"fhir.*"}),
}

# RFC 8176: one-time code, hardware key, several factors, recovery code (ours), another's word.
STRONG_METHODS = frozenset(("otp", "hwk", "mfa"))

_PURPOSE_OF_ROLE = {
    "citizen": "PATRQT",
    "cashier": "HPAYMT",
    "administrator": "SYSADMIN",
    "privacy": "HOPERAT",
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
    departments: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Client:
    """From where somebody asks: the network, and what the browser says it is.

    `known_account` is the account that this device was signed in to before, proven by a cookie.
    `session_token` is the session the browser brought: it ends when another one is opened there.
    """

    network: str = ""
    device: str = ""
    known_account: str = ""
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session; `is_pending` while the second factor is owed."""

    token: str
    account_id: str
    is_pending: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """One open session, as its owner sees it."""

    id: str
    kind: str
    device: str
    created_at: datetime
    last_seen_at: datetime | None
    methods: list[str]


@dataclass(frozen=True, slots=True)
class Proof:
    """How and when a session was proven."""

    session_id: str
    methods: Sequence[str]
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class Policy:
    """What an installation asks of those who sign in.

    `second_factor` names the roles that need one; "*" stands for everybody who works here.
    """

    second_factor: frozenset[str] = frozenset()
    idle: timedelta = IDLE_LIFE

    def asks_second_factor(self, roles: Iterable[str]) -> bool:
        """Return whether somebody with these roles needs a second factor."""
        held = set(roles) - {"api"}
        staff = held - {"citizen"}
        return bool(held & self.second_factor) or ("*" in self.second_factor and bool(staff))


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Return everything that `roles` together may."""
    return frozenset[str]().union(*(PERMISSIONS.get(role, frozenset[str]()) for role in roles))


def actor_for(
    account: Account, proof: Proof | None = None, *, policy: Policy | None = None
) -> Actor:
    """Return the account as somebody who acts.

    Who owes a second factor by `policy` may do nothing but set one up.
    """
    methods = frozenset(proof.methods) if proof else frozenset[str]()
    if (
        policy is not None
        and policy.asks_second_factor(account.roles)
        and not methods & STRONG_METHODS
    ):
        return Actor(
            account_id=account.id,
            name=account.name,
            session_id=proof.session_id if proof else None,
            methods=methods,
            proven_at=proof.proven_at if proof else None,
        )
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
        session_id=proof.session_id if proof else None,
        methods=methods,
        proven_at=proof.proven_at if proof else None,
        departments=frozenset(account.departments),
    )


def lock_after(failed_attempts: int) -> timedelta | None:
    """Return how long an account rests after that many failures in a row."""
    if failed_attempts < ATTEMPTS_BEFORE_LOCK:
        return None
    return min(timedelta(seconds=10 * 2 ** (failed_attempts - ATTEMPTS_BEFORE_LOCK)), LONGEST_LOCK)
