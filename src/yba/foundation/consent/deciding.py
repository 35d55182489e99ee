"""Decisions by purpose: given or refused, withdrawn as easily, asked again at seven and eighteen."""

from dataclasses import dataclass
from datetime import date, datetime

from yba.foundation.audit import service as audit
from yba.foundation.consent import store
from yba.foundation.consent.access import (
    OFFICER,
    require_may_keep,
    require_officer,
    require_sees_decisions,
)
from yba.foundation.consent.errors import (
    BirthDateNeeded,
    BothNeeded,
    EvidenceMissing,
    RepresentativeNeeded,
    UnknownPurpose,
    WitnessMissing,
)
from yba.foundation.consent.model import (
    OWN_CHANNELS,
    Channel,
    ConsentText,
    Decision,
    RequestKind,
    Voice,
    ask_again_on,
    birthday,
    clock_of,
    text_of_version,
    voice_of,
)
from yba.foundation.notices import service as notices
from yba.foundation.rules import service as rules
from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import new_snowflake
from yba.kernel.refusal import Conflict, NotFound
from yba.plumbing.database import Tx
from yba.plumbing.i18n import N_

_MOST = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Saying:
    """What somebody said to one purpose: yes or no, to which words, how, and who spoke.

    `evidence` names the paper, recording or message (not needed where she said it in this program
    herself), `witness` who saw the paper signed, `scan` the SHA-256 of its scan among the blobs. A
    representative is named with what she is to the person.
    """

    purpose: str
    given: bool
    text_version: str
    language: str
    channel: Channel = "web"
    evidence: str = ""
    by_subject: bool = True
    representative: str = ""
    relation: str = ""
    witness: str = ""
    scan: str = ""


async def decide(
    tx: Tx, *, actor: Actor, patient_id: str, born: date | None, saying: Saying, at: datetime
) -> Decision:
    """Keep what somebody said; it replaces what was said before, which stays in the history.

    Raises UnknownPurpose, EvidenceMissing, BirthDateNeeded, RepresentativeNeeded, BothNeeded (by
    age), NotFound for whoever may not speak for her.
    Source: Law 91/2025/QH15 art. 9 and 24.
    """
    require_may_keep(actor, patient_id, saying.channel)
    text = text_of_version(saying.purpose, saying.language, saying.text_version)
    if text is None:
        raise UnknownPurpose
    if saying.channel not in OWN_CHANNELS and not saying.evidence.strip():
        raise EvidenceMissing(fields={"evidence": EvidenceMissing.message})
    if saying.channel == "paper" and not actor.may(OFFICER) and not saying.witness.strip():
        raise WitnessMissing(fields={"witness": WitnessMissing.message})
    today = local_date(at)
    if saying.given:
        _refuse_wrong_voice(born, saying, today)
    await tx.execute(store.LOCK_PATIENT, patient_id)
    await tx.execute(store.REPLACE, patient_id, saying.purpose, at)
    decision_id = new_snowflake()
    await tx.execute(store.DECIDE, *_row(decision_id, actor, patient_id, born, saying, text, at))
    await audit.record(
        tx, actor=actor, action="C", what="consent.decide", at=at, patient_id=patient_id
    )
    return await decision(tx, actor=actor, decision_id=decision_id)


def _row(
    decision_id: int,
    actor: Actor,
    patient_id: str,
    born: date | None,
    saying: Saying,
    text: ConsentText,
    at: datetime,
) -> tuple[object, ...]:
    again = ask_again_on(born, local_date(at)) if born and saying.given else None
    return (
        decision_id, patient_id, saying.purpose, saying.given, text.version, text.sha256,
        text.language, saying.channel, saying.evidence.strip(), saying.by_subject,
        bool(saying.representative), saying.representative, saying.relation, actor.account_id, at,
        again, saying.witness.strip(), saying.scan,
    )  # fmt: skip


def _refuse_wrong_voice(born: date | None, saying: Saying, today: date) -> None:
    if born is None:
        raise BirthDateNeeded
    voice = voice_of(born, today)
    years = rules.limit("privacy.child_asked_from_years", today)
    if voice is Voice.REPRESENTATIVE and not (saying.representative and saying.relation):
        raise RepresentativeNeeded(years=years)
    if voice is Voice.BOTH and not (saying.by_subject and saying.representative):
        raise BothNeeded(years=years)


