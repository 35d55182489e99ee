"""The clinician's answer to a request to correct: a signed addendum, or a refusal with its reason.

The entry that was wrong stays as it is. The addendum is a Communication about the visit, signed by
a Provenance that holds a JWS over it. Standard: FHIR R4 Provenance.signature; Circular 13/2025.
"""

from datetime import datetime

import orjson

from yba.care.encounters import service as encounters
from yba.fhir import r4
from yba.foundation.consent import service as consent
from yba.foundation.consent.errors import ReasonNeeded, RequestClosed
from yba.foundation.consent.model import RequestKind, SubjectRequest
from yba.foundation.record import service as record
from yba.foundation.signing import service as signatures
from yba.foundation.signing.service import Signing
from yba.kernel.actor import Actor
from yba.kernel.refusal import NotFound
from yba.plumbing.database import Tx

_SIGNATURE = {
    "system": "urn:iso-astm:E1762-95:2013",
    "code": "1.2.840.10065.1.12.1.1",
    "display": "Author's Signature",
}


async def accept(
    tx: Tx, *, signing: Signing, actor: Actor, request_id: int, words: str, at: datetime
) -> SubjectRequest:
    """Add a signed addendum to the visit and answer the person; both sides read it from then on.

    Raises ReasonNeeded without words, NotFound if the request is not about a visit, RequestClosed,
    and what signing refuses.
    """
    found = await consent.request(tx, actor=actor, request_id=request_id)
    if found.kind != RequestKind.CORRECT or not found.target.startswith("Encounter/"):
        raise NotFound
    if not found.is_open:
        raise RequestClosed
    if not words.strip():
        raise ReasonNeeded(fields={"words": ReasonNeeded.message})
    await encounters.visit(
        tx, actor=actor, encounter_id=found.target.removeprefix("Encounter/"), at=at
    )
    addendum = _addendum(found, actor, words.strip(), at)
    reference = f"Communication/{addendum['id']}"
    signed = await signatures.sign_resource(
        tx, signing=signing, actor=actor, resource=addendum, at=at,
        consent=signatures.confirmed(actor, summary=f"Addendum {found.target}", at=at),
    )  # fmt: skip
    provenance = {
        "resourceType": "Provenance",
        "id": record.new_id(),
        "target": [{"reference": reference}],
        "recorded": at.isoformat(),
        "agent": [{"who": {"reference": f"Practitioner/{actor.practitioner_id}"}}],
        "signature": [
            {
                "type": [_SIGNATURE],
                "when": at.isoformat(),
                "who": {"reference": f"Practitioner/{actor.practitioner_id}"},
                "targetFormat": signed.target_format,
                "sigFormat": signed.sig_format,
                "data": signed.data,
            }
        ],
    }
    await record.save(
        tx, actor=actor, at=at, note="consent.addendum",
        resources=[
            r4.decode_as(r4.Communication, orjson.dumps(addendum)),
            r4.decode_as(r4.Provenance, orjson.dumps(provenance)),
        ],
    )  # fmt: skip
    return await consent.finish(
        tx, actor=actor, request_id=request_id, answer=words, at=at, result=reference
    )


def _addendum(found: SubjectRequest, actor: Actor, words: str, at: datetime) -> dict[str, object]:
    return {
        "resourceType": "Communication",
        "id": record.new_id(),
        "status": "completed",
        "subject": {"reference": f"Patient/{found.patient_id}"},
        "encounter": {"reference": found.target},
        "about": [{"reference": found.target}],
        "topic": {"text": "Addendum"},
        "sent": at.isoformat(),
        "sender": {"reference": f"Practitioner/{actor.practitioner_id}"},
        "payload": [{"contentString": words}],
    }
