"""History of one resource, one type, or everything.

Main rule: newest first, every state once, deletions included; with `_since`, states that were
committed late are waited for, so nothing is skipped by who asks again from where they were.
Standard: FHIR R4 http.html#history.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from yba.fhir import r4
from yba.fhir.moments import range_of
from yba.foundation.record import histories, reading, settings
from yba.foundation.record.errors import ResourceNotFound, UnsearchableQuery
from yba.foundation.record.model import Version
from yba.foundation.record.plans import TYPE_NAMES, TYPE_NUMBERS
from yba.foundation.record.query.guard import Guard
from yba.kernel.actor import Actor
from yba.kernel.ids import encode_id
from yba.plumbing.database import Tx
from yba.surfaces.fhir_api import rendering
from yba.surfaces.fhir_api.exchange import Exchange
from yba.surfaces.fhir_api.interactions import READ, WHAT, Interactions, permit

_DEFAULT, _LARGEST = 100, 1000
_FIRST = (1 << 62, 1 << 62, 1 << 30)
_EARLIEST, _LATEST = -(1 << 62), 1 << 62


@dataclass(slots=True)
class _Asked:
    """What a history may be asked for."""

    count: int = _DEFAULT
    since: int = _EARLIEST
    at: tuple[int, int] | None = None
    listed: str = ""
    position: tuple[int, int, int] = _FIRST
    pairs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


async def history(
    do: Interactions, exchange: Exchange, actor: Actor, type_: str | None, id_: str | None
) -> None:
    """Answer the states of one resource, one type or everything, newest first."""
    permit(actor, READ)
    asked = _asked(exchange)
    types = [type_] if type_ else TYPE_NAMES
    guard = do.guard(actor)
    async with do.database.borrow() as connection:
        tx = Tx(connection)
        total = await histories.newest(tx, type_, id_, guard) if type_ and id_ else None
        if total == 0:
            raise ResourceNotFound
        if asked.since > _EARLIEST and id_ is None:
            await histories.wait_for_commits(tx)
        places = await _listed(tx, asked.listed, guard) if asked.listed else None
        if asked.count == 0:
            versions, following = [], None
            total = await histories.counted(
                tx, types=types, id_=id_, since=asked.since, during=asked.at, places=places,
                guard=guard,
            )  # fmt: skip
        elif places is not None or asked.at is not None:
            versions, following = await histories.within(
                tx, types=types, id_=id_, since=asked.since, during=asked.at, places=places,
                position=asked.position, count=asked.count, guard=guard,
            )  # fmt: skip
        else:
            versions, following = await reading.history(
                tx, types=types, id_=id_, since=asked.since, position=asked.position,
                count=asked.count, guard=guard,
            )  # fmt: skip
        brought_back = await histories.brought_back(tx, versions)
    await do.note_seen(actor, "history", *versions)
    if asked.count:
        total = _told(asked, total, versions, bool(following), guard)
    else:
        await do.trail.note(actor, WHAT + "history", None, types[:1] if type_ else [])
    url = "/".join(part for part in (do.base, type_, id_, "_history") if part)
    next_url = ""
    if following:
        next_url = f"{url}?{urlencode([*asked.pairs, ('_cursor', _written(following))])}"
    query = urlencode(asked.pairs)
    await exchange.answer(
        200,
        rendering.history_page(
            versions, base=do.base, self_url=f"{url}?{query}" if query else url,
            next_url=next_url, total=total, brought_back=brought_back,
        ),
    )  # fmt: skip


def _told(
    asked: _Asked, total: int | None, versions: list[Version], more: bool, guard: Guard | None
) -> int | None:
    """Return how many states there are, None where that is not told with a page of them."""
    if not more and asked.position == _FIRST:
        return len(versions)
    # Of how many states some are hidden is not told.
    is_whole = asked.since == _EARLIEST and asked.at is None and not asked.listed
    return total if is_whole and guard is None else None


def _asked(exchange: Exchange) -> _Asked:
    asked = _Asked()
    try:
        pairs = parse_qsl(
            exchange.query, keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except (UnicodeDecodeError, ValueError):
        raise UnsearchableQuery(reason="the query string cannot be read") from None
    for name, value in pairs:
        match name:
            case "_count":
                if not value.isascii() or not value.isdigit() or len(value) > 9:
                    raise UnsearchableQuery(reason="_count must be a whole number")
                asked.count = min(int(value), _LARGEST)
            case "_since":
                asked.since = _moments(name, value)[0]
            case "_at":
                asked.at = _moments(name, value)
            case "_list":
                if value.startswith("$"):
                    raise UnsearchableQuery(reason="a history keeps no functional lists")
                asked.listed = value.removeprefix("List/")
            case "_sort":
                if value not in ("-_lastUpdated", "-_last_updated"):
                    raise UnsearchableQuery(reason="a history is sorted by -_lastUpdated only")
            case "_cursor":
                asked.position = _read(value)
                continue
            case "_format" | "_pretty":
                continue
            case _:
                # Also when asked to be lenient: a history has no place to say what was left out.
                raise UnsearchableQuery(reason="a history has no such parameter")
        asked.pairs.append((name, value))
    return asked


def _moments(name: str, value: str) -> tuple[int, int]:
    try:
        return range_of(value.replace(" ", "+"), settings.zone())
    except ValueError:
        raise UnsearchableQuery(reason=f"{name} must be a date or an instant") from None


async def _listed(tx: Tx, id_: str, guard: Guard | None) -> list[tuple[str, str]]:
    """Return (type, id) of what a List names. Raises ResourceNotFound, ResourceDeleted."""
    found = await reading.current(tx, "List", id_, guard)
    items = r4.decode_as(r4.List, found.body or b"").entry or ()
    pairs: list[tuple[str, str]] = []
    for entry in items:
        reference = (entry.item.reference if entry.item else None) or ""
        parts = reference.split("/_history/")[0].split("/")[-2:]
        if len(parts) == 2 and parts[0] in TYPE_NUMBERS and not entry.deleted:
            pairs.append((parts[0], parts[1]))
    return pairs


def _written(position: tuple[int, int, int]) -> str:
    sign = "~" if position[1] < 0 else ""
    return "-".join(encode_id(part & ((1 << 63) - 1)) for part in position) + sign


def _read(text: str) -> tuple[int, int, int]:
    try:
        updated, rid, version = (int(part, 32) for part in text.rstrip("~").split("-"))
    except ValueError:
        raise UnsearchableQuery(reason="the page cannot be found") from None
    if max(updated, rid, version) >= 1 << 63:
        raise UnsearchableQuery(reason="the page cannot be found")
    return updated, rid - (1 << 63) if text.endswith("~") else rid, version
