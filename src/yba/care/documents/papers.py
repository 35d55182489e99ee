"""Papers that are not about one patient, and the destruction of those that are."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString

import anyio.to_thread

from yba.care.documents.rendering import render
from yba.care.documents.sheets import qr_drawing
from yba.foundation.signing import service as signatures
from yba.foundation.signing.model import SignerRole
from yba.kernel.actor import Actor
from yba.plumbing.database import Tx

if TYPE_CHECKING:
    from yba.care.documents.service import Archive

_ALLOW: LiteralString = "SELECT set_config('archive.destroying', 'on', true)"
_FORBID: LiteralString = "SELECT set_config('archive.destroying', 'off', true)"
_FILES: LiteralString = """
    SELECT sha256 FROM documents.document d
     WHERE encounter_id = $1 AND NOT EXISTS (
           SELECT FROM documents.document o WHERE o.sha256 = d.sha256 AND o.encounter_id <> $1)
     UNION
    SELECT r.sha256 FROM documents.revision r JOIN documents.document d USING (document_id)
     WHERE d.encounter_id = $1 AND NOT EXISTS (
           SELECT FROM documents.revision o JOIN documents.document p USING (document_id)
            WHERE o.sha256 = r.sha256 AND p.encounter_id <> $1)
     ORDER BY sha256
"""
_COPIES: LiteralString = """
    DELETE FROM documents.paper_copy c USING documents.document d
     WHERE d.document_id = c.document_id AND d.encounter_id = $1
"""
_PAPERS: LiteralString = "DELETE FROM documents.document WHERE encounter_id = $1"


async def signed_paper(
    tx: Tx,
    *,
    archive: "Archive",
    actor: Actor,
    template: str,
    words: Mapping[str, Any],
    title: str,
    reference: str,
    at: datetime,
) -> bytes:
    """Return a paper of the facility's own (minutes, a register), sealed and kept by its hash.

    Its QR leads to where anybody checks the file: it is in no register of patients' papers.
    `reference` says what it is about in the audit trail. Raises what signing refuses.
    """
    address = f"{archive.address}/verify"
    check = {"address": address, "qr": qr_drawing(address)}
    draft = await render(template, {**words, "check": check}, fonts=archive.fonts, at=at)
    signed = await signatures.sign_pdf(
        tx,
        signing=archive.signing,
        actor=actor,
        pdf=draft,
        document=reference,
        reason=title,
        consent=signatures.confirmed(
            actor, summary=f"{title} {reference}", at=at, method="session"
        ),
        at=at,
        role=SignerRole.ORGANISATION,
    )
    await anyio.to_thread.run_sync(archive.blobs.put, signed.content)
    return signed.content


async def erase_papers(tx: Tx, *, encounter_id: str) -> list[str]:
    """Remove every paper of a visit from the register; return the hashes of files to remove.

    Only an approved destruction calls this; the database refuses anybody else.
    """
    files: list[str] = await tx.values(_FILES, encounter_id)
    await tx.execute(_ALLOW)
    await tx.execute(_COPIES, encounter_id)
    await tx.execute(_PAPERS, encounter_id)
    await tx.execute(_FORBID)
    await signatures.forget(tx, encounter_id=encounter_id)
    return files
