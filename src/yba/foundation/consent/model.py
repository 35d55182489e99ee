"""Consents, ages, clocks, recipients: the shapes and the pure rules of this context."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

from yba.foundation.consent.ages import Voice, ask_again_on, birthday, voice_of
from yba.foundation.consent.texts import ConsentText, all_texts, text_of_version, text_on
from yba.foundation.rules import service as rules
from yba.foundation.work import service as work
from yba.kernel.clock import local_date
from yba.plumbing.i18n import N_

__all__ = [
    "BASES", "CHANNELS", "DATA_KINDS", "ENTRY_NAMES", "HIDING_KINDS", "HIDING_NAMES", "OWN_CHANNELS",
    "PURPOSE_NAMES", "RECIPIENT_NAMES", "RELATIONS", "REQUEST_NAMES", "REQUEST_STATES", "SCOPES",
    "SHARE_PARTS", "STEP_NAMES", "WRONG_PINS", "Channel", "Clock", "ConsentText", "Decision",
    "Disclosure", "Exception19", "NewShare", "Opening", "Permit", "Proxy", "Recipient",
    "RecipientKind", "Release", "RequestKind", "RequestStep", "Restriction", "Share",
    "SubjectRequest", "Voice", "all_texts", "ask_again_on", "birthday", "clock_of", "extended",
    "text_of_version", "text_on", "urgency", "voice_of",
]  # fmt: skip

Channel = Literal["paper", "recorded-call", "sms", "e-mail", "web", "app"]
CHANNELS: Mapping[str, str] = {
    "paper": N_("On paper"),
    "recorded-call": N_("Recorded call"),
    "sms": N_("Text message"),
    "e-mail": N_("E-mail"),
    "web": N_("On this site"),
    "app": N_("In an app"),
}
OWN_CHANNELS = ("web", "app")
"""Channels in which this program itself is the evidence."""

RELATIONS: Mapping[str, str] = {
    "mother": N_("Mother"),
    "father": N_("Father"),
    "guardian": N_("Guardian"),
    "child": N_("Son or daughter"),
    "spouse": N_("Husband or wife"),
    "relative": N_("Other relative"),
    "other": N_("Other person trusted"),
}
"""What the one who acts is to the one she acts for."""

PURPOSE_NAMES: Mapping[str, str] = {
    "reminders": N_("Reminders by message"),
    "research": N_("Medical research"),
    "teaching": N_("Teaching of students"),
    "machine-learning": N_("Training of computer models"),
    "marketing": N_("News and offers"),
}


class RequestKind(StrEnum):
    """What a person may ask about her data (Law 91/2025/QH15 art. 4)."""

    VIEW = "view"
    CORRECT = "correct"
    COPY = "copy"
    DELETE = "delete"
    WITHDRAW = "withdraw"
    LIMIT = "limit"
    OBJECT = "object"
    PROTECT = "protect"


REQUEST_NAMES: Mapping[str, str] = {
    "view": N_("See my data"),
    "correct": N_("Correct an error"),
    "copy": N_("Get a copy"),
    "delete": N_("Delete data"),
    "withdraw": N_("Withdraw a consent"),
    "limit": N_("Limit the use of my data"),
    "object": N_("Object to a use"),
    "protect": N_("Protect my data better"),
}
REQUEST_STATES: Mapping[str, str] = {
    "received": N_("received"),
    "accepted": N_("being worked on"),
    "done": N_("done"),
    "refused": N_("refused"),
    "cancelled": N_("taken back"),
}
_CLOCK = {
    RequestKind.VIEW: "view",
    RequestKind.CORRECT: "view",
    RequestKind.COPY: "view",
    RequestKind.DELETE: "delete",
    RequestKind.WITHDRAW: "withdraw",
    RequestKind.LIMIT: "withdraw",
    RequestKind.OBJECT: "withdraw",
    RequestKind.PROTECT: "protect",
}


@dataclass(frozen=True, slots=True)
class Clock:
    """Until when (that day included) a request is answered and done."""

    answer_due_on: date
    due_on: date


def clock_of(kind: RequestKind, received_at: datetime, *, with_processors: bool = False) -> Clock:
    """Return the clock of a request that came in at that moment.

    The day of receipt does not count; a period that ends on a day without work ends on the next
    working day. Source: Decree 356/2025/NĐ-CP art. 5; Civil Code 91/2015/QH13 art. 147 and 148.
    """
    on = local_date(received_at)
    name = _CLOCK[kind]
    processors = "_processors" if with_processors and name != "protect" else ""
    days = int(rules.limit(f"privacy.{name}{processors}_days", on))
    answer = int(rules.limit("privacy.answer_working_days", on))
    return Clock(
        answer_due_on=work.after_working_days(on, answer),
        due_on=work.next_working_day(on + timedelta(days=days)),
    )


def extended(kind: RequestKind, received_at: datetime, *, with_processors: bool) -> date:
    """Return the day to which a request's clock may be extended, once.

    The whole period runs from receipt: the extension is added before a last day without work is
    moved on.
    """
    on = local_date(received_at)
    name = _CLOCK[kind]
    processors = "_processors" if with_processors and name != "protect" else ""
    days = int(rules.limit(f"privacy.{name}{processors}_days", on))
    more = int(rules.limit(f"privacy.{name}_extension_days", on))
    return work.next_working_day(on + timedelta(days=days + more))


_SOON = timedelta(days=2)


def urgency(due_on: date, today: date) -> Literal["late", "soon", "in-time"]:
    """Return how near the end of a clock is."""
    if today > due_on:
        return "late"
    return "soon" if due_on - today <= _SOON else "in-time"


class RecipientKind(StrEnum):
    """To whom data would go. The social health insurance and authorities act by law."""

    PROVIDER = "provider"
    INSURER = "insurer"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Another care provider or a private health or life insurer, by its code."""

    kind: RecipientKind
    code: str
    name: str = ""


