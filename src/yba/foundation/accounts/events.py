"""What accounts tell others."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AccountDisabled:
    """Somebody has left, or was idle too long: whatever she held ends."""

    account_id: str
    at: datetime
