"""Laboratory indices, reference ranges, flags and states. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class RequestState(StrEnum):
    """Where a laboratory request stands."""

    ORDERED = "ordered"
    COLLECTED = "collected"
    ENTERED = "entered"
    VERIFIED = "verified"
    RELEASED = "released"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class LabIndex:
    """One measured index of a service. `code` is the ministry's index code.

    Text indices (positive/negative, blood group) have no unit and no limits.
    """

    code: str
    name: str
    unit: str = ""
    ucum: str = ""
    loinc: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    expected: str = ""

    @property
    def reference(self) -> str:
        """The reference range as printed."""
        if self.low is not None and self.high is not None:
            return f"{self.low}–{self.high}"
        if self.high is not None:
            return f"≤ {self.high}"
        if self.low is not None:
            return f"≥ {self.low}"
        return self.expected


@dataclass(frozen=True, kw_only=True)
class EnteredValue:
    """One value from the bench, as typed; a comma counts as decimal point."""

    index_code: str
    value: str


@dataclass(frozen=True, kw_only=True)
class LabResult:
    """One result row. `flag` is "", "L", "H" or "A" (not as expected)."""

    result_id: str
    request_id: str
    index_code: str
    name: str
    value: str
    unit: str
    reference: str
    flag: str
    observation_id: str = ""


@dataclass(frozen=True, kw_only=True)
class LabRequest:
    """One line of the worklist."""

    request_id: str
    item_id: int
    encounter_id: str
    patient_id: str
    patient_number: str
    patient_name: str
    birth_date: str
    sex: str
    service_code: str
    service_name: str
    urgent: bool
    state: RequestState
    specimen_number: str
    ordered_at: datetime
    collected_at: datetime | None
    entered_by: str
    verified_by: str

    def __post_init__(self) -> None:
        """Accept the state as the text that the database keeps."""
        object.__setattr__(self, "state", RequestState(self.state))
