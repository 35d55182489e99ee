"""The verbs of notices: tell somebody, list, mark as read, announce by e-mail."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import unquote, urlsplit

import aiosmtplib

from yba.foundation.audit import service as audit
from yba.foundation.notices import store
from yba.foundation.notices.errors import MailNotTaken, NotAnAddress
from yba.foundation.notices.events import NoticeWaits
from yba.foundation.notices.model import Notice, Waiting, announcement, is_address
from yba.kernel.actor import Actor
from yba.kernel.ids import new_snowflake
from yba.plumbing.database import Tx
from yba.plumbing.outbox import publish
from yba.plumbing.settings import Settings

_SECONDS = 20.0


def _holder(to_patient: str | None, to_account: str | None) -> str:
    if (to_patient is None) == (to_account is None):
        raise ValueError("a notice is for one patient or one account")
    return f"patient:{to_patient}" if to_patient else f"account:{to_account}"


def _holders(actor: Actor) -> list[str]:
    own = [f"account:{actor.account_id}"]
    return [*own, f"patient:{actor.patient_id}"] if actor.patient_id else own


async def notify(
    tx: Tx,
    *,
    kind: str,
    sentence: str,
    at: datetime,
    to_patient: str | None = None,
    to_account: str | None = None,
    values: Mapping[str, str] | None = None,
    link: str = "",
) -> int:
    """Tell one patient or one account something, inside `tx`; return the notice's number.

    `sentence` is a msgid that `values` fill, `link` a path of this site. An e-mail follows where
    she has given an address; it says only that a message waits.
    """
    holder, notice_id = _holder(to_patient, to_account), new_snowflake()
    await tx.execute(store.INSERT, notice_id, holder, kind, sentence, dict(values or {}), link, at)
    if await tx.value(store.HAS_ADDRESS, holder):
        await publish(tx, NoticeWaits(notice_id=notice_id))
    return notice_id


async def notices_of(
    tx: Tx, *, actor: Actor, limit: int, before: int | None = None
) -> list[Notice]:
    """Return what the actor was told, newest first; `before` continues below that number."""
    return await tx.rows(Notice, store.LIST, _holders(actor), before, limit)


async def unread_count(tx: Tx, *, actor: Actor) -> int:
    """Return how many notices the actor has not opened."""
    return await tx.value(store.UNREAD, _holders(actor))


async def mark_read(tx: Tx, *, actor: Actor, up_to: int, at: datetime) -> None:
    """Mark what the actor has seen as read, up to the number of the newest one shown."""
    await tx.execute(store.READ, _holders(actor), up_to, at)


async def address_of(tx: Tx, *, actor: Actor) -> str:
    """Return where the actor wants e-mail, or the empty text."""
    return await tx.value(store.ADDRESS, _holders(actor)[-1]) or ""


async def set_address(tx: Tx, *, actor: Actor, email: str, language: str, at: datetime) -> None:
    """Send e-mail to this address from now on; the empty text ends it. Raises NotAnAddress."""
    holder = _holders(actor)[-1]
    if not email:
        await tx.execute(store.REMOVE_ADDRESS, holder)
    elif is_address(email):
        await tx.execute(store.SET_ADDRESS, holder, email, language, at)
    else:
        raise NotAnAddress(fields={"email": NotAnAddress.message})
    await audit.record(
        tx, actor=actor, action="U", what="notices.set_address", at=at, patient_id=actor.patient_id
    )


class Mailer:
    """Announces waiting notices by e-mail; without a mail server it does nothing."""

    def __init__(self, settings: Settings) -> None:
        self._server = urlsplit(settings.smtp_url)
        self._sender = settings.mail_from or f"yba@{self._server.hostname}"
        self._site = settings.base_url

    async def announce(self, tx: Tx, event: NoticeWaits) -> None:
        """Send one announcement, unless the notice was read meanwhile. Raises MailNotTaken."""
        if not self._server.hostname:
            return
        waiting = await tx.row(Waiting, store.WAITING, event.notice_id)
        if waiting is None:
            return
        await self._send(waiting)
        await tx.execute(store.MAILED, event.notice_id)

    async def _send(self, waiting: Waiting) -> None:
        server, implicit = self._server, self._server.scheme == "smtps"
        try:
            await aiosmtplib.send(
                announcement(waiting, sender=self._sender, site=self._site),
                hostname=server.hostname,
                port=server.port or (465 if implicit else 587),
                username=unquote(server.username) if server.username else None,
                password=unquote(server.password) if server.password else None,
                use_tls=implicit,
                timeout=_SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as problem:
            # The outbox tries again, with growing pauses; the type alone tells no address.
            raise MailNotTaken(reason=type(problem).__name__) from None


__all__: Sequence[str] = (
    "Mailer",
    "address_of",
    "mark_read",
    "notices_of",
    "notify",
    "set_address",
    "unread_count",
)
