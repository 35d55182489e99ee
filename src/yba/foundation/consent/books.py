"""The privacy officer's books: processing register, breaches, agreements about transfers."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from yba.foundation.audit import service as audit
from yba.foundation.consent import books_store as store
from yba.foundation.consent.access import require_officer, require_officer_reads
from yba.foundation.consent.errors import BreachUnusable, LateWithoutReason, NothingNamed
from yba.foundation.consent.model import birthday
from yba.foundation.notices import service as notices
from yba.foundation.rules import service as rules
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import new_snowflake
from yba.kernel.refusal import Conflict, NotFound
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_

_DATA = Path(__file__).parent / "data" / "processing.toml"


@dataclass(frozen=True, slots=True)
class Processing:
    """One entry of the register: what is processed, why, for whom, how long; its impact file."""

    id: str
    name: str
    categories: Sequence[str]
    basis: str
    recipients: Sequence[str]
    retention: str
    needs_consent: bool
    confidence: str
    started_on: date | None = None
    impact_due_on: date | None = None
    impact_filed_on: date | None = None
    impact_result: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Filed:
    processing_id: str
    started_on: date
    impact_due_on: date
    impact_filed_on: date | None
    impact_result: str
    note: str


@cache
def _shipped(language: str) -> tuple[Processing, ...]:
    rows: list[dict[str, Any]] = tomllib.loads(_DATA.read_text("utf-8"))["processing"]
    return tuple(
        Processing(
            id=row["id"],
            name=row[language]["name"],
            categories=tuple(row[language]["categories"]),
            basis=row[language]["basis"],
            recipients=tuple(row[language]["recipients"]),
            retention=row[language]["retention"],
            needs_consent=row["consent"],
            confidence=row["confidence"],
        )
        for row in rows
    )


async def processing_register(tx: Tx, *, actor: Actor, language: str = "vi") -> list[Processing]:
    """Return the register, in `vi` or `en`, with each impact file's state. Raises AccessRefused."""
    require_officer_reads(actor)
    filed = {one.processing_id: one for one in await tx.rows(_Filed, store.FILED)}
    register: list[Processing] = []
    for one in _shipped(language):
        state = filed.get(one.id)
        if state is None:
            register.append(one)
            continue
        register.append(
            Processing(
                one.id, one.name, one.categories, one.basis, one.recipients, one.retention,
                one.needs_consent, one.confidence, state.started_on, state.impact_due_on,
                state.impact_filed_on, state.impact_result, state.note,
            )
        )  # fmt: skip
    return register


async def file_processing(
    tx: Tx,
    *,
    actor: Actor,
    processing_id: str,
    started_on: date,
    at: datetime,
    impact_filed_on: date | None = None,
    impact_result: str = "",
    note: str = "",
) -> date:
    """Write down when a processing began and what became of its impact file; return its last day.

    Source: the file is handed in within 60 days of the first processing (Decree 356/2025/NĐ-CP).
    Raises NotFound, AccessRefused.
    """  # fmt: skip
    require_officer(actor)
    if processing_id not in {one.id for one in _shipped("vi")}:
        raise NotFound
    # Processing that began before the law came into force is counted from that day.
    begun = max(started_on, date(2026, 1, 1))
    due = begun + timedelta(days=int(rules.limit("privacy.impact_days", begun)))
    await tx.execute(
        store.KEEP, processing_id, started_on, due, impact_filed_on, impact_result.strip(),
        note.strip(), at, actor.name,
    )  # fmt: skip
    await audit.record(tx, actor=actor, action="U", what="consent.file_processing", at=at)
    return due


@dataclass(frozen=True, kw_only=True, slots=True)
class NewBreach:
    """What form 08 asks for when a breach is discovered."""

    discovered_at: datetime
    nature: str
    data_kinds: Sequence[str]
    happened_at: datetime | None = None
    tell_persons: bool = False
    persons_about: int = 0
    cause: str = ""
    consequences: str = ""
    measures: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Breach:
    """One breach file and how far it has come."""

    breach_id: int
    discovered_at: datetime
    happened_at: datetime | None
    notify_by: datetime
    nature: str
    data_kinds: list[str]
    tell_persons: bool
    persons_about: int
    cause: str
    consequences: str
    measures: str
    contact: str
    authority_notified_at: datetime | None
    authority_reference: str
    late_reason: str
    persons_notified_at: datetime | None
    closed_at: datetime | None
    keep_until: date | None


