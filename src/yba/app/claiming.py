"""When a visit's files are written: check-in at its first cost, claim when it closes and is paid."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from yba.care.encounters.events import VisitClosed, VisitOpened
from yba.care.orders.events import OrderPlaced
from yba.foundation.signing import service as signatures
from yba.foundation.signing.service import Signing
from yba.kernel.actor import Actor
from yba.money.insurance import service as insurance
from yba.money.insurance.errors import NothingToClaim, VisitNotClosed
from yba.money.payments.events import BillPaid
from yba.plumbing.database import Tx

_ACTOR = Actor.system("claims", purpose="HPAYMT")


class ClaimWriter:
    """Writes check-in and claim files of this node below one folder.

    With a `signing` each file is sealed by the organisation; it is opened at
    the first file, since not every process that delivers writes claims.
    """

    def __init__(self, folder: Path, signing: Callable[[], Signing] | None = None) -> None:
        self._folder = folder
        self._signing = signing

    def _signer(self, tx: Tx, encounter_id: str, at: datetime) -> insurance.SignXml | None:
        if self._signing is None:
            return None
        signing = self._signing()

        async def sign(content: bytes) -> bytes:
            signed = await signatures.sign_xml(
                tx,
                signing=signing,
                actor=_ACTOR,
                content=content,
                document=f"Encounter/{encounter_id}",
                consent=signatures.confirmed(
                    _ACTOR, summary="CHUKYDONVI", at=at, method="automatic"
                ),
                at=at,
            )
            return signed.content

        return sign

    async def check_in(self, tx: Tx, event: VisitOpened | OrderPlaced) -> None:
        """Write the check-in as soon as the visit has a cost.

        An examination that will be charged is waited for: the delivery is tried again.
        """
        try:
            await insurance.check_in_of(
                tx,
                actor=_ACTOR,
                encounter_id=event.encounter_id,
                at=event.at,
                folder=self._folder,
                sign=self._signer(tx, event.encounter_id, event.at),
            )
        except NothingToClaim:
            if isinstance(event, VisitOpened) and event.exam_service_code:
                raise

    async def issue(self, tx: Tx, event: VisitClosed | BillPaid) -> None:
        """Write the files of the event's visit; an unchanged visit writes nothing new.

        A visit that is paid before it closes has its claim when it closes.
        """
        try:
            await insurance.claim_of(
                tx,
                actor=_ACTOR,
                encounter_id=event.encounter_id,
                at=event.at,
                folder=self._folder,
                sign=self._signer(tx, event.encounter_id, event.at),
            )
        except (VisitNotClosed, NothingToClaim):
            return
