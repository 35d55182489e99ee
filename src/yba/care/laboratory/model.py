"""Laboratory indices, reference ranges, flags and states. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import NamedTuple

from yba.foundation.terminology.model import Concept
from yba.kernel.text import fold

_NORMAL = ("am tinh", "binh thuong")


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

    Text indices (positive/negative, blood group) have answers to choose from
    instead of limits.
    """

    code: str
    name: str
    unit: str = ""
    ucum: str = ""
    loinc: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    answers: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The reference range as printed; of a text index its normal answer, if it has one."""
        if self.low is not None and self.high is not None:
            return f"{shown(self.low)} – {shown(self.high)}"
        if self.high is not None:
            return f"≤ {shown(self.high)}"
        if self.low is not None:
            return f"≥ {shown(self.low)}"
        return self.normal_answer

    @property
    def normal_answer(self) -> str:
        """The answer of the healthy; a blood group has none."""
        first = self.answers[0] if self.answers else ""
        return first if fold(first) in _NORMAL else ""


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


class LabRequestView(NamedTuple):
    """Everything of the bench screen: the request, what to measure, what was entered."""

    request: "LabRequest"
    indices: tuple[LabIndex, ...]
    results: tuple[LabResult, ...]


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


def shown(number: Decimal) -> str:
    """Write a number with the Vietnamese decimal comma."""
    return format(number.normalize(), "f").replace(".", ",")


def number_of(text: str) -> Decimal | None:
    """Read a value from the bench as a number; a comma counts as decimal point."""
    try:
        number = Decimal(text.strip().replace(" ", "").replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < Decimal("1e12") else None


def flag_of(index: LabIndex, value: str) -> str:
    """Return "L", "H", "A" (another answer than the normal one) or ""."""
    number = number_of(value)
    if number is not None and (index.low is not None or index.high is not None):
        if index.low is not None and number < index.low:
            return "L"
        if index.high is not None and number > index.high:
            return "H"
        return ""
    if index.normal_answer and fold(value) != fold(index.normal_answer):
        return "A"
    return ""


def index_of(concept: Concept, sex: str) -> LabIndex:
    """Return an index of the list with the reference range of that sex."""
    properties = concept.properties

    def limit(name: str) -> Decimal | None:
        value = properties.get(f"{name}_f") if sex == "female" else None
        value = properties.get(name) if value is None else value
        return None if value is None else Decimal(str(value))

    return LabIndex(
        code=concept.code,
        name=concept.name_vi,
        unit=str(properties.get("unit") or ""),
        ucum=str(properties.get("ucum") or ""),
        loinc=str(properties.get("loinc") or ""),
        low=limit("low"),
        high=limit("high"),
        answers=tuple(properties.get("answers") or ()),
    )
