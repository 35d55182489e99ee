"""What a citizen's home says first. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from yba.care.encounters.model import VisitLine, VisitState
from yba.care.scheduling.model import Ticket
from yba.foundation.audit.model import Trace
from yba.foundation.consent.model import Restriction
from yba.kernel.text import fold
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
    "consent": N_("Consents and rights"),
    "share": N_("Shared by a code"),
    "signing": N_("Signed documents"),
    "access": N_("Access to the record"),
    "notices": N_("Messages"),
}


def what_was_seen(trace: Trace) -> str:
    """Return, as a msgid, which part of the record an act touched."""
    return _WHAT.get(trace.what.split(".")[0], N_("Medical record"))


@dataclass(frozen=True)
class Look:
    """What one person did with the record in one go, as one entry of the list.

    `acts` are (action, part of the record as a msgid, how many times); `visit` is the one during
    which it happened, if it was one. `roles` are hers at that moment.
    """

    actor_name: str
    facility: str
    purpose: str
    since: datetime
    until: datetime
    acts: tuple[tuple[str, str, int], ...]
    account_id: str = ""
    roles: tuple[str, ...] = ()
    visit: VisitLine | None = None

    @property
    def is_by_code(self) -> bool:
        """Return whether a stranger looked whom the person had shown a code."""
        return self.account_id.startswith("share:")

    @property
    def is_by_proxy(self) -> bool:
        """Return whether somebody acted for the person."""
        return "proxy" in self.roles

    @property
    def is_by_a_program(self) -> bool:
        """Return whether no human being looked."""
        return self.account_id.startswith("system:")


@dataclass(frozen=True)
class LookFilter:
    """What the list of looks is narrowed to; empty: everything."""

    text: str = ""
    purpose: str = ""
    visit: str = ""

    def fits(self, look: Look) -> bool:
        """Return whether an entry is to be shown."""
        if self.purpose and look.purpose != self.purpose:
            return False
        if self.visit and (look.visit is None or look.visit.encounter_id != self.visit):
            return False
        return fold(self.text) in fold(f"{look.actor_name} {look.facility}")


def looks(traces: Sequence[Trace], visits: Sequence[VisitLine] = ()) -> list[Look]:
    """Gather what the same person did for the same purpose within an hour, newest first."""
    groups: list[list[Trace]] = []
    for trace in traces:
        group = next((group for group in reversed(groups) if _belongs(group, trace)), None)
        if group is None:
            groups.append([trace])
        else:
            group.append(trace)
    return [_look(group, visits) for group in groups]


def _belongs(group: Sequence[Trace], trace: Trace) -> bool:
    last = group[-1]
    return (last.account_id, last.actor_name, last.facility, last.purpose) == (
        trace.account_id,
        trace.actor_name,
        trace.facility,
        trace.purpose,
    ) and abs(last.at - trace.at) < _ONE_GO


def _look(group: Sequence[Trace], visits: Sequence[VisitLine]) -> Look:
    counted = Counter((trace.action, what_was_seen(trace)) for trace in group)
    first = group[0]
    return Look(
        actor_name=first.actor_name,
        facility=first.facility,
        purpose=first.purpose,
        since=min(trace.at for trace in group),
        until=max(trace.at for trace in group),
        acts=tuple((action, part, times) for (action, part), times in counted.items()),
        account_id=first.account_id,
        roles=tuple(first.actor_roles),
        visit=_visit_of(group, visits),
    )


def _visit_of(group: Sequence[Trace], visits: Sequence[VisitLine]) -> VisitLine | None:
    """Return the visit that the acts were about: named by them, else the one going on then."""
    named = {
        reference.removeprefix("Encounter/")
        for trace in group for reference in trace.resources
        if reference.startswith("Encounter/")
    }  # fmt: skip
    known = {visit.encounter_id: visit for visit in visits}
    if len(named) == 1:
        return known.get(next(iter(named)))
    moment = group[0].at
    return next(
        (
            visit for visit in visits
            if visit.opened_at <= moment <= (visit.closed_at or moment) + _ONE_GO
        ),
        None,
    )  # fmt: skip


def entries_hidden_from_everybody(
    restrictions: Iterable[Restriction], at: datetime
) -> dict[str, int]:
    """Return the single entries that everybody is kept from now: reference -> restriction."""
    return {
        one.target: one.restriction_id
        for one in restrictions
        if one.scope == "entry" and one.from_everybody and one.holds(at)
    }
