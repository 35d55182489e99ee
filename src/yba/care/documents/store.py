"""The SQL of documents.document and documents.paper_copy."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from yba.care.documents.model import Document
from yba.plumbing.database import Tx

_SELECT: LiteralString = """
    SELECT d.document_id, d.short_id, d.kind, d.about, d.encounter_id, d.patient_id, d.version,
           d.replaces, d.reason, coalesce(newest.sha256, d.sha256) AS sha256, d.content_hash,
           coalesce(newest.size, d.size) AS size, d.signer_name,
           d.signer_licence, d.facility, d.signed_at, later.document_id AS replaced_by
      FROM documents.document d
      LEFT JOIN documents.document later ON later.replaces = d.document_id
      LEFT JOIN LATERAL (SELECT sha256, size FROM documents.revision
                          WHERE document_id = d.document_id
                          ORDER BY number DESC LIMIT 1) newest ON true
"""
_BY_ID: LiteralString = _SELECT + " WHERE d.document_id = $1"
_BY_SHORT_ID: LiteralString = _SELECT + " WHERE d.short_id = $1"
_BY_HASH: LiteralString = (
    _SELECT
    + """
     WHERE d.sha256 = $1
        OR d.document_id = (SELECT document_id FROM documents.revision WHERE sha256 = $1)
     ORDER BY d.document_id LIMIT 1
"""
)
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


_INSERT_REVISION: LiteralString = """
    INSERT INTO documents.revision
           (document_id, number, what, level, sha256, size, stamped_until, at)
    SELECT $1, coalesce(max(number), 1) + 1, $2, $3, $4, $5, $6, $7
      FROM documents.revision WHERE document_id = $1
"""
_EXPECT_LASTING: LiteralString = """
    INSERT INTO documents.lasting (document_id, level, due_at) VALUES ($1, $2, $3)
    ON CONFLICT (document_id) DO UPDATE SET level = $2, due_at = $3, attempts = 0, why = ''
"""
_LASTING_REACHED: LiteralString = """
    UPDATE documents.lasting
       SET level = $2, due_at = $3, why = $4,
           attempts = CASE WHEN $4 = '' THEN 0 ELSE attempts + 1 END
     WHERE document_id = $1
"""
_LASTING_DUE: LiteralString = """
    SELECT document_id, level, why, attempts, due_at
      FROM documents.lasting
     WHERE due_at <= $1
     ORDER BY due_at, document_id
     LIMIT $2
       FOR UPDATE SKIP LOCKED
"""
_LASTING_OF: LiteralString = """
    SELECT document_id, level, why, attempts, due_at
      FROM documents.lasting WHERE document_id = ANY($1)
"""


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long the proof of a document lasts: the level reached, and what is still due."""

    document_id: str
    level: str
    why: str
    attempts: int
    due_at: datetime | None


async def insert_revision(
    tx: Tx,
    *,
    document_id: str,
    what: str,
    level: str,
    sha256: str,
    size: int,
    stamped_until: datetime | None,
    at: datetime,
) -> None:
    """Add a revision; number 1 is the document as it was first signed."""
    await tx.execute(_LOCK, f"revision:{document_id}")
    await tx.execute(_INSERT_REVISION, document_id, what, level, sha256, size, stamped_until, at)


async def expect_lasting(tx: Tx, *, document_id: str, level: str, at: datetime) -> None:
    """Let the job look at a document, now that it has changed."""
    await tx.execute(_EXPECT_LASTING, document_id, level, at)


async def lasting_reached(
    tx: Tx, *, document_id: str, level: str, due_at: datetime | None, why: str
) -> None:
    """Write down how far the job came, and when it looks again."""
    await tx.execute(_LASTING_REACHED, document_id, level, due_at, why)


async def lasting_due(tx: Tx, *, at: datetime, limit: int) -> list[Lasting]:
    """Return the documents that the job should look at; locks them."""
    return await tx.rows(Lasting, _LASTING_DUE, at, limit)


async def lasting_of(tx: Tx, document_ids: list[str]) -> list[Lasting]:
    """Return how far each document has come."""
    return await tx.rows(Lasting, _LASTING_OF, document_ids)
