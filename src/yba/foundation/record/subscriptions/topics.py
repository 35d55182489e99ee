"""The topics that can be subscribed to here, and when each tells of a change.

Main rule: a trigger is decided on the state before and the state after one change.
Standard: FHIR R5 SubscriptionTopic.resourceTrigger, as R4 servers offer it by the backport.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from yba.foundation.record.query.parse import parse
from yba.foundation.record.query.tree import Search

Action: TypeAlias = Literal["create", "update", "delete"]
ALL_ACTIONS: frozenset[Action] = frozenset({"create", "update", "delete"})
STEM = "urn:yba:vn:subscription-topic:"


@dataclass(frozen=True, slots=True)
class Trigger:
    """One kind of change. Type "" is every type. Queries are of the state before and after."""

    type: str
    actions: frozenset[Action] = ALL_ACTIONS
    before: str = ""
    after: str = ""
    # Whether a creation (which has no state before) passes the test of that state.
    passes_without_before: bool = True

    def concerns(self, type_: str) -> bool:
        """Return whether it tells of this type."""
        return self.type in ("", type_)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic."""

    url: str
    title: str
    triggers: tuple[Trigger, ...]


def _becomes(type_: str, *statuses: str) -> Trigger:
    wanted = ",".join(statuses)
    return Trigger(
        type_, frozenset({"create", "update"}), f"status:not={statuses[0]}", f"status={wanted}"
    )


_BUILT_IN: tuple[tuple[str, str, tuple[Trigger, ...]], ...] = (
    ("resource-changed", "A resource is created, updated or deleted", (Trigger(""),)),
    ("resource-created", "A resource is created", (Trigger("", frozenset({"create"})),)),
    ("resource-updated", "A resource is updated", (Trigger("", frozenset({"update"})),)),
    ("resource-deleted", "A resource is deleted", (Trigger("", frozenset({"delete"})),)),
    ("encounter-start", "An encounter begins", (_becomes("Encounter", "in-progress"),)),
    ("encounter-end", "An encounter ends", (_becomes("Encounter", "finished"),)),
    (
        "result-final", "A laboratory value or report becomes final",
        (_becomes("Observation", "final"), _becomes("DiagnosticReport", "final")),
    ),
    (
        "prescription-active", "A prescription becomes active",
        (_becomes("MedicationRequest", "active"),),
    ),
    ("task-changed", "A task is created, updated or deleted", (Trigger("Task"),)),
)  # fmt: skip


OFFERED: tuple[Topic, ...] = tuple(
    Topic(STEM + name, title, triggers) for name, title, triggers in _BUILT_IN
)
_BY_URL = {topic.url: topic for topic in OFFERED}


def find(url: str) -> Topic | None:
    """Return the topic of that canonical address; a version behind `|` makes no difference."""
    return _BY_URL.get(url.partition("|")[0])


@cache
def query_of(type_: str, query: str) -> Search:
    """Return the search of a trigger's query."""
    return parse(type_, query)
