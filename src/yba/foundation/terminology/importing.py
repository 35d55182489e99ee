"""Bringing a published list into force: what is added, changed and closed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from yba.foundation.terminology import store
from yba.foundation.terminology.errors import ListLooksTruncated
from yba.foundation.terminology.model import Concept, Group, search_text
from yba.plumbing.database import Tx

_FEWEST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Misprint:
    """A row of a file that could not be taken as it stands."""

    line: int
    code: str
    reason: str
    is_repaired: bool = False


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A list as read from a file.

    `is_complete` says that a code it lacks is out of force. `owned` names the
    properties that this list decides; others (prices, everyday names) are
    kept from the row that was in force.
    """

    system: str
    source: str
    concepts: Sequence[Concept]
    owned: frozenset[str]
    is_complete: bool
    misprints: Sequence[Misprint] = ()
    groups: Sequence[Group] = ()

    def fingerprint(self) -> str:
        """Return a hash of the rows."""
        digest = hashlib.sha256()
        for item in self.concepts:
            digest.update(f"{item.code}\t{item.name_vi}\t{item.name_en}".encode())
            digest.update(repr(sorted(item.properties.items())).encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import will do, by code."""

    added: Sequence[Concept]
    changed: Sequence[Concept]
    corrected: Sequence[Concept]
    closed: Sequence[str]
    unchanged: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did."""

    system: str
    added: int
    changed: int
    corrected: int
    closed: int
    unchanged: int
    misprints: Sequence[Misprint] = field(default_factory=tuple["Misprint", ...])

    @property
    def has_changes(self) -> bool:
        """Tell whether anything was written."""
        return bool(self.added or self.changed or self.corrected or self.closed)


def _earliest(*days: date | None) -> date | None:
    known = [day for day in days if day is not None]
    return min(known) if known else None


def merge(old: Concept | None, new: Concept, owned: frozenset[str]) -> Concept:
    """Return `new` with what the list does not decide kept from `old`."""
    if old is None:
        return new
    kept = {key: value for key, value in old.properties.items() if key not in owned}
    properties = kept | dict(new.properties)
    also: list[str] = list(properties.get("also", ()))
    if old.name_vi != new.name_vi and old.is_common and old.name_vi not in also:
        also.append(old.name_vi)
    if also:
        properties["also"] = also
    return replace(new, properties=properties, is_common=old.is_common or new.is_common)


def _says_the_same(old: Concept, new: Concept) -> bool:
    return (
        old.name_vi == new.name_vi
        and old.name_en == new.name_en
        and dict(old.properties) == dict(new.properties)
        and search_text(old) == search_text(new)
    )


def plan(
    published: PublishedList,
    *,
    in_force: Mapping[str, Concept],
    next_validity: Mapping[str, date],
    valid_from: date,
    valid_to: date | None,
) -> Plan:
    """Compare a list with what is in force on its first day. Pure.

    `next_validity` says when a later version of a code begins; `valid_to` is
    the last day of the whole list, None while no later one is known.
    """
    added: list[Concept] = []
    changed: list[Concept] = []
    corrected: list[Concept] = []
    unchanged = 0
    for item in published.concepts:
        old = in_force.get(item.code)
        follows = next_validity.get(item.code)
        ends = _earliest(
            valid_to,
            follows - timedelta(days=1) if follows else None,
            old.valid_to if old else None,
        )
        new = replace(merge(old, item, published.owned), valid_from=valid_from, valid_to=ends)
        if old is None:
            added.append(new)
        elif _says_the_same(old, new):
            unchanged += 1
        elif old.valid_from == valid_from:
            corrected.append(new)
        else:
            changed.append(new)
    present = {item.code for item in published.concepts}
    closed = sorted(set(in_force) - present) if published.is_complete else []
    return Plan(added, changed, corrected, closed, unchanged)


async def apply(
    tx: Tx,
    *,
    published: PublishedList,
    valid_from: date,
    valid_to: date | None,
    allow_shrink: bool,
) -> ImportReport:
    """Write a plan in the caller's transaction."""
    system = published.system
    await store.lock(tx, system=system)
    in_force = {item.code: item for item in await store.concepts(tx, system=system, on=valid_from)}
    if (
        published.is_complete
        and not allow_shrink
        and len(published.concepts) < _FEWEST_SHARE * len(in_force)
    ):
        raise ListLooksTruncated(found=len(published.concepts), in_force=len(in_force))
    follows = await store.next_complete_list(tx, system=system, after=valid_from)
    todo = plan(
        published,
        in_force=in_force,
        next_validity=await store.next_validities(tx, system=system, after=valid_from),
        valid_from=valid_from,
        valid_to=_earliest(valid_to, follows - timedelta(days=1) if follows else None),
    )
    report = ImportReport(
        system,
        len(todo.added),
        len(todo.changed),
        len(todo.corrected),
        len(todo.closed),
        todo.unchanged,
        published.misprints,
    )
    fingerprint = published.fingerprint()
    if not report.has_changes and await store.is_known_list(
        tx, system=system, fingerprint=fingerprint, valid_from=valid_from
    ):
        return report
    edition_id = await store.add_edition(
        tx,
        system=system,
        source=published.source,
        fingerprint=fingerprint,
        is_shipped=False,
        is_complete=published.is_complete,
        valid_from=valid_from,
        row_count=len(published.concepts),
    )
    ending = [*todo.closed, *(item.code for item in todo.changed)]
    await store.close(tx, system=system, codes=ending, first_day_out=valid_from)
    written = [*todo.added, *todo.changed, *todo.corrected]
    await store.write(tx, [(item, edition_id) for item in written], is_shipped=False)
    await store.analyze(tx)
    return report
