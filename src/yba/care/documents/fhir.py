"""A signed paper as FHIR: DocumentReference for what it is, Provenance for who vouches."""

import base64
import hashlib
from datetime import datetime

from yba.care.documents.model import Document, Kind
from yba.fhir import r4
from yba.foundation.signing.service import ResourceSignature
from yba.kernel import systems
from yba.kernel.clock import local

_DOCUMENT_KIND = "urn:yba:vn:code:document"
_SHA256 = systems.EXTENSION + "sha256"
_LOINC = {
    Kind.OUTPATIENT_RECORD: ("34108-1", "Outpatient Note"),
    Kind.PRESCRIPTION: ("57833-6", "Prescription for medication"),
    Kind.LABORATORY_REPORT: ("11502-2", "Laboratory report"),
}
# ASTM E1762-95, the value set of Signature.type.
_AUTHOR_SIGNATURE = r4.Coding(
    system="urn:iso-astm:E1762-95:2013", code="1.2.840.10065.1.12.1.1", display="Author's Signature"
)


def document_reference(document: Document, *, content: bytes, author: r4.Reference, title: str):
    """Return the DocumentReference of a signed paper, current and final."""
    code, display = _LOINC[Kind(document.kind)]
    moment = local(document.signed_at).isoformat(timespec="seconds")
    replaced = document.replaces
    return r4.DocumentReference(
        id=document.document_id,
        masterIdentifier=r4.Identifier(system=systems.DOCUMENT_NUMBER, value=document.short_id),
        status="current",
        docStatus="amended" if document.version > 1 else "final",
        type=r4.CodeableConcept(
            coding=[
                r4.Coding(system=systems.LOINC, code=code, display=display),
                r4.Coding(system=_DOCUMENT_KIND, code=document.kind),
            ],
            text=title,
        ),
        subject=r4.Reference(reference=f"Patient/{document.patient_id}"),
        date=moment,
        author=[author],
        custodian=r4.Reference(display=document.facility),
        relatesTo=[
            r4.DocumentReferenceRelatesTo(
                code="replaces",
                target=r4.Reference(reference=f"DocumentReference/{replaced}"),
            )
        ]
        if replaced
        else None,
        description=document.reason or None,
        content=[r4.DocumentReferenceContent(attachment=_attachment(document, content, title))],
        context=r4.DocumentReferenceContext(
            encounter=[r4.Reference(reference=f"Encounter/{document.encounter_id}")]
        ),
    )


def _attachment(document: Document, content: bytes, title: str) -> r4.Attachment:
    # R4 prescribes SHA-1 here; what we rely on is the SHA-256 beside it.
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    return r4.Attachment(
        contentType="application/pdf",
        language="vi",
        url=f"/documents/{document.document_id}.pdf",
        size=document.size,
        hash=base64.b64encode(digest).decode(),
        title=title,
        creation=local(document.signed_at).isoformat(timespec="seconds"),
        extension=[r4.Extension(url=_SHA256, valueString=document.sha256)],
    )


def renew_attachment(
    entry: r4.DocumentReference, document: Document, *, content: bytes, at: datetime
) -> None:
    """Let the entry of a document name its newest revision."""
    title = entry.type.text if entry.type and entry.type.text else document.kind
    attachment = _attachment(document, content, title)
    attachment.creation = local(at).isoformat(timespec="seconds")
    entry.content = [r4.DocumentReferenceContent(attachment=attachment)]


def provenance(
    provenance_id: str, document: Document, *, author: r4.Reference, signed: ResourceSignature
) -> r4.Provenance:
    """Return who signed what, when and how: the paper itself and its entry in the record.

    The target names the version that was signed: a later one, such as the
    entry of a replaced paper, is not covered.
    """
    moment = local(document.signed_at).isoformat(timespec="milliseconds")
    return r4.Provenance(
        id=provenance_id,
        target=[r4.Reference(reference=f"DocumentReference/{document.document_id}/_history/1")],
        recorded=moment,
        activity=r4.CodeableConcept(
            coding=[
                r4.Coding(
                    system="http://terminology.hl7.org/CodeSystem/v3-DocumentCompletion",
                    code="LA",
                    display="legally authenticated",
                )
            ]
        ),
        agent=[
            r4.ProvenanceAgent(
                type=r4.CodeableConcept(
                    coding=[
                        r4.Coding(
                            system="http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                            code="author",
                        )
                    ]
                ),
                who=author,
            )
        ],
        signature=[
            r4.Signature(
                type=[_AUTHOR_SIGNATURE],
                when=moment,
                who=author,
                targetFormat="application/pdf",
                sigFormat="application/pdf",
            ),
            r4.Signature(
                type=[_AUTHOR_SIGNATURE],
                when=moment,
                who=author,
                targetFormat=signed.target_format,
                sigFormat=signed.sig_format,
                data=signed.data,
            ),
        ],
    )
