"""States of a medical record, retention classes, completeness. Pure.

Source: Circular 33/2025/TT-BYT annex, group 1: a period is counted from the year in which the
work ends, and the longest part rules the file.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from yba.plumbing.i18n import N_

_DATA = Path(__file__).parent / "data"
FOR_EVER = date.max


class State(StrEnum):
    """Where a medical record stands."""

    DRAFT = "draft"
    ACTIVE = "active"
    CLOSED = "closed"
    ARCHIVED = "archived"
    DESTROYED = "destroyed"


WAYS: frozenset[tuple[State, State]] = frozenset(
    {
        (State.DRAFT, State.ACTIVE),
        (State.ACTIVE, State.CLOSED),
        (State.CLOSED, State.ACTIVE),
        (State.CLOSED, State.ARCHIVED),
        (State.ARCHIVED, State.DESTROYED),
    }
)

STATE_WORDS = {
    State.DRAFT: N_("Just begun"),
    State.ACTIVE: N_("Under treatment or being completed"),
    State.CLOSED: N_("Complete"),
    State.ARCHIVED: N_("Archived"),
    State.DESTROYED: N_("Destroyed"),
}

STEP_WORDS = {
    "begin": N_("begun"),
    "activate": N_("treatment began"),
    "close": N_("completed"),
    "reopen": N_("taken up again"),
    "archive": N_("archived"),
    "cancel": N_("marked as cancelled"),
    "restore": N_("restored"),
    "raise-retention": N_("to be kept longer"),
    "annex": N_("annex added"),
    "hold": N_("legal hold placed"),
    "lift-hold": N_("legal hold lifted"),
    "hand-over": N_("copy handed over"),
    "reader": N_("reading allowed"),
    "destroy": N_("destroyed"),
}

# Who may read after archiving, and whether the ground allows copies: Law 15/2023/QH15 art. 69.
GROUND_WORDS = {
    "court": N_("Court or prosecution"),
    "police": N_("Police"),
    "inspection": N_("Health inspection"),
    "forensic": N_("Forensic examination"),
    "lawyer": N_("Lawyer, with the patient's consent"),
    "insurer": N_("Insurance, on the spot, with consent"),
    "student": N_("Student, on the spot, with consent"),
    "treatment": N_("Treatment of the same patient"),
    "other-facility": N_("Other facility, with consent"),
}
READ_ON_THE_SPOT = frozenset({"insurer", "student"})

KIND_WORDS = {
    "ordinary": N_("Ordinary in- or outpatient record"),
    "psychiatric": N_("Psychiatric record"),
    "work-accident": N_("Accident at work"),
    "traffic-accident": N_("Traffic accident"),
    "aesthetic-surgery": N_("Aesthetic surgery"),
    "transplant": N_("Transplant, donor or recipient"),
    "death": N_("Death"),
    "medical-incident": N_("Medical incident"),
    "register": N_("Register or book of the clinic"),
    "health-check": N_("Health-check certificate"),
    "health-book": N_("Electronic health book"),
}


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """How long one kind of record is kept, from one day on. `years` 0 is for ever."""

    kind: str
    name: str
    years: int
    counted_from: str
    valid_from: date
    valid_to: date | None
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Keeping:
    """What rules a record: the class, and the last day on which it is kept."""

    kind: str
    keep_until: date

    @property
    def is_for_ever(self) -> bool:
        """Whether it is never destroyed."""
        return self.keep_until == FOR_EVER


@dataclass(frozen=True, slots=True)
class Record:
    """One medical record. `keep_until` is None until it has ended, FOR_EVER if it stays."""

    encounter_id: str
    patient_id: str
    claim_key: str
    state: str
    cancelled: bool
    begun_at: datetime
    ended_on: date | None
    retention: str
    keep_until: date | None
    changed_at: datetime
    held: bool = False
    listed: bool = False

    @property
    def words(self) -> str:
        """Its state as a msgid."""
        return STATE_WORDS[State(self.state)]

    @property
    def retention_words(self) -> str:
        """Its retention class as a msgid, "" before there is one."""
        return KIND_WORDS.get(self.retention, "")

    @property
    def is_for_ever(self) -> bool:
        """Whether it is never destroyed."""
        return self.keep_until == FOR_EVER

    def is_due(self, on: date) -> bool:
        """Whether it may be destroyed on that day, holds apart."""
        return self.state == State.ARCHIVED and self.keep_until is not None and self.keep_until < on


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a record."""

    number: int
    what: str
    state: str
    reason: str
    account_id: str
    person: str
    at: datetime

    @property
    def words(self) -> str:
        """What happened, as a msgid."""
        return STEP_WORDS[self.what]


