"""When a visit's files are written: check-in at its first cost, claim when it closes and is paid."""

from pathlib import Path

from yba.care.encounters.events import VisitClosed, VisitOpened
from yba.care.orders.events import OrderPlaced
from yba.kernel.actor import Actor
from yba.money.insurance import service as insurance
from yba.money.insurance.errors import NothingToClaim, VisitNotClosed
from yba.money.payments.events import BillPaid
from yba.plumbing.database import Tx

_ACTOR = Actor.system("claims", purpose="HPAYMT")


class ClaimWriter:
    """Writes check-in and claim files of this node below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

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
            )
        except (VisitNotClosed, NothingToClaim):
            return
