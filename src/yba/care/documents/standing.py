"""Where a paper stands today: in force, replaced, or taken back since it was signed."""

from yba.care.documents.model import Document, Kind, Standing
from yba.care.orders import service as orders
from yba.care.orders.model import PrescriptionState
from yba.plumbing.database import Tx


async def standing_of(tx: Tx, *, document: Document) -> Standing:
    """Return where a paper stands, also when only what it says was taken back."""
    if document.standing is Standing.SIGNED and document.kind == Kind.PRESCRIPTION.value:
        match await orders.prescription_state(tx, code=document.about):
            case PrescriptionState.CANCELLED:
                return Standing.CANCELLED
            case PrescriptionState.REPLACED:
                return Standing.SUPERSEDED
            case _:
                pass
    return document.standing
