"""A medical record leaves: HoSoBenhAn, on a written request, counted and audited."""

from datetime import datetime
from typing import Literal

from yba.care.archive import hosobenhan, service
from yba.care.encounters import service as encounters
from yba.care.orders import service as orders
from yba.foundation.consent import service as consent
from yba.foundation.consent.model import Recipient
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

Form = Literal["xml", "json"]
# What HoSoBenhAn holds, in the words of the written request.
_KINDS = frozenset({"identity", "visits", "prescriptions", "laboratory"})


async def exported(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    form: Form,
    request: str,
    at: datetime,
    recipient: Recipient | None = None,
) -> tuple[str, bytes]:
    """Return a file name that says nothing of the patient, and the record as HoSoBenhAn.

    `recipient` names another provider or a private insurer: the person's own written request must
    cover it, and what went out is written down for her to read. Without one the copy goes to the
    person or to an authority that acts by law.

    Raises what `service.hand_over` raises, ReleaseRefused, and ExportUnusable if the record does not fit the schema
    (its places are named; nothing is cut).
    """
    found = await service.hand_over(
        tx, actor=actor, encounter_id=encounter_id, request=request, at=at
    )
    if recipient is not None:
        permit = await consent.require_release(
            tx, patient_id=found.patient_id, recipient=recipient, kinds=_KINDS, at=at
        )
        reference = [f"Encounter/{encounter_id}"]
        await consent.disclose(tx, actor=actor, permit=permit, resources=reference, at=at)
    # Who may take a copy of the record takes all of it.
    reader = Actor.system("archive")
    view = await encounters.visit(tx, actor=reader, encounter_id=encounter_id, at=at)
    issued = await orders.prescriptions_of(tx, actor=reader, encounter_id=encounter_id, at=at)
    content = hosobenhan.content_of(view, issued)
    body = hosobenhan.as_xml(content) if form == "xml" else hosobenhan.as_json(content)
    return f"HoSoBenhAn-{encounter_id}.{form}", body
