"""A person grants: patients that were opened in a chart, codes, what was granted before, its end.

Main rule: what is granted is what was asked for, registered, ticked, and allowed to the person.
Standards: OAuth 2.1 section 4.1.2, SMART App Launch 2.2 "EHR Launch".
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from yba.foundation.access import service as access
from yba.foundation.audit import service as audit
from yba.foundation.authorization import programs, store
from yba.foundation.authorization.errors import PatientNotChosen, RequestGone
from yba.foundation.authorization.model import (
    CODE_LIFE,
    DAY_LIFE,
    LAUNCH_LIFE,
    LIVES,
    Client,
    Grant,
)
from yba.foundation.authorization.requests import PUSHED, Asked, digest
from yba.foundation.authorization.scopes import (
    LAUNCH_ENCOUNTER,
    LAUNCH_PATIENT,
    OFFLINE,
    SENSITIVE,
    granted_of,
    is_within,
    narrow,
)
from yba.foundation.consent import service as consent
from yba.foundation.consent.model import Proxy
from yba.kernel.actor import Actor
from yba.kernel.ids import new_id
from yba.kernel.refusal import AccessRefused, NotFound
from yba.plumbing.database import Tx

_MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Opened:
    """What a chart was open at when a program was started from it."""

    patient_id: str
    encounter_id: str | None


@dataclass(frozen=True, slots=True)
class Own:
    """A grant as its person sees it."""

    grant: Grant
    client_name: str


def may_read(person: Actor) -> bool:
    """Return whether a person has anything to read that she could let a program read."""
    return person.may("fhir.read") or person.may("chart.read") or own_patient(person) is not None


def may_write(person: Actor) -> bool:
    """Return whether a person writes into the record, so that a program may do so in her name."""
    return person.may("fhir.write") or person.may("chart.write")


def own_patient(person: Actor) -> str | None:
    """Return the one patient of whom a citizen may grant anything: herself; None for staff."""
    is_staff = person.may("fhir.read") or person.may("chart.read") or person.may("person.read")
    return None if is_staff else person.patient_id


async def represented(tx: Tx, *, actor: Actor, at: datetime) -> list[Proxy]:
    """Return those for whom a citizen acts by law now, and may let programs see: her children."""
    own = own_patient(actor)
    if own is None:
        return []
    return await consent.represented_by_law(tx, person_id=own, at=at)


async def still_represents(tx: Tx, *, actor: Actor, grant: Grant, at: datetime) -> bool:
    """Return whether the patient of a grant is still the person's to grant: a child comes of age."""
    if grant.patient_id is None or own_patient(actor) in (None, grant.patient_id):
        return True
    children = await represented(tx, actor=actor, at=at)
    return any(one.patient_id == grant.patient_id for one in children)


async def _open_of_a_child(tx: Tx, actor: Actor, patient_id: str, at: datetime) -> None:
    """Let the account see whom it represents, as long as it does. Raises AccessRefused."""
    for one in await represented(tx, actor=actor, at=at):
        if one.patient_id == patient_id:
            await access.relate(
                tx, patient_id=patient_id, kind="proxy", why=f"Proxy/{one.proxy_id}",
                account_id=actor.account_id, at=at, until=one.until,
            )  # fmt: skip
            return
    raise AccessRefused


def grantable(person: Actor, scopes: Sequence[str]) -> tuple[str, ...]:
    """Return the part of `scopes` that is this person's to give.

    Citizens give what is in their own compartment only: `user/` scopes are not theirs.
    """
    limits = ["openid", "profile", "fhirUser", "launch", "launch/patient", "launch/encounter"]
    limits += ["offline_access", "online_access", SENSITIVE]
    letters = ("cruds" if may_write(person) else "rs") if may_read(person) else ""
    if letters:
        limits.append(f"patient/*.{letters}")
        if own_patient(person) is None:
            limits.append(f"user/*.{letters}")
    return tuple(narrow(scopes, limits))


async def open_chart(
    tx: Tx,
    *,
    actor: Actor,
    client_id: str,
    patient_id: str,
    encounter_id: str | None,
    at: datetime,
) -> tuple[Client, str]:
    """Return a program and the `launch` value that tells it, once, which chart is open.

    The caller has shown this chart to the actor. Raises NotFound.
    """
    client = await programs.client(tx, client_id=client_id)
    if client is None or not client.launch_uri:
        raise NotFound
    launch = secrets.token_urlsafe(32)
    await tx.execute(
        store.ADD_LAUNCH, digest(launch), client.id, actor.account_id, patient_id, encounter_id,
        at + LAUNCH_LIFE,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="E", what="authorization.open_chart", at=at, patient_id=patient_id
    )
    return client, launch


