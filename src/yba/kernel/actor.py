"""Who acts, in what role and for what purpose."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a part of the system that does something.

    `purpose` is a code of HL7 PurposeOfUse (TREAT, HPAYMT, PATRQT, HOPERAT…).
    `permissions` is what the roles of this actor add up to.
    """

    account_id: str
    name: str
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    practitioner_id: str | None = None
    patient_id: str | None = None
    licence: str = ""
    purpose: str = "TREAT"

    def may(self, permission: str) -> bool:
        """Return whether the actor's roles grant `permission`.

        `desk.*` grants everything that begins with `desk.`; `*` is the system's own.
        """
        granted = self.permissions
        return permission in granted or permission.split(".")[0] + ".*" in granted or "*" in granted

    def acting_for(self, purpose: str) -> "Actor":
        """Return the same actor with another purpose."""
        return replace(self, purpose=purpose)

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
