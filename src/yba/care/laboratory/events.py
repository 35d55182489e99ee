"""What the laboratory tells others; delivered after commit."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ResultReleased:
    """Results of one request are in the patient's record."""

    request_id: str
    encounter_id: str
    patient_id: str
    service_code: str
    report_id: str
    observation_ids: tuple[str, ...]
    corrected: bool
    at: datetime