async def opened(tx: Tx, *, actor: Actor, asked: Asked, at: datetime) -> Opened | None:
    """Return which chart the program was opened from, or None without a launch value.

    Raises RequestGone if the value is not for this person and program, used, or too old.
    """
    if asked.launch is None:
        return None
    found = await tx.row(
        Opened, store.LAUNCH, digest(asked.launch), asked.client.id, actor.account_id, at
    )
    if found is None:
        raise RequestGone
    return found


async def granted_already(tx: Tx, *, actor: Actor, asked: Asked, at: datetime) -> Grant | None:
    """Return what this person granted this program, if it holds all of this and still counts.

    The newest; where it is of a child whom she represents no longer, nothing was granted.
    """
    wanted = grantable(actor, asked.scopes)
    for grant in await tx.rows(Grant, store.GRANTS_OF, actor.account_id, at, _MOST_SHOWN):
        if grant.client_id == asked.client.id and is_within(wanted, grant.scopes):
            holds = await still_represents(tx, actor=actor, grant=grant, at=at)
            return grant if holds else None
    return None


async def grant(
    tx: Tx,
    *,
    actor: Actor,
    asked: Asked,
    ticked: Sequence[str],
    patient_id: str | None,
    encounter_id: str | None = None,
    lasting: str = "day",
    until: datetime | None = None,
    at: datetime,
) -> str:
    """Grant what is ticked and return the code for the program; it ends at `until` at the latest.

    The caller has made sure that the actor may see `patient_id`. Raises RequestGone if launch or
    pushed request were used meanwhile, PatientNotChosen, AccessRefused if nothing is left to grant.
    """
    scopes = [name for name in grantable(actor, asked.scopes) if name in ticked]
    if encounter_id is None:
        # Nothing here lets a visit be chosen: what is not told is not said to be granted.
        scopes = [name for name in scopes if name != LAUNCH_ENCOUNTER]
    granted = granted_of(tuple(scopes))
    if not scopes or not (granted.resources or granted.plain & {"openid", LAUNCH_PATIENT}):
        raise AccessRefused
    needs_patient = granted.has_context("patient") or bool(
        granted.plain & {LAUNCH_PATIENT, LAUNCH_ENCOUNTER}
    )
    if needs_patient and patient_id is None:
        raise PatientNotChosen
    if patient_id is not None and own_patient(actor) not in (None, patient_id):
        await _open_of_a_child(tx, actor, patient_id, at)
    if asked.launch and not await tx.execute(store.USE_LAUNCH, digest(asked.launch), at):
        raise RequestGone
    if asked.pushed and not await tx.execute(
        store.USE_PUSHED, digest(asked.pushed.removeprefix(PUSHED)), at
    ):
        raise RequestGone
    grant_id = new_id()
    ends_at = at + _life(scopes, lasting)
    await tx.execute(
        store.ADD_GRANT, grant_id, asked.client.id, actor.account_id, scopes, asked.audience,
        patient_id if needs_patient or asked.launch else None, encounter_id, actor.session_id,
        sorted(actor.methods), actor.proven_at, at,
        min(ends_at, until or ends_at),
    )  # fmt: skip
    code = secrets.token_urlsafe(32)
    await tx.execute(
        store.ADD_CODE, digest(code), grant_id, asked.redirect_uri, asked.challenge, asked.nonce,
        at + CODE_LIFE,
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="C", what="authorization.grant", at=at, patient_id=patient_id
    )
    return code


def _life(scopes: Sequence[str], lasting: str) -> timedelta:
    """Return for how long a grant counts: as chosen, but without offline access a working day."""
    chosen = LIVES.get(lasting, LIVES["day"])
    return chosen if OFFLINE in scopes else min(chosen, DAY_LIFE)


async def granted_by(tx: Tx, *, actor: Actor, at: datetime) -> list[Own]:
    """Return what this person has granted and not taken back, newest first."""
    found = await tx.rows(Grant, store.GRANTS_OF, actor.account_id, at, _MOST_SHOWN)
    names = {
        one.id: one.name for one in await tx.rows(_Name, store.NAMES, [g.client_id for g in found])
    }
    return [Own(one, names.get(one.client_id, "")) for one in found]


@dataclass(frozen=True, slots=True)
class _Name:
    id: str
    name: str


async def take_back(tx: Tx, *, actor: Actor, client_id: str, at: datetime) -> None:
    """End everything that this person granted this program, at once. Raises NotFound."""
    if not await tx.execute(store.REVOKE_OWN, actor.account_id, client_id, at):
        raise NotFound
    await audit.record(tx, actor=actor, action="U", what="authorization.take_back", at=at)
    await programs.tell(tx)


async def end_session(tx: Tx, *, session_id: str, at: datetime) -> None:
    """End what counted only while a person stayed signed in (`online_access`)."""
    if await tx.execute(store.REVOKE_OF_SESSION, session_id, at):
        await programs.tell(tx)
