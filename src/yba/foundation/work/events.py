"""What happened to waiting things; delivered after commit."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class WorkChanged:
    """A waiting thing was added or moved to another state or place."""

    item_id: int
    kind: str
    state: str
    place: str
    patient_id: str
    focus: str
    at: datetime
