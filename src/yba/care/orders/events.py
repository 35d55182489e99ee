"""What was ordered; delivered after commit, at least once.

Events hold plain values: quantities are decimals written as text.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class OrderPlaced:
    """Services were ordered during a visit; three tuples of equal length."""

    encounter_id: str
    patient_id: str
    request_ids: tuple[str, ...]
    service_codes: tuple[str, ...]
    quantities: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class OrderCancelled:
    """One ordered service will not be done."""

    encounter_id: str
    patient_id: str
    request_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PrescriptionIssued:
    """A prescription with a national code was issued; three tuples of equal length."""

    code: str
    kind: str
    encounter_id: str
    patient_id: str
    request_ids: tuple[str, ...]
    drug_codes: tuple[str, ...]
    quantities: tuple[str, ...]
    replaces: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PrescriptionCancelled:
    """A prescription must not be dispensed any more."""

    code: str
    encounter_id: str
    patient_id: str
    request_ids: tuple[str, ...]
    at: datetime
