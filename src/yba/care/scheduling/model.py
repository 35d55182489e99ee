"""Clinics, tickets and who goes first. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from yba.foundation.parties.model import age_years
from yba.foundation.work.model import Priority, State
from yba.kernel.clock import VIETNAM, local


class PriorityReason(StrEnum):
    """Why somebody goes before others."""

    NONE = ""
    EMERGENCY = "emergency"
    CHILD = "child"
    ELDERLY = "elderly"
    PREGNANT = "pregnant"
    DISABLED = "disabled"
    MERITORIOUS = "meritorious"


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """A room that sees patients. `clinic_id` is also the id of its Location."""

    clinic_id: str
    facility_code: str
    code: str
    name: str
    room: str
    department_code: str
    ticket_prefix: str
    exam_service_code: str
    position: int = 0
    open: bool = True


@dataclass(frozen=True, kw_only=True)
class ClinicLoad:
    """A clinic with its live queue, for the choice at the desk."""

    clinic_id: str
    facility_code: str
    code: str
    name: str
    room: str
    department_code: str
    ticket_prefix: str
    exam_service_code: str
    position: int
    open: bool
    waiting: int
    in_room: int
    now_serving: str
    oldest_waiting_since: datetime | None


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What the slip says."""

    item_id: int
    number: str
    clinic_id: str
    clinic_name: str
    room: str
    priority_reason: PriorityReason
    waiting_before: int
    issued_at: datetime

    def __post_init__(self) -> None:
        """Accept the reason as the text that the database keeps."""
        object.__setattr__(self, "priority_reason", PriorityReason(self.priority_reason))


@dataclass(frozen=True, kw_only=True)
class QueueEntry:
    """One patient in a clinic's queue, as the doctor and the nurse see it."""

    item_id: int
    number: str
    state: State
    priority: int
    priority_reason: PriorityReason
    clinic_id: str
    patient_id: str
    patient_number: str
    patient_name: str
    birth_date: str
    sex: str
    encounter_id: str
    assigned_to: str
    waiting_since: datetime
    results_back: int = 0

    def __post_init__(self) -> None:
        """Accept what the database keeps as text."""
        object.__setattr__(self, "state", State(self.state))
        object.__setattr__(self, "priority_reason", PriorityReason(self.priority_reason))


@dataclass(frozen=True, kw_only=True)
class BoardClinic:
    """One clinic on the public board: numbers only, no names."""

    clinic_id: str
    name: str
    room: str
    now_serving: tuple[str, ...]
    next_numbers: tuple[str, ...]
    absent_numbers: tuple[str, ...]
    waiting: int
    called_at: datetime | None

    def __post_init__(self) -> None:
        """Accept the lists that the database gives."""
        for name in ("now_serving", "next_numbers", "absent_numbers"):
            object.__setattr__(self, name, tuple(getattr(self, name)))


@dataclass(frozen=True)
class PriorityLimits:
    """Ages of the law in force on the day; from the dated rules."""

    child_under_years: int
    elderly_from_years: int


def priority_of(
    stated: PriorityReason, birth_date: str, on: date, limits: PriorityLimits
) -> tuple[int, PriorityReason]:
    """Return the rank and its reason: what the desk states, else age decides."""
    if stated == PriorityReason.EMERGENCY:
        return Priority.EMERGENCY, stated
    if stated != PriorityReason.NONE:
        return Priority.PRIORITY, stated
    age = age_years(birth_date, on)
    if age is not None and 0 <= age < limits.child_under_years:
        return Priority.PRIORITY, PriorityReason.CHILD
    if age is not None and age >= limits.elderly_from_years:
        return Priority.PRIORITY, PriorityReason.ELDERLY
    return Priority.ORDINARY, PriorityReason.NONE


def ticket_number(prefix: str, number: int) -> str:
    """Write a ticket as it is printed and called: A007."""
    return f"{prefix}{number:03d}"


def queue_since(at: datetime) -> datetime:
    """From when on tickets still count as today's.

    Local midnight; in the small hours those of the late evening still wait.
    """
    now = local(at)
    midnight = datetime.combine(now.date(), time(0), VIETNAM)
    return midnight - timedelta(hours=6) if now.hour < 6 else midnight
