"""Showing a record for half an hour: a link, a PIN, a declared viewer.

Main rule: link and PIN are told once and kept only by hash; a wrong PIN counts against the link,
and nothing tells a stranger whether a link exists, is over, or the PIN was wrong.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from yba.foundation.audit import service as audit
from yba.foundation.consent import showing_store as store
from yba.foundation.consent.access import require_see, require_self
from yba.foundation.consent.errors import NothingNamed, ShareNotOpen, ViewerUnnamed
from yba.foundation.consent.model import (
    SHARE_PARTS,
    NewShare,
    Opening,
    Share,
)
from yba.foundation.notices import service as notices
from yba.foundation.rules import service as rules
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import new_snowflake, row_id
from yba.kernel.refusal import Conflict, NotFound
from yba.plumbing.database import Database, Tx
from yba.plumbing.i18n import N_

_SECRET_BYTES = 24
_PIN_DIGITS = 6
_LONGEST = 100
# As accounts do: 19 MiB, two passes, one lane. A PIN is short, so a hash must be slow.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who opens a link, as she declares herself."""

    name: str
    place: str
    purpose: str

    @property
    def is_complete(self) -> bool:
        """Return whether she says who she is, where she works and what for."""
        return all(
            1 < len(text.strip()) <= _LONGEST for text in (self.name, self.place, self.purpose)
        )


@dataclass(frozen=True, slots=True)
class _Locked(Share):
    pin_hash: str = ""


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def share(
    tx: Tx, *, actor: Actor, patient_id: str, parts: Sequence[str], at: datetime
) -> NewShare:
    """Open a link to chosen parts of a record for as long as the rules say (30 minutes).

    Raises NothingNamed without a part.
    """
    require_self(actor, patient_id)
    if not parts or set(parts) - set(SHARE_PARTS):
        raise NothingNamed(fields={"parts": NothingNamed.message})
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    pin = f"{secrets.randbelow(10**_PIN_DIGITS):0{_PIN_DIGITS}}"
    pin_hash = await asyncio.to_thread(_hasher.hash, pin)
    share_id = new_snowflake()
    until = at + timedelta(minutes=int(rules.limit("privacy.share_minutes", local_date(at))))
    await tx.execute(
        store.SHARE, share_id, patient_id, row_id("Patient", patient_id), _digest(secret),
        pin_hash, sorted(set(parts)), at, until, actor.account_id,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="C", what="consent.share", at=at, patient_id=patient_id
    )
    return NewShare(share_id, secret, pin, until)


async def end_share(tx: Tx, *, actor: Actor, share_id: int, at: datetime) -> None:
    """End a link before its time; who has it open sees nothing more. Raises NotFound, Conflict."""
    found = await tx.row(Share, store.SHARE_BY_ID, share_id)
    if found is None or found.patient_id != actor.patient_id:
        raise NotFound
    if not await tx.execute(store.END_SHARE, share_id, at):
        raise Conflict
    await audit.record(
        tx, actor=actor, action="U", what="consent.end_share", at=at, patient_id=found.patient_id
    )


async def shares_of(tx: Tx, *, actor: Actor, patient_id: str) -> list[Share]:
    """Return a person's links, newest first."""
    require_see(actor, patient_id)
    return await tx.rows(Share, store.SHARES, patient_id)


async def openings_of(tx: Tx, *, actor: Actor, patient_id: str) -> list[Opening]:
    """Return who opened a person's links, newest first."""
    require_see(actor, patient_id)
    return await tx.rows(Opening, store.OPENINGS, patient_id)


async def open_share(
    database: Database, *, secret: str, pin: str, viewer: Viewer, at: datetime
) -> str:
    """Check link and PIN, write down who opens it, and return a ticket for the shown pages.

    A wrong PIN is counted although it is refused, hence the transaction of its own.
    Raises ViewerUnnamed, ShareNotOpen.
    """
    if not viewer.is_complete:
        raise ViewerUnnamed
    async with database.transaction() as tx:
        found = await tx.row(_Locked, store.LOCKED_SHARE, _digest(secret))
        if found is not None and found.is_open(at):
            if await asyncio.to_thread(_matches, found.pin_hash, pin.strip()):
                return await _opened(tx, found, viewer, at)
            await tx.execute(store.WRONG_PIN, found.share_id)
    raise ShareNotOpen


async def _opened(tx: Tx, found: Share, viewer: Viewer, at: datetime) -> str:
    ticket = secrets.token_urlsafe(_SECRET_BYTES)
    await tx.execute(
        store.OPEN, new_snowflake(), found.share_id, _digest(ticket), viewer.name.strip(),
        viewer.place.strip(), viewer.purpose.strip(), at,
    )  # fmt: skip
    await notices.notify(
        tx, to_patient=found.patient_id, kind="share", link="/me/share", at=at,
        sentence=N_("Somebody opened the record that you share: %(name)s, %(place)s."),
        values={"name": viewer.name.strip(), "place": viewer.place.strip()},
    )  # fmt: skip
    return ticket


def _matches(pin_hash: str, pin: str) -> bool:
    try:
        return _hasher.verify(pin_hash, pin)
    except VerificationError:
        return False


@dataclass(frozen=True, slots=True)
class Shown:
    """A link that is open now, who opened it, and the actor in whose name pages are read."""

    share: Share
    opening: Opening
    actor: Actor


async def shown(tx: Tx, *, ticket: str, at: datetime) -> Shown:
    """Return what the holder of a ticket may see now. Raises ShareNotOpen once it is over.

    The actor is the viewer under her declared name; every page shown in it leaves its own trace. She
    is a visitor: what the surface related her to for this time, restricted categories left out.
    """
    opening = await tx.row(Opening, store.OPENING, _digest(ticket))
    found = await tx.row(Share, store.SHARE_BY_ID, opening.share_id) if opening else None
    if opening is None or found is None or not found.is_open(at):
        raise ShareNotOpen
    actor = Actor(
        account_id=f"share:{found.share_id}",
        name=f"{opening.viewer_name} · {opening.viewer_place} · {opening.viewer_purpose}",
        roles=frozenset({"visitor"}),
        patient_id=found.patient_id,
        purpose="TREAT",
    )
    return Shown(found, opening, actor)
