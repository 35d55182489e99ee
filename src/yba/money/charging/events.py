"""What was billed; delivered after commit, at least once."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class InvoiceIssued:
    """A statement was frozen. Amounts in whole đồng; on a later invoice, differences."""

    invoice_id: str
    encounter_id: str
    patient_id: str
    sequence: int
    patient_dong: int
    insurance_dong: int
    other_dong: int
    at: datetime
