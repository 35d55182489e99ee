"""Who acts for whom: asked, accepted, ended. A child's guardian is confirmed on papers."""

from dataclasses import dataclass
from datetime import date, datetime, time

from yba.foundation.audit import service as audit
from yba.foundation.audit.model import Action
from yba.foundation.consent import store
from yba.foundation.consent.access import OFFICER, require_see
from yba.foundation.consent.errors import (
    BirthDateNeeded,
    EvidenceMissing,
    ProxyAskedAlready,
    ProxyNotPossible,
)
from yba.foundation.consent.model import RELATIONS, Proxy, birthday
from yba.foundation.notices import service as notices
from yba.foundation.rules import service as rules
from yba.kernel.actor import Actor
from yba.kernel.clock import VIETNAM, local_date
from yba.kernel.ids import new_snowflake
from yba.kernel.refusal import AccessRefused, NotFound
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_

_BY_LAW = frozenset(("mother", "father", "guardian"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Who would act (`person`), for whom (`patient`), and what she is to her."""

    patient_id: str
    patient_name: str
    person_id: str
    person_name: str
    relation: str


async def ask_proxy(tx: Tx, *, actor: Actor, asked: Asked, at: datetime) -> int:
    """Ask to act for somebody; nothing is shown before she (or, for a child, the facility) agrees.

    Raises AccessRefused for anybody but the one who would act, ProxyNotPossible, ProxyAskedAlready.
    """
    if actor.patient_id != asked.person_id:
        raise AccessRefused
    if asked.relation not in RELATIONS or asked.person_id == asked.patient_id:
        raise ProxyNotPossible
    proxy_id = new_snowflake()
    written = await tx.execute(
        store.ASK_PROXY, proxy_id, asked.patient_id, asked.person_id, asked.person_name,
        asked.patient_name, asked.relation, at, actor.account_id,
    )  # fmt: skip
    if not written:
        raise ProxyAskedAlready
    await notices.notify(
        tx, to_patient=asked.patient_id, kind="proxy", link="/me/family", at=at,
        sentence=N_("%(name)s asks to act for you."), values={"name": asked.person_name},
    )  # fmt: skip
    await _audit(tx, actor, "C", "consent.ask_proxy", asked.patient_id, at)
    return proxy_id


async def accept_proxy(
    tx: Tx,
    *,
    actor: Actor,
    proxy_id: int,
    at: datetime,
    papers: str = "",
    born: date | None = None,
) -> Proxy:
    """Let somebody act from now on: said by the person herself, or by the officer on papers.

    The officer names the papers seen (birth certificate, court decision) and the birth date: a
    child's representation ends at 18. Raises EvidenceMissing, BirthDateNeeded, ProxyNotPossible.
    """  # fmt: skip
    found = await _asked(tx, actor, proxy_id)
    until = None
    if actor.patient_id != found.patient_id:
        if not papers.strip():
            raise EvidenceMissing(fields={"papers": EvidenceMissing.message})
        if born is None:
            raise BirthDateNeeded
        until = _comes_of_age(born, local_date(at))
    await tx.execute(
        store.DECIDE_PROXY, proxy_id, "accepted", at, actor.account_id, papers.strip(), until
    )
    await notices.notify(
        tx, to_patient=found.person_id, kind="proxy", link="/me/family", at=at,
        sentence=N_("You act for %(name)s now."), values={"name": found.patient_name},
    )  # fmt: skip
    await _audit(tx, actor, "U", "consent.accept_proxy", found.patient_id, at)
    return await proxy(tx, actor=actor, proxy_id=proxy_id)


def _comes_of_age(born: date, on: date) -> datetime | None:
    """Return the moment at which a child decides alone, or None for an adult."""
    day = birthday(born, int(rules.limit("privacy.adult_from_years", on)))
    return datetime.combine(day, time(), VIETNAM) if on < day else None


async def refuse_proxy(tx: Tx, *, actor: Actor, proxy_id: int, at: datetime) -> None:
    """Say no. Raises ProxyNotPossible, NotFound."""
    found = await _asked(tx, actor, proxy_id)
    await tx.execute(store.DECIDE_PROXY, proxy_id, "refused", at, actor.account_id, "", None)
    await notices.notify(
        tx, to_patient=found.person_id, kind="proxy", link="/me/family", at=at,
        sentence=N_("Your request to act for somebody was declined."),
    )  # fmt: skip
    await _audit(tx, actor, "U", "consent.refuse_proxy", found.patient_id, at)


async def end_proxy(tx: Tx, *, actor: Actor, proxy_id: int, at: datetime) -> None:
    """End a representation at once; either of the two may, and the officer.

    Raises NotFound, ProxyNotPossible.
    """
    found = await proxy(tx, actor=actor, proxy_id=proxy_id)
    if not await tx.execute(store.END_PROXY, proxy_id, at, actor.account_id):
        raise ProxyNotPossible
    for told in {found.patient_id, found.person_id} - {actor.patient_id}:
        await notices.notify(
            tx, to_patient=told, kind="proxy", link="/me/family", at=at,
            sentence=N_("A representation has ended: %(name)s no longer acts."),
            values={"name": found.person_name},
        )  # fmt: skip
    await _audit(tx, actor, "U", "consent.end_proxy", found.patient_id, at)


async def proxy(tx: Tx, *, actor: Actor, proxy_id: int) -> Proxy:
    """Return one representation. Raises NotFound for whoever has no part in it."""
    found = await tx.row(Proxy, store.PROXY, proxy_id)
    if found is None:
        raise NotFound
    if actor.patient_id not in (found.patient_id, found.person_id) and not actor.may(OFFICER):
        raise NotFound
    return found


async def proxies_of(tx: Tx, *, actor: Actor, patient_id: str) -> list[Proxy]:
    """Return who acts for a person and for whom she acts, newest first."""
    require_see(actor, patient_id)
    return await tx.rows(Proxy, store.PROXIES_OF, patient_id)


async def proxies_asked(tx: Tx, *, actor: Actor, limit: int = 200) -> list[Proxy]:
    """Return the representations that wait for an answer. Raises AccessRefused."""
    if not actor.may(OFFICER):
        raise AccessRefused
    return await tx.rows(Proxy, store.PROXIES_ASKED, limit)


async def acts_for(tx: Tx, *, person_id: str, patient_id: str, at: datetime) -> Proxy | None:
    """Return by which representation one person acts for another at that moment, or None."""
    return await tx.row(Proxy, store.ACTS_FOR, person_id, patient_id, at)


async def represented_by_law(tx: Tx, *, person_id: str, at: datetime) -> list[Proxy]:
    """Return those for whom a person acts by law at that moment: confirmed on papers, not agreed upon.

    Law: Civil Code 91/2015 art. 136 (parents, guardians), until the child decides alone.
    """
    found = await tx.rows(Proxy, store.PROXIES_OF, person_id)
    return [
        one
        for one in found
        if one.person_id == person_id and one.is_open(at) and one.papers and one.relation in _BY_LAW
    ]


async def _asked(tx: Tx, actor: Actor, proxy_id: int) -> Proxy:
    found = await tx.row(Proxy, store.PROXY, proxy_id)
    if found is None or (actor.patient_id != found.patient_id and not actor.may(OFFICER)):
        raise NotFound
    if found.state != "asked":
        raise ProxyNotPossible
    return found


async def _audit(
    tx: Tx, actor: Actor, action: Action, what: str, patient_id: str, at: datetime
) -> None:
    await audit.record(tx, actor=actor, action=action, what=what, at=at, patient_id=patient_id)
