"""Files of one resource a line, split by size, safe on disk before they are named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from yba.foundation.record.bulk.model import Written

_BUFFER = 1 << 20


class LineFiles:
    """Writes lines into files of at most about `limit` bytes each, in one folder of a job."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self.done: list[Written] = []
        self.bytes = 0
        self.lines = 0
        self._file: BinaryIO | None = None
        self._name = self._type = ""
        self._count = self._size = self._number = 0

    def start_anew(self) -> None:
        """Empty the folder: an earlier attempt may have left something in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)

    def write(self, type_: str, line: bytes) -> None:
        """Write one line of a type; types come one after the other."""
        if self._file is None or type_ != self._type or self._size >= self.limit:
            self.close()
            self._number += 1
            self._type, self._name = type_, f"{self._number}.{type_}.ndjson"
            self._file = (self.folder / self._name).open("wb", buffering=_BUFFER)
        self._file.write(line)
        self._file.write(b"\n")
        self._count += 1
        self._size += len(line) + 1
        self.lines += 1
        self.bytes += len(line) + 1

    def close(self) -> None:
        """Bring what is open safely to the disk."""
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.done.append(Written(self._name, self._type, self._count, self._size))
        self._file = None
        self._count = self._size = 0

    def take(self) -> tuple[Written, ...]:
        """Return the files finished since the last call."""
        self.close()
        taken, self.done = tuple(self.done), []
        return taken

    def settle(self) -> None:
        """Make the names in the folder durable, too."""
        self.close()
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
