"""Where a person may go: the entries of the top bar, filled by the surfaces."""

from collections.abc import Sequence
from dataclasses import dataclass

from yba.kernel.actor import Actor


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """One entry. `label` is a msgid, `page` the name of a page, `key` its Alt+letter."""

    label: str
    page: str
    permission: str
    icon: str
    key: str = ""


def allowed(items: Sequence[NavigationItem], actor: Actor | None) -> list[NavigationItem]:
    """Return the entries that `actor` may open, in their order."""
    return [item for item in items if actor is not None and actor.may(item.permission)]