async def withdraw(
    tx: Tx,
    *,
    actor: Actor,
    decision_id: int,
    channel: Channel,
    at: datetime,
    evidence: str = "",
    witness: str = "",
) -> Decision:
    """Withdraw a consent; from this moment it does not hold, and its clock to clean up runs.

    Taking back needs no more than her word: `evidence` and `witness` of a paper are kept if given.
    Raises NotFound, Conflict if it does not hold any more.
    Source: Law 91/2025/QH15 art. 10; Decree 356/2025/NĐ-CP art. 5.
    """
    found = await decision(tx, actor=actor, decision_id=decision_id)
    require_may_keep(actor, found.patient_id, channel)
    due = clock_of(RequestKind.WITHDRAW, at).due_on
    if not await tx.execute(
        store.WITHDRAW, decision_id, at, actor.account_id, channel, due,
        evidence.strip(), witness.strip(),
    ):  # fmt: skip
        raise Conflict
    await audit.record(
        tx, actor=actor, action="U", what="consent.withdraw", at=at, patient_id=found.patient_id
    )
    return await decision(tx, actor=actor, decision_id=decision_id)


async def withdrawal_done(tx: Tx, *, actor: Actor, decision_id: int, at: datetime) -> None:
    """Note that what a withdrawn consent had allowed has stopped everywhere."""
    require_officer(actor)
    found = await decision(tx, actor=actor, decision_id=decision_id)
    if not await tx.execute(store.WITHDRAWAL_DONE, decision_id, at):
        raise Conflict
    await notices.notify(
        tx, to_patient=found.patient_id, kind="consent", link="/me/consents", at=at,
        sentence=N_("What you withdrew your consent to has stopped."),
    )  # fmt: skip
    await audit.record(
        tx, actor=actor, action="U", what="consent.withdrawal_done", at=at,
        patient_id=found.patient_id,
    )  # fmt: skip


async def decision(tx: Tx, *, actor: Actor, decision_id: int) -> Decision:
    """Return one decision. Raises NotFound for whoever may not see it."""
    found = await tx.row(Decision, store.DECISION, decision_id)
    if found is None:
        raise NotFound
    require_sees_decisions(actor, found.patient_id)
    return found


async def decisions_of(tx: Tx, *, actor: Actor, patient_id: str) -> list[Decision]:
    """Return everything a person decided, newest first, at most 500."""
    require_sees_decisions(actor, patient_id)
    return await tx.rows(Decision, store.DECISIONS, patient_id, _MOST)


async def has_consent(tx: Tx, *, patient_id: str, purpose: str, at: datetime) -> bool:
    """Return whether a person agrees to a purpose at that moment.

    Whoever was a child when she agreed no longer agrees once she has come of age and was asked
    again: then her own answer is needed.
    """
    found = await tx.row(Decision, store.STANDING, patient_id, purpose)
    if found is None or not found.given or found.at > at:
        return False
    return found.ask_again_on is None or local_date(at) < found.ask_again_on


async def open_withdrawals(tx: Tx, *, actor: Actor, limit: int = 200) -> list[Decision]:
    """Return withdrawals whose clean-up is not finished, most pressing first."""
    require_officer(actor)
    return await tx.rows(Decision, store.OPEN_WITHDRAWALS, limit)


async def ask_again(tx: Tx, *, at: datetime, limit: int = 200) -> int:
    """Ask again those who became seven or eighteen since they (or for them somebody) agreed.

    Returns how many were asked; each gets a notice. Source: Law 91/2025/QH15 art. 24.
    """
    due = await tx.rows(Decision, store.DUE_TO_ASK_AGAIN, local_date(at), limit)
    if not due:
        return 0
    for one in due:
        await notices.notify(
            tx, to_patient=one.patient_id, kind="consent", link="/me/consents", at=at,
            sentence=N_("You are older now: please decide again about the use of your data."),
        )  # fmt: skip
    await tx.execute(store.ASKED_AGAIN, [one.decision_id for one in due], at)
    return len(due)


def adult_on(born: date, on: date) -> date:
    """Return the day on which a person decides alone."""
    return birthday(born, int(rules.limit("privacy.adult_from_years", on)))
