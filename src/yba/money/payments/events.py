"""What happened to money; delivered after commit, at least once."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class BillPaid:
    """Nothing is left to pay for a visit. `amount` is what was billed in whole đồng."""

    bill_id: str
    encounter_id: str
    patient_id: str
    amount: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PaymentReceived:
    """Money for a visit arrived, all of it or a part."""

    bill_id: str
    encounter_id: str
    patient_id: str
    amount: int
    method: str
    receipt_id: str
    at: datetime
