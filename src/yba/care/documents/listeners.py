"""What puts papers into the basket: a visit was closed or reopened, results were released."""

from datetime import datetime

from yba.care.documents import basket, composing, keeping, store
from yba.care.documents.model import Facility, Kind
from yba.care.encounters import service as encounters
from yba.care.encounters.events import VisitClosed, VisitReopened
from yba.care.encounters.model import VisitView
from yba.care.laboratory import service as laboratory
from yba.care.laboratory.events import ResultReleased
from yba.care.orders import service as orders
from yba.foundation.accounts import service as accounts
from yba.foundation.signing import service as signatures
from yba.foundation.signing.model import SignerRole
from yba.foundation.signing.service import Seat
from yba.kernel.actor import Actor
from yba.kernel.clock import local
from yba.plumbing.database import Tx

_SYSTEM = Actor.system("documents", purpose="TREAT")


class Basket:
    """Listens for what has to be signed; `facility` is whose seal follows."""

    def __init__(self, facility: Facility) -> None:
        self._facility = facility

    async def visit_closed(self, tx: Tx, event: VisitClosed) -> None:
        """Ask the doctor of a closed visit for the record and the prescriptions."""
        view, sheet = await composing.outpatient_record(
            tx,
            actor=_SYSTEM,
            facility=self._facility,
            encounter_id=event.encounter_id,
            at=event.at,
        )
        if view.doctor is None:
            return
        author = Seat(SignerRole.AUTHOR, view.doctor.practitioner_id, view.doctor.name)
        latest = await store.latest(tx, kind=Kind.OUTPATIENT_RECORD.value, about=event.encounter_id)
        if latest is None or latest.content_hash != keeping.content_hash_of(sheet):
            await self._ask(tx, Kind.OUTPATIENT_RECORD, event.encounter_id, view, author, event.at)
        issued = await orders.prescriptions_of(
            tx, actor=_SYSTEM, encounter_id=event.encounter_id, at=event.at
        )
        for one in issued:
            known = await store.latest(tx, kind=Kind.PRESCRIPTION.value, about=one.code)
            if known is None and composing.is_in_force(one):
                prescriber = Seat(SignerRole.AUTHOR, one.prescriber_id, one.prescriber)
                await self._ask(tx, Kind.PRESCRIPTION, one.code, view, prescriber, event.at)

    async def visit_reopened(self, tx: Tx, event: VisitReopened) -> None:
        """Take back what nobody has signed yet."""
        await signatures.withdraw(tx, encounter_id=event.encounter_id, at=event.at)

    async def result_released(self, tx: Tx, event: ResultReleased) -> None:
        """Ask the one who released a result for the report."""
        account_id = await laboratory.verifier_of(tx, request_id=event.request_id)
        if not account_id:
            return
        person = await accounts.account(tx, account_id=account_id)
        if person.practitioner_id is None:
            return
        view = await encounters.visit(
            tx, actor=_SYSTEM, encounter_id=event.encounter_id, at=event.at
        )
        author = Seat(SignerRole.AUTHOR, person.practitioner_id, person.name)
        await self._ask(tx, Kind.LABORATORY_REPORT, event.encounter_id, view, author, event.at)

    async def _ask(
        self, tx: Tx, kind: Kind, about: str, view: VisitView, author: Seat, at: datetime
    ) -> None:
        await signatures.open_request(
            tx,
            kind=kind.value,
            about=about,
            encounter_id=view.encounter_id,
            patient_id=view.patient_id,
            summary=_summary(kind, about, view),
            seats=await basket.seats_of(
                tx, facility=self._facility, kind=kind, author=author, at=at
            ),
            at=at,
        )


def _summary(kind: Kind, about: str, view: VisitView) -> str:
    """Return what the signer reads: which paper, of whom, when, and what it says."""
    main = next((one for one in view.diagnoses if one.main), None)
    parts = [
        keeping.NAMES[kind] + (f" {about}" if kind is Kind.PRESCRIPTION else ""),
        f"{view.patient_name} ({view.patient_number})",
        f"khám {local(view.opened_at):%d/%m/%Y}",
        f"{main.code} {main.text or main.name}" if main else "",
    ]
    return " · ".join(part for part in parts if part)
