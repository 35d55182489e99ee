"""Who acts, in what role and for what purpose."""

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a part of the system that does something.

    `purpose` is a code of HL7 PurposeOfUse (TREAT, HPAYMT, PATRQT, HOPERAT…).
    `permissions` is what the roles of this actor add up to. `methods` are the
    ways in which the session was proven (RFC 8176: "pwd", "otp", "hwk"…) and
    `proven_at` when that was last done, for acts that ask for a fresh proof.
    `scopes` limits a program to what it was granted (SMART App Launch 2); None
    limits nothing. `patient_context` is the Patient id that a program was opened for; scopes of the
    form `patient/…` reach that compartment alone. `departments` are the Location or Organization ids in which
    the person is on duty.
    """

    account_id: str
    name: str
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    practitioner_id: str | None = None
    patient_id: str | None = None
    licence: str = ""
    purpose: str = "TREAT"
    session_id: str | None = None
    methods: frozenset[str] = frozenset()
    proven_at: datetime | None = None
    client_id: str | None = None
    scopes: tuple[str, ...] | None = None
    departments: frozenset[str] = frozenset()
    patient_context: str | None = None

    def may(self, permission: str) -> bool:
        """Return whether the actor's roles grant `permission`.

        `desk.*` grants everything that begins with `desk.`; `*` is the system's own.
        """
        granted = self.permissions
        return permission in granted or permission.split(".")[0] + ".*" in granted or "*" in granted

    def acting_for(self, purpose: str) -> "Actor":
        """Return the same actor with another purpose."""
        return replace(self, purpose=purpose)

    def for_facility(self) -> "Actor":
        """Return the same person carrying out a duty of the facility, such as making a claim.

        The verb has asked for its own permission, reads more than the person sees, and gives only
        its result. What is read is still written down under her name.
        """
        return replace(self, permissions=self.permissions | {"*"})

    @staticmethod
    def system(name: str, purpose: str = "HOPERAT") -> "Actor":
        """Return the actor for jobs, imports and start-up."""
        return Actor(
            account_id=f"system:{name}",
            name=f"Yba ({name})",
            roles=frozenset({"system"}),
            permissions=frozenset({"*"}),
            purpose=purpose,
        )
