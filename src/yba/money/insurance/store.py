"""SQL of insurance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from yba.plumbing.database import Tx


@dataclass(frozen=True, slots=True)
class ClaimFile:
    """One file that was issued."""

    file_id: int
    encounter_id: str
    patient_id: str
    kind: str
    version: int
    claim_key: str
    facility: str
    sha256: str
    size: int
    path: str
    is_signed: bool
    errors: int
    warnings: int
    findings: list[dict[str, Any]]
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class RecentClaim:
    """The newest claim of a visit, for the list."""

    encounter_id: str
    claim_key: str
    patient_name: str
    version: int
    errors: int
    warnings: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    """One episode that was read, with what stands for it in the record."""

    facility: str
    claim_key: str
    patient_id: str
    encounter_id: str
    is_ours: bool
    created: str
    file_sha256: str
    content_hash: str
    tables: bytes
    resources: dict[str, str]
    revision: int


_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended($1, 80))"
_NEXT_VERSION: LiteralString = """
    SELECT coalesce(max(version), 0) + 1 FROM insurance.claim_file
     WHERE encounter_id = $1 AND kind = $2
"""
_ADD_FILE: LiteralString = """
    INSERT INTO insurance.claim_file
           (file_id, encounter_id, patient_id, kind, version, claim_key, facility, sha256, size,
            path, is_signed, errors, warnings, findings, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""
_FILES: LiteralString = """
    SELECT file_id, encounter_id, patient_id, kind, version, claim_key, facility, sha256, size,
           path, is_signed, errors, warnings, findings, created_at, created_by
      FROM insurance.claim_file
     WHERE encounter_id = $1
     ORDER BY kind, version DESC
     LIMIT 200
"""
_RECENT: LiteralString = """
    SELECT f.encounter_id, f.claim_key, coalesce(p.name, '') AS patient_name, f.version,
           f.errors, f.warnings, f.created_at
      FROM insurance.claim_file f
      LEFT JOIN parties.person_v1 p ON p.patient_id = f.patient_id
     WHERE f.kind = 'claim'
       AND NOT EXISTS (SELECT 1 FROM insurance.claim_file later
                        WHERE later.encounter_id = f.encounter_id AND later.kind = 'claim'
                          AND later.version > f.version)
     ORDER BY f.created_at DESC, f.file_id DESC
     LIMIT $1
"""
_LINK: LiteralString = """
    SELECT patient_id FROM insurance.person_link WHERE facility = $1 AND patient_number = $2
"""
_ADD_LINK: LiteralString = """
    INSERT INTO insurance.person_link (facility, patient_number, patient_id, linked_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (facility, patient_number) DO UPDATE
       SET patient_id = EXCLUDED.patient_id, linked_at = EXCLUDED.linked_at
     WHERE person_link.patient_id <> EXCLUDED.patient_id
"""
_BEGIN_BATCH: LiteralString = """
    INSERT INTO insurance.import_batch (batch_id, started_at, actor_id) VALUES ($1, $2, $3)
"""
_END_BATCH: LiteralString = """
    UPDATE insurance.import_batch
       SET finished_at = $2, files = $3, kept = $4, known = $5, set_aside = $6
     WHERE batch_id = $1
"""
_FILE_STATE: LiteralString = "SELECT state FROM insurance.import_file WHERE sha256 = $1"
_NOTE_FILE: LiteralString = """
    INSERT INTO insurance.import_file
           (sha256, batch_id, name, facility, created, episodes, state, findings, read_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (sha256) DO UPDATE
       SET batch_id = EXCLUDED.batch_id, name = EXCLUDED.name, state = EXCLUDED.state,
           findings = EXCLUDED.findings, read_at = EXCLUDED.read_at
     WHERE import_file.state <> EXCLUDED.state
        OR import_file.findings <> EXCLUDED.findings
"""
_EPISODE: LiteralString = """
    SELECT facility, claim_key, patient_id, encounter_id, is_ours, created, file_sha256,
           content_hash, tables, resources, revision
      FROM insurance.episode
     WHERE facility = $1 AND claim_key = $2
"""
_PUT_EPISODE: LiteralString = """
    INSERT INTO insurance.episode
           (facility, claim_key, patient_id, encounter_id, is_ours, created, file_sha256,
            content_hash, tables, resources, revision, read_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (facility, claim_key) DO UPDATE
       SET patient_id = EXCLUDED.patient_id, encounter_id = EXCLUDED.encounter_id,
           is_ours = EXCLUDED.is_ours, created = EXCLUDED.created,
           file_sha256 = EXCLUDED.file_sha256, content_hash = EXCLUDED.content_hash,
           tables = EXCLUDED.tables, resources = EXCLUDED.resources,
           revision = EXCLUDED.revision, read_at = EXCLUDED.read_at
"""


async def lock(tx: Tx, name: str) -> None:
    """Let one transaction at a time work on `name`, until it ends."""
    await tx.execute(_LOCK, name)


async def next_version(tx: Tx, *, encounter_id: str, kind: str) -> int:
    """Return the number of the next file of that kind for a visit."""
    return int(await tx.value(_NEXT_VERSION, encounter_id, kind))


async def add_file(tx: Tx, file: ClaimFile) -> None:
    """Write a file into the ledger."""
    await tx.execute(
        _ADD_FILE,
        file.file_id,
        file.encounter_id,
        file.patient_id,
        file.kind,
        file.version,
        file.claim_key,
        file.facility,
        file.sha256,
        file.size,
        file.path,
        file.is_signed,
        file.errors,
        file.warnings,
        file.findings,
        file.created_at,
        file.created_by,
    )


async def files(tx: Tx, *, encounter_id: str) -> list[ClaimFile]:
    """Return the files of a visit, newest version of each kind first."""
    return await tx.rows(ClaimFile, _FILES, encounter_id)


async def recent_claims(tx: Tx, *, limit: int) -> list[RecentClaim]:
    """Return the newest claim of each visit, latest first."""
    return await tx.rows(RecentClaim, _RECENT, limit)


async def linked_person(tx: Tx, *, facility: str, patient_number: str) -> str | None:
    """Return whom a facility means by its own number."""
    return await tx.value(_LINK, facility, patient_number)


async def link_person(
    tx: Tx, *, facility: str, patient_number: str, patient_id: str, at: datetime
) -> None:
    """Remember whom a facility means by its own number."""
    await tx.execute(_ADD_LINK, facility, patient_number, patient_id, at)


async def begin_batch(tx: Tx, *, batch_id: int, actor_id: str, at: datetime) -> None:
    """Open a batch."""
    await tx.execute(_BEGIN_BATCH, batch_id, at, actor_id)


async def end_batch(
    tx: Tx, *, batch_id: int, at: datetime, counts: tuple[int, int, int, int]
) -> None:
    """Close a batch with (files, kept, known, set aside)."""
    await tx.execute(_END_BATCH, batch_id, at, *counts)


async def file_state(tx: Tx, *, sha256: str) -> str | None:
    """Return what became of that content earlier."""
    return await tx.value(_FILE_STATE, sha256)


async def note_file(
    tx: Tx,
    *,
    sha256: str,
    batch_id: int,
    name: str,
    facility: str,
    created: str,
    episodes: int,
    state: str,
    findings: Sequence[Mapping[str, Any]],
    at: datetime,
) -> None:
    """Remember what became of a file; the same again changes nothing."""
    await tx.execute(
        _NOTE_FILE, sha256, batch_id, name, facility, created, episodes, state, list(findings), at
    )


async def episode(tx: Tx, *, facility: str, claim_key: str) -> StoredEpisode | None:
    """Return an episode as it was last read."""
    return await tx.row(StoredEpisode, _EPISODE, facility, claim_key)


async def put_episode(tx: Tx, kept: StoredEpisode, *, at: datetime) -> None:
    """Write the newest state of an episode."""
    await tx.execute(
        _PUT_EPISODE,
        kept.facility,
        kept.claim_key,
        kept.patient_id,
        kept.encounter_id,
        kept.is_ours,
        kept.created,
        kept.file_sha256,
        kept.content_hash,
        kept.tables,
        kept.resources,
        kept.revision,
        at,
    )
