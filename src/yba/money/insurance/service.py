"""The verbs of insurance: issue a claim, read other systems' files, write an episode again."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from yba.foundation.audit import service as audit
from yba.foundation.terminology import service as terminology
from yba.kernel.actor import Actor
from yba.kernel.clock import local, local_date
from yba.kernel.ids import new_snowflake
from yba.kernel.refusal import AccessRefused, NotFound
from yba.money.insurance import store
from yba.money.insurance.build import build_check_in, build_claim
from yba.money.insurance.checks import check_check_in, check_claim
from yba.money.insurance.claim import Claim, Episode
from yba.money.insurance.errors import ClaimFileDamaged, EpisodeNotFound, VisitNotClosed
from yba.money.insurance.findings import Finding
from yba.money.insurance.gathering import Gathered, gather
from yba.money.insurance.importing import (
    FileOutcome,
    ImportSummary,
    Place,
    import_files,
)
from yba.money.insurance.keeping import Kept, unpack
from yba.money.insurance.reference import Reference, shipped, with_diagnoses
from yba.money.insurance.store import ClaimFile, RecentClaim
from yba.money.insurance.visit import VisitForClaim
from yba.money.insurance.xml import write_check_in, write_claim
from yba.money.insurance.xml.writer import SignXml, without_signature
from yba.plumbing.blobs import sha256_hex
from yba.plumbing.database import Tx

__all__ = [
    "FileOutcome",
    "ImportSummary",
    "IssuedClaim",
    "Kept",
    "Place",
    "SignXml",
    "check_visit",
    "claim_content",
    "claim_files_of",
    "claim_of",
    "export_episode",
    "import_claims",
    "recent_claims",
    "reference",
    "visit_for_claim",
]

import_claims = import_files


@dataclass(frozen=True, slots=True)
class IssuedClaim:
    """The two files of a visit as they now stand, and what the rules say of them."""

    check_in: ClaimFile
    claim: ClaimFile
    findings: tuple[Finding, ...]

    @property
    def is_acceptable(self) -> bool:
        """Return whether no rule of severity error is broken."""
        return not any(one.is_error for one in self.findings)


@dataclass(frozen=True, slots=True)
class _Issue:
    """One file about to be written."""

    kind: str
    content: bytes
    findings: Sequence[Finding]
    sign: SignXml | None


async def reference(tx: Tx, *, at: datetime) -> Reference:
    """Return what the rules look up on this node: its whole ICD-10 list, if one was loaded."""
    known = shipped()
    editions = await terminology.editions(tx)
    if all(edition.is_shipped for edition in editions if edition.system == "icd10"):
        return known
    diagnoses = await terminology.concepts(tx, system="icd10", on=local_date(at))
    return Reference(with_diagnoses(known.lists, diagnoses), known.benefits)


async def visit_for_claim(
    tx: Tx, *, actor: Actor, encounter_id: str, at: datetime
) -> VisitForClaim:
    """Return what the claim of a visit tells, as far as it is known now.

    Raises VisitNotFound, AccessRefused.
    """
    return (await _gathered(tx, actor, encounter_id, at)).visit


async def check_visit(tx: Tx, *, actor: Actor, encounter_id: str, at: datetime) -> list[Finding]:
    """Return what the rules would say of the claim if it were made now. Writes nothing.

    Raises VisitNotFound, NothingToClaim, AccessRefused.
    """
    gathered = await _gathered(tx, actor, encounter_id, at)
    claim = build_claim(gathered.visit, created=at)
    return check_claim(claim, reference=await reference(tx, at=at), today=local_date(at))


async def claim_of(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    at: datetime,
    folder: Path,
    sign: SignXml | None = None,
) -> IssuedClaim:
    """Write check-in and claim of a closed visit below `folder` and into the ledger.

    The same content again is the file that is already there; a changed visit
    makes the next version, and no file is ever overwritten. CHUKYDONVI is
    filled by `sign`, which gets and returns the whole file. Findings do not
    stop the file: they are kept beside it and decide whether it may be sent.

    Raises VisitNotFound, VisitNotClosed, NothingToClaim, AccessRefused.
    """
    gathered = await _gathered(tx, actor, encounter_id, at)
    if not gathered.is_closed:
        raise VisitNotClosed
    await store.lock(tx, f"claim {encounter_id}")
    known = await reference(tx, at=at)
    check_in = _check_in(gathered, known, sign)
    claim = build_claim(gathered.visit, created=at)
    whole = _Issue(
        kind="claim",
        content=write_claim(claim),
        findings=check_claim(claim, reference=known, today=local_date(at)),
        sign=sign,
    )
    first = await _issue(tx, actor, gathered, check_in, folder, encounter_id, at)
    second = await _issue(tx, actor, gathered, whole, folder, encounter_id, at)
    await _audit_issue(tx, actor, gathered, encounter_id, "insurance.claim_of", at)
    return IssuedClaim(first, second, (*check_in.findings, *whole.findings))


async def check_in_of(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    at: datetime,
    folder: Path,
    sign: SignXml | None = None,
) -> ClaimFile:
    """Write the check-in of a visit whose first cost has arisen; the visit may be open.

    The same content again is the file that is already there.
    Raises VisitNotFound, NothingToClaim as long as nothing was ordered, AccessRefused.
    """
    gathered = await _gathered(tx, actor, encounter_id, at)
    await store.lock(tx, f"claim {encounter_id}")
    issue = _check_in(gathered, await reference(tx, at=at), sign)
    file = await _issue(tx, actor, gathered, issue, folder, encounter_id, at)
    await _audit_issue(tx, actor, gathered, encounter_id, "insurance.check_in_of", at)
    return file


def _check_in(gathered: Gathered, known: Reference, sign: SignXml | None) -> _Issue:
    message = build_check_in(gathered.visit)
    arrived = local_date(gathered.visit.arrived_at)
    return _Issue(
        kind="check-in",
        content=write_check_in(message, arrived),
        findings=check_check_in(message, arrived, reference=known),
        sign=sign,
    )


async def _audit_issue(
    tx: Tx, actor: Actor, gathered: Gathered, encounter_id: str, what: str, at: datetime
) -> None:
    await audit.record(
        tx,
        actor=actor,
        action="C",
        what=what,
        at=at,
        patient_id=gathered.patient_id,
        references=[f"Encounter/{encounter_id}"],
        purpose="HPAYMT",
    )


async def claim_files_of(tx: Tx, *, actor: Actor, encounter_id: str) -> list[ClaimFile]:
    """Return the files that were issued for a visit, newest version of each kind first."""
    _require(actor)
    return await store.files(tx, encounter_id=encounter_id)


async def recent_claims(tx: Tx, *, actor: Actor, limit: int = 100) -> list[RecentClaim]:
    """Return the newest claim of each recent visit, latest first."""
    _require(actor)
    return await store.recent_claims(tx, limit=limit)


async def claim_content(
    tx: Tx,
    *,
    actor: Actor,
    encounter_id: str,
    kind: str,
    version: int,
    folder: Path,
    at: datetime,
) -> tuple[ClaimFile, bytes]:
    """Return one issued file with its bytes, proved by its hash. Audited.

    Raises NotFound, ClaimFileDamaged, AccessRefused.
    """
    _require(actor)
    for issued in await store.files(tx, encounter_id=encounter_id):
        if (issued.kind, issued.version) == (kind, version):
            break
    else:
        raise NotFound
    path = folder / issued.path
    content = path.read_bytes() if path.is_file() else b""
    if sha256_hex(content) != issued.sha256:
        raise ClaimFileDamaged
    await audit.record(
        tx,
        actor=actor,
        action="R",
        what="insurance.claim_content",
        at=at,
        patient_id=issued.patient_id,
        references=[f"Encounter/{encounter_id}"],
        purpose="HPAYMT",
    )
    return issued, content


async def export_episode(tx: Tx, *, actor: Actor, facility: str, claim_key: str) -> Claim:
    """Return an episode that was read, as a claim that can be written again.

    Raises EpisodeNotFound, AccessRefused.
    """
    _require(actor)
    known = await store.episode(tx, facility=facility, claim_key=claim_key)
    if known is None:
        raise EpisodeNotFound
    episode: Episode = unpack(known.tables)
    return Claim(facility, known.created, (episode,), "1")


def _require(actor: Actor) -> None:
    if not any(
        map(
            actor.may,
            ("claims.read", "claims.issue", "cashier.read", "payments.read", "admin.claims"),
        )
    ):
        raise AccessRefused


async def _gathered(tx: Tx, actor: Actor, encounter_id: str, at: datetime) -> Gathered:
    _require(actor)
    return await gather(tx, actor=actor.acting_for("HPAYMT"), encounter_id=encounter_id, at=at)


async def _issue(
    tx: Tx,
    actor: Actor,
    gathered: Gathered,
    issue: _Issue,
    folder: Path,
    encounter_id: str,
    at: datetime,
) -> ClaimFile:
    for known in await store.files(tx, encounter_id=encounter_id):
        if known.kind == issue.kind:
            if _says_the_same(known, issue, folder):
                return known
            break
    content = issue.content if issue.sign is None else await issue.sign(issue.content)
    digest = sha256_hex(content)
    version = await store.next_version(tx, encounter_id=encounter_id, kind=issue.kind)
    visit = gathered.visit
    name = f"{visit.facility}_{visit.key}_{issue.kind}_v{version}_{digest[:8]}.xml"
    path = folder / local(at).strftime("%Y/%m") / _safe(name)
    _write_once(path, content)
    file = ClaimFile(
        file_id=new_snowflake(),
        encounter_id=encounter_id,
        patient_id=gathered.patient_id,
        kind=issue.kind,
        version=version,
        claim_key=visit.key,
        facility=visit.facility,
        sha256=digest,
        size=len(content),
        path=str(path.relative_to(folder)),
        is_signed=issue.sign is not None,
        errors=sum(1 for one in issue.findings if one.is_error),
        warnings=sum(1 for one in issue.findings if one.severity == "warning"),
        findings=[one.as_data() for one in issue.findings],
        created_at=at,
        created_by=actor.account_id,
    )
    await store.add_file(tx, file)
    return file


def _says_the_same(known: ClaimFile, issue: _Issue, folder: Path) -> bool:
    """Return whether a file says what the new one would, whenever it was signed."""
    if known.is_signed != (issue.sign is not None):
        return False
    if not known.is_signed:
        return known.sha256 == sha256_hex(issue.content)
    path = folder / known.path
    content = path.read_bytes() if path.is_file() else b""
    return sha256_hex(content) == known.sha256 and without_signature(content) == issue.content


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)


def _write_once(path: Path, content: bytes) -> None:
    """Write a file that must not exist, durably. The same content is already written."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with draft.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(0o600)
    try:
        # A link fails if the name is taken, where a rename would overwrite it. The name holds
        # the hash, so a taken name is the same content left by a transaction that was undone.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