RECIPIENT_NAMES: Mapping[str, str] = {
    "provider": N_("Another hospital, clinic or station"),
    "insurer": N_("Private health or life insurer"),
}
DATA_KINDS: Mapping[str, str] = {
    "identity": N_("Name, address and insurance"),
    "visits": N_("Visits and diagnoses"),
    "prescriptions": N_("Prescriptions"),
    "laboratory": N_("Laboratory results"),
    "documents": N_("Signed documents"),
    "costs": N_("Costs"),
}
BASES: Mapping[str, str] = {
    "request": N_("Written request of the person"),
    "19.1.a": N_("To protect life or health at once"),
    "19.1.b": N_("State of emergency, national security"),
    "19.1.c": N_("State body, as a law orders"),
    "19.1.d": N_("To perform an agreement of the person"),
    "19.1.đ": N_("Another case named by a law"),
    "share": N_("Shown by the person herself"),
}


@dataclass(frozen=True, slots=True)
class Exception19:
    """A case of article 19(1) in which no request is needed: its letter and why it applies."""

    letter: Literal["a", "b", "c", "d", "đ"]
    reason: str


@dataclass(frozen=True, slots=True)
class Permit:
    """On which basis data may go to a recipient now; `service.disclose` writes down that they did."""

    patient_id: str
    recipient: Recipient
    kinds: frozenset[str]
    basis: str
    release_id: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer to one purpose, and its withdrawal. A row that ended stays for ever."""

    decision_id: int
    patient_id: str
    purpose: str
    given: bool
    text_version: str
    text_sha256: bytes
    language: str
    channel: str
    evidence: str
    by_subject: bool
    by_representative: bool
    representative: str
    relation: str
    account_id: str
    at: datetime
    ask_again_on: date | None
    withdrawn_at: datetime | None
    withdrawal_channel: str
    withdrawal_due_on: date | None
    withdrawal_done_at: datetime | None
    replaced_at: datetime | None
    witness: str = ""
    scan: str = ""
    withdrawal_evidence: str = ""
    withdrawal_witness: str = ""

    @property
    def stands(self) -> bool:
        """Return whether this is a consent that holds now."""
        return self.given and self.withdrawn_at is None and self.replaced_at is None


@dataclass(frozen=True, slots=True)
class Release:
    """A written request to give data to somebody else, with scope, recipient and term."""

    release_id: int
    patient_id: str
    recipient_kind: str
    recipient_code: str
    recipient_name: str
    kinds: list[str]
    purpose: str
    channel: str
    evidence: str
    requested_by: str
    relation: str
    since: datetime
    until: datetime
    ended_at: datetime | None

    def is_open(self, at: datetime) -> bool:
        """Return whether it holds at that moment."""
        return self.since <= at < self.until and self.ended_at is None


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What went to whom, on which basis, when."""

    disclosure_id: int
    patient_id: str
    recipient_kind: str
    recipient_code: str
    recipient_name: str
    basis: str
    release_id: int | None
    reason: str
    kinds: list[str]
    resources: list[str]
    actor_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SubjectRequest:
    """A person's request about her data, its clock and its answer."""

    request_id: int
    patient_id: str
    kind: str
    state: str
    details: str
    target: str
    proposed: str
    channel: str
    account_id: str
    requested_by: str
    relation: str
    with_processors: bool
    received_at: datetime
    answer_due_on: date
    due_on: date
    answered_at: datetime | None
    extended_at: datetime | None
    extension_reason: str
    closed_at: datetime | None
    answer: str
    legal_basis: str
    result: str
    closed_by: str

    @property
    def is_open(self) -> bool:
        """Return whether it waits for somebody here."""
        return self.state in ("received", "accepted")

    @property
    def next_due_on(self) -> date:
        """Return the nearest day by which something must happen."""
        return self.answer_due_on if self.answered_at is None else self.due_on


