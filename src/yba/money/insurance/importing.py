"""Reading a folder of claim files: the good ones are kept, the bad ones set aside.

A file is checked whole before any of it is kept. Each file is known by the
hash of its bytes and each episode by its content, so a second run changes
nothing; what was set aside is checked again, since rules and lists may have
changed. The original bytes stay in the blob store.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from yba.kernel.actor import Actor
from yba.kernel.clock import local_date
from yba.kernel.ids import encode_id, new_snowflake
from yba.kernel.refusal import Refusal
from yba.money.insurance import store
from yba.money.insurance.checks import (
    Options,
    check_check_in,
    check_envelope,
    check_episode,
)
from yba.money.insurance.checks.engine import check_facility, repeated_key
from yba.money.insurance.claim import Episode
from yba.money.insurance.errors import (
    IdentityConflict,
    ImportFolderEmpty,
    NotAClaimFile,
    PersonUnusable,
    TooBig,
    UnreadableClaim,
)
from yba.money.insurance.findings import Finding, finding
from yba.money.insurance.keeping import Kept, Sent, keep_episode
from yba.money.insurance.reference import Reference, shipped
from yba.money.insurance.xml import ReadEpisode, open_claim, read_check_in
from yba.money.insurance.xml.reader import OpenClaim
from yba.plumbing.blobs import BlobStore, sha256_hex
from yba.plumbing.database import Database

_CHUNK = 1 << 18
_LARGEST = 512_000_000
_HELD = 500
_TOGETHER = 25
_MOST_FINDINGS = 1000

Progress = Callable[["FileOutcome"], None]


@dataclass(frozen=True, slots=True)
class Place:
    """What an import needs of the node it runs on."""

    database: Database
    blobs: BlobStore
    facility: str
    folder: Path


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file. `refusal` is set when it could not be read at all."""

    path: Path
    sha256: str
    state: str  # kept, known, set-aside
    facility: str = ""
    episodes: int = 0
    findings: tuple[Finding, ...] = ()
    refusal: Refusal | None = None
    did: Counter[Kept] = field(default_factory=Counter[Kept])


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What became of a batch; `folder` holds the report and what was set aside."""

    batch_id: str
    folder: Path
    outcomes: tuple[FileOutcome, ...]

    def count(self, state: str) -> int:
        """Return how many files ended that way."""
        return sum(1 for one in self.outcomes if one.state == state)

    def episodes(self, did: Kept) -> int:
        """Return for how many episodes keeping did that."""
        return sum(one.did[did] for one in self.outcomes)


@dataclass(slots=True)
class _Checked:
    """A file after its first reading."""

    reader: OpenClaim | None = None
    findings: list[Finding] = field(default_factory=list[Finding])
    held: list[Episode] | None = field(default_factory=list[Episode])
    count: int = 0
    kind: str = "claim"


def claim_files(paths: Sequence[Path]) -> list[Path]:
    """Return every XML file among `paths` and in the folders among them, by name."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.update(p for p in path.rglob("*") if p.suffix.lower() == ".xml" and p.is_file())
        elif path.is_file():
            found.add(path)
    return sorted(found)


def _content(path: Path) -> bytes | None:
    """Return the bytes of a file, None if there are more than any claim file has."""
    return None if path.stat().st_size > _LARGEST else path.read_bytes()


def _chunks(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]


