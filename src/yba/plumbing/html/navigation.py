"""Where a person may go: the entries of the top bar, filled by the surfaces."""

from collections.abc import Callable, Sequence
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


# Of more entries than these the last ones go into a menu, so that the bar stays one line.
_MOST_IN_LINE = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """The entries in the line, those in its menu, and which of them is open (None: another page)."""

    line: list[NavigationItem]
    more: list[NavigationItem]
    current: NavigationItem | None


def bar(items: Sequence[NavigationItem], path: str, path_of: Callable[[str], str]) -> Bar:
    """Arrange `items` for the page at `path`; the entry that is open always stands in the line."""

    def opens(item: NavigationItem) -> int:
        """Return how much of `path` the entry's own path is; 0 if it is another place."""
        place = path_of(item.page)
        below = place != "/" and path.startswith(place + "/")
        return len(place) if path == place or below else 0

    current = max(items, key=opens, default=None)
    if current is not None and not opens(current):
        current = None
    if len(items) <= _MOST_IN_LINE:
        return Bar(list(items), [], current)
    line = list(items[: _MOST_IN_LINE - 1])
    if current is not None and current not in line:
        line[-1] = current
    return Bar(line, [item for item in items if item not in line], current)