@dataclass(frozen=True, slots=True)
class Hold:
    """An order to keep a record; it blocks destruction until it is lifted."""

    hold_id: str
    encounter_id: str
    claim_key: str
    ordered_by: str
    reason: str
    at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that a complete record still lacks; `sentence` is a msgid."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Line:
    """One record on a list for destruction."""

    encounter_id: str
    claim_key: str
    retention: str
    keep_until: date

    @property
    def words(self) -> str:
        """Its retention class as a msgid."""
        return KIND_WORDS.get(self.retention, "")


@dataclass(frozen=True, slots=True)
class Destruction:
    """A list for destruction and how far it has come; `minutes` is the hash of the paper."""

    destruction_id: str
    proposed_by: str
    proposer: str
    proposed_at: datetime
    reason: str
    approver: str | None
    approved_at: datetime | None
    executor: str | None
    done_at: datetime | None
    resources: int | None
    documents: int | None
    minutes: str | None
    lines: int


@cache
def retention_classes() -> tuple[RetentionClass, ...]:
    """Return every row of the dated table."""
    rows = tomllib.loads((_DATA / "retention.toml").read_text(encoding="utf-8"))["class"]
    return tuple(
        RetentionClass(
            kind=row["kind"],
            name=row["name"],
            years=row["years"],
            counted_from=row["counted_from"],
            valid_from=row["from"],
            valid_to=row.get("to"),
            source=row["source"],
            confidence=row["confidence"],
        )
        for row in rows
    )


def retention_on(kind: str, on: date) -> RetentionClass:
    """Return the row of a kind that holds on the day the work ended. Raises KeyError."""
    for row in retention_classes():
        if (
            row.kind == kind
            and row.valid_from <= on
            and (row.valid_to is None or on <= row.valid_to)
        ):
            return row
    raise KeyError(kind)


def keeping(kinds: Iterable[str], *, ended_on: date, died_on: date | None = None) -> Keeping:
    """Return what rules a record to which all of `kinds` apply; "ordinary" always does.

    The last day of keeping is 31 December of the year in which the period ends. A class that is
    counted from a death keeps for ever until that death is known.
    """
    found = [
        Keeping(kind, _until(retention_on(kind, ended_on), ended_on, died_on))
        for kind in sorted({"ordinary", *kinds})
    ]
    return max(found, key=lambda one: one.keep_until)


def _until(row: RetentionClass, ended_on: date, died_on: date | None) -> date:
    if row.years == 0:
        return FOR_EVER
    if row.counted_from == "death":
        return FOR_EVER if died_on is None else date(died_on.year + row.years, 12, 31)
    return date(ended_on.year + row.years, 12, 31)


# KET_QUA_DTRI of deaths; MA_TAI_NAN of accidents (claim lists of the insurance).
_DEATHS = frozenset({"5", "8"})
_ACCIDENTS = {"1": "traffic-accident", "2": "work-accident"}


def circumstances(*, outcome: str, injury_cause: str, diagnoses: Iterable[str]) -> frozenset[str]:
    """Return the kinds that a visit's own facts show.

    Death by its outcome, accidents by the cause of injury, psychiatric by a diagnosis of ICD-10
    chapter V. What facts do not show (transplant, incident, aesthetic surgery) a person enters.
    """
    found: set[str] = set()
    if outcome in _DEATHS:
        found.add("death")
    if injury_cause in _ACCIDENTS:
        found.add(_ACCIDENTS[injury_cause])
    if any(code.startswith("F") for code in diagnoses):
        found.add("psychiatric")
    return frozenset(found)
