"""What a check of the log found, said so that it can be told in Vietnamese and in English.

A finding names its kind, where it is (entry, tile, moment) and what is wrong. Sentences are msgids
with the values that fill them; a value may be a sentence itself, or a list of msgids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography import x509

from yba.foundation.audit.notes import VerifierKey
from yba.kernel.clock import VIETNAM
from yba.plumbing.i18n import N_

MOST_FINDINGS = 1000
Translate = Callable[[str], str]

# Why a note or an entry is none; what raises them says it in English.
REASONS = (
    N_("this is not a verifier key"),
    N_("the id of this key is not that of its name and bytes"),
    N_("a note holds no control characters"),
    N_("a note is text, an empty line, and signatures"),
    N_("too many signatures"),
    N_("a signature line is a dash, a name and base64"),
    N_("a checkpoint has an origin, a size and a root"),
    N_("the size or the root of the checkpoint cannot be read"),
    N_("nobody who is trusted signed this checkpoint"),
    N_("the signature does not fit the text"),
    N_("this is not a proof file"),
    N_("an entry cannot be read"),
    N_("an entry is written in another way"),
    N_("the bundle is cut short"),
    N_("the time stamp cannot be read"),
    N_("the time stamp is not signed data"),
    N_("the time stamp holds no statement of a time"),
    N_("the time stamp uses another digest"),
    N_("the time stamp is of another checkpoint"),
    N_("the certificate of the authority was not valid at that time"),
    N_("the certificate is not for time stamps"),
    N_("the time stamp lacks its certificate"),
    N_("the content of the time stamp was changed"),
    N_("the key of the authority is of an unknown kind"),
    N_("the signature of the time stamp does not fit"),
)


def _as_is(message: str) -> str:
    return message


@dataclass(frozen=True, slots=True)
class Told:
    """A msgid and what fills its `%(name)s`."""

    message: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def text(self, translate: Translate = _as_is) -> str:
        """Return the sentence in a language; English without one."""
        sentence = translate(self.message)
        if not self.values:
            return sentence
        return sentence % {name: _filled(value, translate) for name, value in self.values.items()}


def _filled(value: Any, translate: Translate) -> str:
    match value:
        case Told():
            return value.text(translate)
        case tuple():
            return ", ".join(translate(one) for one in value)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        case datetime():
            return f"{value.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
        case _:
            return str(value)


def because(problem: Exception) -> Told:
    """Return why something cannot be believed; sentences that are not known stay English."""
    return Told(str(problem))


@dataclass(frozen=True, slots=True)
class Where:
    """Where something is: in words, and as what a program can look up."""

    told: Told
    entry: int | None = None
    tile: str = ""
    at: datetime | None = None


def at(message: str, **values: Any) -> Where:
    """Return a place that is only told."""
    return Where(Told(message, values))


def at_entry(entry: int, *, event: int | None = None, moment: datetime | None = None) -> Where:
    """Return the place of one entry, with the event it was made of."""
    if event is None or moment is None:
        return Where(Told(N_("entry %(entry)s"), {"entry": entry}), entry)
    values = {"entry": entry, "event": event, "time": moment}
    return Where(Told(N_("entry %(entry)s (event %(event)s, %(time)s)"), values), entry, "", moment)


def at_tile(path: str) -> Where:
    """Return the place of a tile or bundle."""
    return Where(Told(path), tile=path)


def at_checkpoint(size: int, moment: datetime) -> Where:
    """Return the place of a kept checkpoint; its last entry is the one before its size."""
    told = Told(N_("checkpoint at size %(size)s (%(time)s)"), {"size": size, "time": moment})
    return Where(told, at=moment)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was."""

    kind: str
    """row, salt, entry, tile, position, checkpoint, cosignature, stamp, log"""
    where: Where
    what: Told

    @property
    def place(self) -> str:
        """Return where it is, in English."""
        return self.where.told.text()

    @property
    def sentence(self) -> str:
        """Return what is wrong, in English."""
        return self.what.text()

    def text(self, translate: Translate = _as_is) -> str:
        """Return place and sentence in a language."""
        return f"{self.where.told.text(translate)}: {self.what.text(translate)}"

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True, slots=True)
class Outside:
    """What a check is given from outside the database: it shows rollbacks and forks."""

    checkpoints: tuple[str, ...] = ()
    keys: tuple[VerifierKey, ...] = ()
    """Keys of the log that are trusted; without any, those that the log itself names."""
    witnesses: tuple[VerifierKey, ...] = ()
    roots: tuple[x509.Certificate, ...] = ()
    """Of time-stamp authorities."""


@dataclass(slots=True)
class Report:
    """What a check found."""

    origin: str = ""
    size: int = 0
    erased: int = 0
    waiting: int = 0
    checkpoints: int = 0
    stamps: int = 0
    cosignatures: int = 0
    witnessed_size: int = 0
    proven: int = 0
    """Entries of a proof file that lead to the root; 0 for a whole log."""
    root: bytes = b""
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def is_whole(self) -> bool:
        """Return whether nothing was found."""
        return not self.findings

    def add(self, kind: str, where: Where, message: str, **values: Any) -> None:
        """Write down a finding; beyond a thousand only the first are kept."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(kind, where, Told(message, values)))
