"""What a citizen's home says first. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from yba.care.encounters.model import VisitLine, VisitState
from yba.care.scheduling.model import Ticket
from yba.foundation.audit.model import Trace
from yba.money.payments.model import Bill
from yba.plumbing.i18n import N_


class Step(StrEnum):
    """What comes next, most pressing first."""

    WAIT = "wait"
    SEE_DOCTOR = "see-doctor"
    PAY = "pay"
    READ = "read"
    NOTHING = "nothing"


@dataclass(frozen=True)
class NextStep:
    """The one thing to do now."""

    step: Step
    visit: VisitLine | None = None
    ticket: Ticket | None = None
    bill: Bill | None = None


def open_visit(visits: Sequence[VisitLine]) -> VisitLine | None:
    """Return the newest visit that is still going on."""
    going_on = (VisitState.ARRIVED, VisitState.IN_PROGRESS)
    return next((visit for visit in visits if visit.state in going_on), None)


def next_step(
    visits: Sequence[VisitLine], ticket: Ticket | None, bills: Sequence[Bill]
) -> NextStep:
    """Return what this person should do now."""
    going_on = open_visit(visits)
    if going_on is not None:
        waits = going_on.state == VisitState.ARRIVED
        return NextStep(Step.WAIT if waits else Step.SEE_DOCTOR, going_on, ticket)
    due = next((bill for bill in bills if bill.remaining > 0), None)
    if due is not None:
        visit = next((v for v in visits if v.encounter_id == due.encounter_id), None)
        return NextStep(Step.PAY, visit, bill=due)
    finished = next((visit for visit in visits if visit.state == VisitState.FINISHED), None)
    return NextStep(Step.READ if finished else Step.NOTHING, finished)


_WHAT = {
    "parties": N_("Name, address and insurance"),
    "encounters": N_("Visits, findings and diagnoses"),
    "scheduling": N_("Place in the queue"),
    "orders": N_("Orders and prescriptions"),
    "laboratory": N_("Laboratory results"),
    "documents": N_("Signed documents"),
    "payments": N_("Payments"),
    "charging": N_("Charges"),
    "insurance": N_("Insurance claim"),
    "record": N_("Medical record"),
    "accounts": N_("Your account"),
    "fhir": N_("Medical record"),
}


def what_was_seen(trace: Trace) -> str:
    """Return, as a msgid, which part of the record an act touched."""
    return _WHAT.get(trace.what.split(".")[0], N_("Medical record"))


@dataclass(frozen=True)
class Look:
    """Acts of one person on one part of the record within one hour, as one line."""

    first: Trace
    times: int


def looks(traces: Sequence[Trace]) -> list[Look]:
    """Gather neighbouring acts of the same person, kind and hour, newest first."""
    gathered: list[Look] = []
    for trace in traces:
        if gathered and _same(gathered[-1].first, trace):
            gathered[-1] = Look(gathered[-1].first, gathered[-1].times + 1)
        else:
            gathered.append(Look(trace, 1))
    return gathered


def _same(one: Trace, other: Trace) -> bool:
    return (
        one.account_id == other.account_id
        and one.action == other.action
        and what_was_seen(one) == what_was_seen(other)
        and abs(one.at - other.at).total_seconds() < 3600
    )
