"""What happened to persons; delivered after commit."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class PersonRegistered:
    """A person was entered for the first time."""

    patient_id: str
    patient_number: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PersonChanged:
    """Details of a person were corrected."""

    patient_id: str
    at: datetime
