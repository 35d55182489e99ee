"""What was ordered; delivered after commit, at least once."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class OrderedLine:
    """One ordered service, as charging needs it."""

    request_id: str
    service_code: str
    quantity: Decimal


@dataclass(frozen=True, kw_only=True)
class OrderPlaced:
    """Services were ordered during a visit."""

    encounter_id: str
    patient_id: str
    lines: tuple[OrderedLine, ...]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class OrderCancelled:
    """One ordered service will not be done."""

    encounter_id: str
    patient_id: str
    request_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PrescribedLine:
    """One prescribed drug, as charging and pharmacy need it."""

    request_id: str
    drug_code: str
    quantity: Decimal


@dataclass(frozen=True, kw_only=True)
class PrescriptionIssued:
    """A prescription with a national code was issued."""

    code: str
    kind: str
    encounter_id: str
    patient_id: str
    lines: tuple[PrescribedLine, ...]
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
