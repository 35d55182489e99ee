"""States of waiting things and the verbs that move between them. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from yba.foundation.work.errors import WorkNotPossible


class State(StrEnum):
    """Where a waiting thing stands."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    STARTED = "started"
    ABSENT = "absent"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    """What can be done to a waiting thing."""

    CLAIM = "claim"
    START = "start"
    FINISH = "finish"
    MISS = "miss"
    PUT_BACK = "put-back"
    MOVE = "move"
    CANCEL = "cancel"


_W, _C, _S, _A = State.WAITING, State.CLAIMED, State.STARTED, State.ABSENT
TRANSITIONS: dict[Verb, dict[State, State]] = {
    # Claiming again is a recall: the number is called once more.
    Verb.CLAIM: {_W: _C, _C: _C, _A: _C},
    Verb.START: {_W: _S, _C: _S, _A: _S},
    Verb.FINISH: {_W: State.FINISHED, _C: State.FINISHED, _S: State.FINISHED},
    Verb.MISS: {_W: _A, _C: _A},
    Verb.PUT_BACK: {_C: _W, _S: _W, _A: _W},
    Verb.MOVE: {_W: _W, _C: _W, _S: _W, _A: _W},
    Verb.CANCEL: dict.fromkeys((_W, _C, _S, _A), State.CANCELLED),
}
OPEN_STATES = (_W, _C, _S, _A)


class Priority:
    """Smaller goes first. Ward words for the numbers stored in work.item."""

    EMERGENCY = 0
    PRIORITY = 10
    BOOKED = 20
    ORDINARY = 30


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """One waiting thing, of any kind.

    `kind` names the desk it waits at ("visit", "laboratory"); `place` is the
    clinic, bench or role; `focus` is a literal reference such as
    "Encounter/…" or "ServiceRequest/…"; `number` is what is printed and called.
    """

    item_id: int
    kind: str
    state: State
    place: str
    patient_id: str
    focus: str
    number: str
    priority: int
    due_at: datetime | None
    assigned_to: str
    reason: str
    created_at: datetime
    changed_at: datetime

    def __post_init__(self) -> None:
        """Accept the state as the text that the database keeps."""
        object.__setattr__(self, "state", State(self.state))


def next_state(verb: Verb, state: State) -> State:
    """Return where `verb` leads from `state`; raises WorkNotPossible if nowhere."""
    try:
        return TRANSITIONS[verb][state]
    except KeyError:
        raise WorkNotPossible(verb=verb.value, state=state.value) from None