class _Import:
    """One batch."""

    def __init__(
        self,
        place: Place,
        *,
        actor: Actor,
        reference: Reference,
        at: datetime,
        only_shape: bool,
    ) -> None:
        self._place = place
        self._actor = actor
        self._reference = reference
        self._at = at
        self._only_shape = only_shape
        self.batch_id = new_snowflake()

    def _is_bad(self, one: Finding) -> bool:
        return one.is_error and (not self._only_shape or one.rule.startswith("VN-S"))

    def _check(self, content: bytes) -> _Checked:
        """Read and check a whole file, holding its episodes if they are few.

        Raises UnreadableClaim.
        """
        checked = _Checked()
        reader = checked.reader = open_claim(_chunks(content))
        keys: set[str] = set()
        for one in reader:
            checked.count += 1
            self._check_one(checked, reader, one, keys)
            if checked.held is not None:
                checked.held.append(one.episode)
                if len(checked.held) > _HELD:
                    checked.held = None
        envelope = reader.envelope(())
        checked.findings[:0] = check_envelope(
            facility=envelope.facility,
            created=envelope.created,
            declared_count=envelope.declared_count,
            count=checked.count,
            is_signed=envelope.is_signed,
            options=Options(),
            today=local_date(self._at),
        )
        return checked

    def _check_one(
        self, checked: _Checked, reader: OpenClaim, one: ReadEpisode, keys: set[str]
    ) -> None:
        found = [*one.problems, *check_facility(reader.facility, one.episode, one.number)]
        if one.episode.key in keys:
            found.append(repeated_key(one.number))
        keys.add(one.episode.key)
        created = reader.envelope(()).created_day
        found += check_episode(one.episode, created=created, reference=self._reference)
        checked.findings += [item.of_episode(one.number) for item in found]

    def _check_in(self, content: bytes) -> _Checked:
        message, problems = read_check_in(content)
        found = check_check_in(message, local_date(self._at), reference=self._reference)
        return _Checked(findings=[*problems, *found], count=len(message.rows), kind="check-in")

    async def read_file(self, path: Path) -> FileOutcome:
        """Check one file and keep it or set it aside."""
        content = _content(path)
        if content is None:
            refusal = TooBig(part=path.name, limit=f"{_LARGEST:,}")
            return FileOutcome(path, "", "set-aside", refusal=refusal)
        digest = sha256_hex(content)
        async with self._place.database.reading() as tx:
            earlier = await store.file_state(tx, sha256=digest)
        if earlier == "kept":
            return FileOutcome(path, digest, "known")
        try:
            try:
                checked = self._check(content)
            except NotAClaimFile as problem:
                if problem.values.get("part") != "GIAMDINHHS":
                    raise
                checked = self._check_in(content)
        except UnreadableClaim as problem:
            outcome = FileOutcome(path, digest, "set-aside", refusal=problem)
            await self._note(outcome, created="")
            return outcome
        outcome = FileOutcome(
            path,
            digest,
            "set-aside" if any(map(self._is_bad, checked.findings)) else "kept",
            facility=checked.reader.facility if checked.reader else "",
            episodes=checked.count,
            findings=tuple(checked.findings[:_MOST_FINDINGS]),
        )
        created = checked.reader.created if checked.reader else ""
        if outcome.state == "kept":
            self._place.blobs.put(content)
            outcome = await self._keep(outcome, checked, content, created)
        await self._note(outcome, created=created)
        return outcome

    async def _keep(
        self, outcome: FileOutcome, checked: _Checked, content: bytes, created: str
    ) -> FileOutcome:
        if checked.kind == "check-in":
            return outcome
        sent = Sent(outcome.facility, created, outcome.sha256, self._place.facility)
        held = checked.held
        episodes = (
            iter(held)
            if held is not None
            else (one.episode for one in open_claim(_chunks(content)))
        )
        did: Counter[Kept] = Counter()
        number = 0
        try:
            while group := list(_take(episodes, _TOGETHER)):
                async with self._place.database.transaction() as tx:
                    for episode in group:
                        number += 1
                        did[
                            await keep_episode(
                                tx, actor=self._actor, episode=episode, sent=sent, at=self._at
                            )
                        ] += 1
        except Refusal as problem:
            named = _named(problem, number)
            return replace(
                outcome,
                state="set-aside",
                refusal=problem,
                findings=(*outcome.findings, *named),
            )
        return replace(outcome, did=did)

    async def _note(self, outcome: FileOutcome, *, created: str) -> None:
        findings = [one.as_data() for one in outcome.findings]
        if outcome.refusal is not None:
            findings.insert(0, {"rule": "VN-S001", "code": outcome.refusal.code})
        async with self._place.database.transaction() as tx:
            await store.note_file(
                tx,
                sha256=outcome.sha256,
                batch_id=self.batch_id,
                name=outcome.path.name,
                facility=outcome.facility[:20],
                created=created[:20],
                episodes=outcome.episodes,
                state=outcome.state,
                findings=findings,
                at=self._at,
            )

    async def begin(self) -> None:
        """Open the batch."""
        async with self._place.database.transaction() as tx:
            await store.begin_batch(
                tx, batch_id=self.batch_id, actor_id=self._actor.account_id, at=self._at
            )

    async def end(self, summary: ImportSummary) -> None:
        """Close the batch."""
        counts = (
            len(summary.outcomes),
            summary.count("kept"),
            summary.count("known"),
            summary.count("set-aside"),
        )
        async with self._place.database.transaction() as tx:
            await store.end_batch(tx, batch_id=self.batch_id, at=self._at, counts=counts)


def _named(problem: Refusal, number: int) -> tuple[Finding, ...]:
    """Return the rule and field behind a refusal to keep an episode, if it has one."""
    if isinstance(problem, IdentityConflict):
        found = finding("VN-O006", "XML1", 1, "SO_CCCD")
    elif isinstance(problem, PersonUnusable):
        found = finding("VN-S010", "XML1", 1, str(problem.values.get("part", "")))
    else:
        return ()
    return (found.of_episode(number),)


def _take(episodes: Iterator[Episode], count: int) -> Iterator[Episode]:
    for _, episode in zip(range(count), episodes, strict=False):
        yield episode


async def import_files(
    place: Place,
    *,
    actor: Actor,
    paths: Sequence[Path],
    at: datetime,
    reference: Reference | None = None,
    only_shape: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Read every claim file among `paths`, keep the good ones, set the bad ones aside.

    `only_shape` sets a file aside for rules of its shape (VN-S) only and
    keeps what the other rules find as notes: for the archives of a facility
    that joins. Raises ImportFolderEmpty if there is no XML file.
    """
    files = claim_files(paths)
    if not files:
        raise ImportFolderEmpty
    batch = _Import(
        place, actor=actor, reference=reference or shipped(), at=at, only_shape=only_shape
    )
    await batch.begin()
    outcomes: list[FileOutcome] = []
    for path in files:
        outcome = await batch.read_file(path)
        outcomes.append(outcome)
        if progress is not None:
            progress(outcome)
    name = encode_id(batch.batch_id)
    summary = ImportSummary(name, place.folder / name, tuple(outcomes))
    await batch.end(summary)
    return summary
