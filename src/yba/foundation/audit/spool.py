"""Traces that cannot be in the database yet: a signed file beside it, written before the answer.

Two uses. Reads over the FHIR base are traced together a moment later (ADR 0013); until then each is
in a spool, so that a killed process loses none. And while the table refuses traces, care goes on
and its traces wait in a spool (docs/standards/audit.md).

A process owns its spools by a file lock; who finds one without an owner brings it in. Each line
holds what was written together, and carries an HMAC over itself and the line before, with a key that
is not in the database: a line that was changed, dropped or added is noticed, and what follows it is
kept aside instead of trusted.
"""

from __future__ import annotations

import errno
import fcntl
import hmac
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from yba.foundation.audit.keys import secret_of
from yba.kernel.ids import new_id

_FOLDER = "spool"
_ENDING = ".spool"
_MAC_BYTES = 64
_START = b"\x00" * 32


class Spool:
    """The spools of one process and one use. Not for several threads at once."""

    def __init__(self, folder: Path, use: str) -> None:
        self._folder = folder / _FOLDER
        self._use = use
        self._key = secret_of(folder / "spool.key")
        self._file: BinaryIO | None = None
        self._path = self._folder
        self._before = _START
        self._size = 0

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was written since the last rotation."""
        return self._file is None

    def append(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Write rows of audit.event, all or none; they survive this process.

        Raises OSError (disk full).
        """
        if self._file is None:
            self._open()
        assert self._file is not None
        body = msgspec.json.encode(rows)
        after = hmac.digest(self._key, self._before + body, "sha256")
        line = b"%s %s\n" % (after.hex().encode(), body)
        written = 0
        try:
            written = self._file.write(line) or 0
        finally:
            # A full disk takes the beginning of a line without an error. It must not stay: the
            # next line would be read as its end, and all after it kept aside.
            if written != len(line):
                os.ftruncate(self._file.fileno(), self._size)
        if written != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._before = after
        self._size += written

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path = self._folder / f"{self._use}-{os.getpid()}-{new_id()}{_ENDING}"
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._file = os.fdopen(handle, "wb", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._before = _START
        self._size = 0

    def sync(self) -> None:
        """Have what was written reach the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def rotate(self) -> SpoolPart | None:
        """Close this part, still owned, and begin another; None if there is nothing."""
        if self._file is None:
            return None
        part = SpoolPart(self._path, self._file)
        self._file = None
        return part

    def close(self) -> None:
        """Stop; what was written stays for whoever looks next."""
        if (part := self.rotate()) is not None:
            part.abandon()

    def rows_of(self, part: SpoolPart) -> list[tuple[object, ...]]:
        """Return what a part of ours holds."""
        return read_rows(part.path, self._key)[0]


class SpoolPart:
    """A finished spool file that is still owned."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file

    def forget(self) -> None:
        """Delete it: what it holds is in the database."""
        with suppress(FileNotFoundError):
            self.path.unlink()
        self._file.close()

    def abandon(self) -> None:
        """Leave it for whoever looks next."""
        self._file.close()


def orphans(folder: Path) -> list[SpoolPart]:
    """Return, owned by us now, the spools whose process has ended."""
    found: list[SpoolPart] = []
    for path in sorted((folder / _FOLDER).glob("*" + _ENDING)):
        try:
            file = path.open("rb+", buffering=0)
        except OSError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        if path.exists():
            found.append(SpoolPart(path, file))
        else:
            file.close()
    return found


def key_of(folder: Path) -> bytes:
    """Return the key that signs spools below `folder`."""
    return secret_of(folder / "spool.key")


def read_rows(path: Path, key: bytes) -> tuple[list[tuple[object, ...]], bool]:
    """Return the rows of a spool up to the first line that does not verify, and whether all did.

    A last line without its end was never answered for: its process died while writing it.
    """
    rows: list[tuple[object, ...]] = []
    before = _START
    lines = path.read_bytes().split(b"\n")
    for line in lines[:-1]:
        body = line[_MAC_BYTES + 1 :]
        before = hmac.digest(key, before + body, "sha256")
        if not hmac.compare_digest(line[:_MAC_BYTES], before.hex().encode()):
            return rows, False
        rows += map(_row, msgspec.json.decode(body))
    return rows, True


def _row(values: list[Any]) -> tuple[object, ...]:
    moment = datetime.fromisoformat(values[1])
    return (values[0], moment, *values[2:])
