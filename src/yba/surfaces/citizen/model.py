"""What a citizen's home says first. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from yba.care.encounters.model import VisitLine, VisitState
from yba.care.scheduling.model import Ticket
from yba.foundation.audit.model import Trace
from yba.plumbing.i18n import N_

_ONE_GO = timedelta(hours=1)


class Step(StrEnum):
    """What comes next, most pressing first."""

    WAIT = "wait"
    SEE_DOCTOR = "see-doctor"
    PAY = "pay"
    READ = "read"
    NOTHING = "nothing"


@dataclass(frozen=True)
class NextStep:
    """The one thing to do now; `to_pay` is whole đồng."""

    step: Step
    visit: VisitLine | None = None
    ticket: Ticket | None = None
    to_pay: int = 0


def open_visit(visits: Sequence[VisitLine]) -> VisitLine | None:
    """Return the newest visit that is still going on."""
    going_on = (VisitState.ARRIVED, VisitState.IN_PROGRESS)
    return next((visit for visit in visits if visit.state in going_on), None)


def last_finished(visits: Sequence[VisitLine]) -> VisitLine | None:
    """Return the newest visit that is complete."""
    return next((visit for visit in visits if visit.state == VisitState.FINISHED), None)


def next_step(visits: Sequence[VisitLine], ticket: Ticket | None, to_pay: int) -> NextStep:
    """Return what this person should do now; `to_pay` is what the last visit still costs."""
    going_on = open_visit(visits)
    if going_on is not None:
        waits = going_on.state == VisitState.ARRIVED
        return NextStep(Step.WAIT if waits else Step.SEE_DOCTOR, going_on, ticket)
    finished = last_finished(visits)
    if finished is None:
        return NextStep(Step.NOTHING)
    return NextStep(Step.PAY if to_pay > 0 else Step.READ, finished, to_pay=to_pay)


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
    """What one person did with the record in one go, as one entry of the list.

    `acts` are (action, part of the record as a msgid, how many times).
    """

    actor_name: str
    facility: str
    purpose: str
    since: datetime
    until: datetime
    acts: tuple[tuple[str, str, int], ...]


def looks(traces: Sequence[Trace]) -> list[Look]:
    """Gather what the same person did for the same purpose within an hour, newest first."""
    groups: list[list[Trace]] = []
    for trace in traces:
        group = next((group for group in reversed(groups) if _belongs(group, trace)), None)
        if group is None:
            groups.append([trace])
        else:
            group.append(trace)
    return [_look(group) for group in groups]


def _belongs(group: Sequence[Trace], trace: Trace) -> bool:
    last = group[-1]
    return (last.account_id, last.facility, last.purpose) == (
        trace.account_id,
        trace.facility,
        trace.purpose,
    ) and abs(last.at - trace.at) < _ONE_GO


def _look(group: Sequence[Trace]) -> Look:
    counted = Counter((trace.action, what_was_seen(trace)) for trace in group)
    first = group[0]
    return Look(
        actor_name=first.actor_name,
        facility=first.facility,
        purpose=first.purpose,
        since=min(trace.at for trace in group),
        until=max(trace.at for trace in group),
        acts=tuple((action, part, times) for (action, part), times in counted.items()),
    )
