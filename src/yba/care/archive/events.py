"""What others may want to know of medical records."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class RecordArchived:
    """A record became immutable; its period of keeping runs."""

    encounter_id: str
    patient_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class RecordDestroyed:
    """A record was destroyed; `files` are the hashes of stored files that must go, too."""

    encounter_id: str
    files: tuple[str, ...]
    at: datetime