async def open_breach(tx: Tx, *, actor: Actor, breach: NewBreach, at: datetime) -> int:
    """Open the file of a breach; its clock runs from the discovery (72 hours, day and night).

    Raises BreachUnusable, AccessRefused. Source: Law 91/2025/QH15 art. 23, form 08.
    """
    require_officer(actor)
    if not breach.nature.strip() or not breach.data_kinds or breach.discovered_at > at:
        raise BreachUnusable(fields={"nature": BreachUnusable.message})
    hours = int(rules.limit("privacy.breach_hours", local_date(breach.discovered_at)))
    breach_id = new_snowflake()
    await tx.execute(
        store.ADD_BREACH, breach_id, breach.discovered_at, breach.happened_at,
        breach.discovered_at + timedelta(hours=hours), breach.nature.strip(),
        list(breach.data_kinds), breach.tell_persons, breach.persons_about, breach.cause.strip(),
        breach.consequences.strip(), breach.measures.strip(), breach.contact.strip(),
        actor.account_id, at,
    )  # fmt: skip
    await audit.record(tx, actor=actor, action="C", what="consent.open_breach", at=at)
    return breach_id


async def breaches(tx: Tx, *, actor: Actor) -> list[Breach]:
    """Return the breach files, open ones first, the most pressing on top."""
    require_officer_reads(actor)
    return await tx.rows(Breach, store.BREACHES)


async def breach(tx: Tx, *, actor: Actor, breach_id: int) -> Breach:
    """Return one breach file. Raises NotFound, AccessRefused."""
    require_officer(actor)
    found = await tx.row(Breach, store.ONE_BREACH, breach_id)
    if found is None:
        raise NotFound
    return found


async def authority_notified(
    tx: Tx, *, actor: Actor, breach_id: int, reference: str, at: datetime, late_reason: str = ""
) -> None:
    """Note that the authority was told; after 72 hours the reason for the delay is needed."""
    found = await breach(tx, actor=actor, breach_id=breach_id)
    if at > found.notify_by and not late_reason.strip():
        raise LateWithoutReason(fields={"late_reason": LateWithoutReason.message})
    if not await tx.execute(store.NOTIFIED, breach_id, at, reference.strip(), late_reason.strip()):
        raise Conflict
    await audit.record(tx, actor=actor, action="U", what="consent.authority_notified", at=at)


async def tell_persons(
    tx: Tx, *, actor: Actor, breach_id: int, patient_ids: Sequence[str], at: datetime
) -> int:
    """Tell the persons concerned, each once; return how many were told now."""
    await breach(tx, actor=actor, breach_id=breach_id)
    await tx.execute(store.ADD_PERSONS, breach_id, list(patient_ids))
    told = await tx.values(store.UNTOLD, breach_id, at)
    for patient_id in told:
        await notices.notify(
            tx, to_patient=patient_id, kind="breach", link="/me/notices", at=at,
            sentence=N_(
                "Personal data of yours may have become known to others. Please ask the data"
                " protection officer what happened and what you can do."
            ),
        )  # fmt: skip
        await audit.record(
            tx, actor=actor, action="U", what="consent.tell_persons", at=at,
            patient_id=patient_id,
        )  # fmt: skip
    await tx.execute(store.PERSONS_TOLD, breach_id, at)
    return len(told)


async def persons_of_breach(tx: Tx, *, actor: Actor, breach_id: int) -> list[str]:
    """Return the patients concerned."""
    await breach(tx, actor=actor, breach_id=breach_id)
    return await tx.values(store.PERSONS, breach_id)


async def close_breach(tx: Tx, *, actor: Actor, breach_id: int, at: datetime) -> date:
    """Close a file and return until when it is kept. Raises Conflict before the authority knows."""
    await breach(tx, actor=actor, breach_id=breach_id)
    today = local_date(at)
    until = birthday(today, int(rules.limit("privacy.breach_kept_years", today)))
    if not await tx.execute(store.CLOSE_BREACH, breach_id, at, until):
        raise Conflict
    await audit.record(tx, actor=actor, action="U", what="consent.close_breach", at=at)
    return until


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement about giving data to a party: what, why, on which basis, how protected."""

    agreement_id: int
    party_code: str
    party_name: str
    purpose: str
    kinds: list[str]
    basis: str
    protection: str
    valid_from: date
    valid_to: date | None
    reference: str


async def add_agreement(tx: Tx, *, actor: Actor, agreement: Agreement, at: datetime) -> int:
    """Enter an agreement about transfers. Raises NothingNamed, AccessRefused."""
    require_officer(actor)
    needed = (agreement.party_name, agreement.purpose, agreement.basis, agreement.protection)
    if not all(text.strip() for text in needed) or not agreement.kinds:
        raise NothingNamed(fields={"party_name": NothingNamed.message})
    agreement_id = new_snowflake()
    await tx.execute(
        store.ADD_AGREEMENT, agreement_id, agreement.party_code, agreement.party_name,
        agreement.purpose, agreement.kinds, agreement.basis, agreement.protection,
        agreement.valid_from, agreement.valid_to, agreement.reference, actor.account_id, at,
    )  # fmt: skip
    await audit.record(tx, actor=actor, action="C", what="consent.add_agreement", at=at)
    return agreement_id


async def agreements(tx: Tx, *, actor: Actor) -> list[Agreement]:
    """Return the agreements about transfers, newest first."""
    require_officer_reads(actor)
    return await tx.rows(Agreement, store.AGREEMENTS)
