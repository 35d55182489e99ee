"""What the authorization server tells others."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ProgramDisabled:
    """A program was cut off: whatever goes on in its name ends."""

    client_id: str
    at: datetime
