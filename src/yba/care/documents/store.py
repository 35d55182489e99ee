"""The SQL of documents.document and documents.paper_copy."""

from datetime import datetime
from typing import LiteralString

from yba.care.documents.model import Document
from yba.plumbing.database import Tx

_SELECT: LiteralString = """
    SELECT d.document_id, d.short_id, d.kind, d.about, d.encounter_id, d.patient_id, d.version,
           d.replaces, d.reason, d.sha256, d.content_hash, d.size, d.signer_name,
           d.signer_licence, d.facility, d.signed_at, later.document_id AS replaced_by
      FROM documents.document d
      LEFT JOIN documents.document later ON later.replaces = d.document_id
"""
_BY_ID: LiteralString = _SELECT + " WHERE d.document_id = $1"
_BY_SHORT_ID: LiteralString = _SELECT + " WHERE d.short_id = $1"
_BY_HASH: LiteralString = _SELECT + " WHERE d.sha256 = $1 ORDER BY d.document_id LIMIT 1"
_LATEST: LiteralString = (
    _SELECT + " WHERE d.kind = $1 AND d.about = $2 ORDER BY d.version DESC LIMIT 1"
)
_OF_ENCOUNTER: LiteralString = (
    _SELECT + " WHERE d.encounter_id = $1 ORDER BY d.document_id DESC LIMIT $2"
)
_OF_PATIENT: LiteralString = (
    _SELECT + " WHERE d.patient_id = $1 ORDER BY d.document_id DESC LIMIT $2"
)
_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended($1, 61))"
_INSERT: LiteralString = """
    INSERT INTO documents.document
           (document_id, short_id, kind, about, encounter_id, patient_id, version, replaces,
            reason, sha256, content_hash, size, signer_name, signer_licence, facility, signed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""
_INSERT_COPY: LiteralString = """
    INSERT INTO documents.paper_copy (document_id, number, account_id, person, at)
    SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4
      FROM documents.paper_copy WHERE document_id = $1
    RETURNING number
"""
_MOST = 500


async def document(tx: Tx, document_id: str) -> Document | None:
    """Return one document."""
    return await tx.row(Document, _BY_ID, document_id)


async def with_short_id(tx: Tx, short_id: str) -> Document | None:
    """Return the document of a public code."""
    return await tx.row(Document, _BY_SHORT_ID, short_id)


async def with_hash(tx: Tx, sha256: str) -> Document | None:
    """Return the document that is exactly these bytes."""
    return await tx.row(Document, _BY_HASH, sha256)


async def latest(tx: Tx, *, kind: str, about: str) -> Document | None:
    """Return the newest version of a paper; locks its versions until `tx` ends."""
    await tx.execute(_LOCK, f"{kind}:{about}")
    return await tx.row(Document, _LATEST, kind, about)


async def of_encounter(tx: Tx, encounter_id: str) -> list[Document]:
    """Return the documents of a visit, newest first."""
    return await tx.rows(Document, _OF_ENCOUNTER, encounter_id, _MOST)


async def of_patient(tx: Tx, patient_id: str) -> list[Document]:
    """Return the documents of a patient, newest first."""
    return await tx.rows(Document, _OF_PATIENT, patient_id, _MOST)


async def insert(tx: Tx, new: Document) -> None:
    """Enter a signed document."""
    await tx.execute(
        _INSERT,
        new.document_id,
        new.short_id,
        new.kind,
        new.about,
        new.encounter_id,
        new.patient_id,
        new.version,
        new.replaces,
        new.reason,
        new.sha256,
        new.content_hash,
        new.size,
        new.signer_name,
        new.signer_licence,
        new.facility,
        new.signed_at,
    )


async def insert_copy(
    tx: Tx, *, document_id: str, account_id: str, person: str, at: datetime
) -> int:
    """Count one more paper copy and return its number."""
    await tx.execute(_LOCK, f"copy:{document_id}")
    return await tx.value(_INSERT_COPY, document_id, account_id, person, at)