@dataclass(frozen=True, slots=True)
class RequestStep:
    """What happened to a request."""

    at: datetime
    step: str
    actor_name: str
    words: str


STEP_NAMES: Mapping[str, str] = {
    "received": N_("Received"),
    "answered": N_("Receipt answered"),
    "extended": N_("Time extended"),
    "done": N_("Done"),
    "refused": N_("Refused"),
    "cancelled": N_("Taken back"),
}


@dataclass(frozen=True, slots=True)
class Proxy:
    """One person who acts (or asked to act) for another."""

    proxy_id: int
    patient_id: str
    person_id: str
    person_name: str
    patient_name: str
    relation: str
    state: str
    asked_at: datetime
    decided_at: datetime | None
    papers: str
    until: datetime | None
    ended_at: datetime | None

    def is_open(self, at: datetime) -> bool:
        """Return whether she acts at that moment."""
        return self.state == "accepted" and (self.until is None or at < self.until)


SCOPES: Mapping[str, str] = {
    "everything": N_("My whole medical record"),
    "category": N_("One kind of data"),
    "visit": N_("One visit"),
    "entry": N_("One entry"),
}
HIDING_KINDS: Mapping[str, tuple[str, ...]] = {
    "laboratory": ("DiagnosticReport", "Specimen"),
    "prescriptions": ("MedicationRequest",),
    "documents": ("DocumentReference", "Provenance"),
    "diagnoses": ("Condition",),
    "orders": ("ServiceRequest",),
    "allergies": ("AllergyIntolerance",),
}
HIDING_NAMES: Mapping[str, str] = {
    "laboratory": N_("Laboratory results"),
    "prescriptions": N_("Prescriptions"),
    "documents": N_("Signed documents"),
    "diagnoses": N_("Diagnoses"),
    "orders": N_("Orders"),
    "allergies": N_("Allergies"),
}


ENTRY_NAMES: Mapping[str, str] = {
    "Condition": N_("Diagnosis"),
    "Observation": N_("Measurement or result"),
    "MedicationRequest": N_("Prescribed medicine"),
    "DocumentReference": N_("Signed document"),
}
"""How people call the entries that they hide one by one."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """What a citizen hides, from whom, until when."""

    restriction_id: int
    patient_id: str
    scope: str
    target: str
    from_account: str | None
    from_department: str | None
    from_name: str
    since: datetime
    until: datetime | None
    ended_at: datetime | None

    def holds(self, at: datetime) -> bool:
        """Return whether it hides something at that moment."""
        begun = self.since <= at and (self.until is None or at < self.until)
        return begun and (self.ended_at is None or at < self.ended_at)

    @property
    def from_everybody(self) -> bool:
        """Return whether it hides from all, and not from one person or department."""
        return self.from_account is None and self.from_department is None


SHARE_PARTS: Mapping[str, str] = {
    "summary": N_("Name, birth date, allergies"),
    "visits": N_("Visits and diagnoses"),
    "prescriptions": N_("Prescriptions"),
    "laboratory": N_("Laboratory results"),
}
WRONG_PINS = 5
"""After so many wrong PINs a link is over, whoever typed them."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a citizen shows for a short time to whoever holds the link and the PIN."""

    share_id: int
    patient_id: str
    parts: list[str]
    since: datetime
    until: datetime
    ended_at: datetime | None
    wrong_pins: int
    openings: int = 0

    def is_open(self, at: datetime) -> bool:
        """Return whether the link opens at that moment."""
        return self.ended_at is None and at < self.until and self.wrong_pins < WRONG_PINS


@dataclass(frozen=True, slots=True)
class NewShare:
    """A new link: the secret and the PIN are told once and kept nowhere."""

    share_id: int
    secret: str
    pin: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Opening:
    """Who opened a shared record, as she declared herself."""

    share_id: int
    viewer_name: str
    viewer_place: str
    viewer_purpose: str
    at: datetime
