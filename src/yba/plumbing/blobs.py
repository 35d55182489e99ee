"""Large bodies by their content hash.

`put` is idempotent and durable before it returns: the file is written beside
its place, flushed, then renamed. The name is the SHA-256 of the content, so a
changed byte is a different name and every read can be checked.
"""

import hashlib
import os
from pathlib import Path

from yba.kernel.refusal import NotFound, Refusal


class BlobDamaged(Refusal):
    """The stored bytes no longer have the hash they are filed under."""

    code = "blobs.damaged"
    status = 500
    message = "Not shown: the stored file is damaged. Restore it from a backup."


def sha256_hex(content: bytes) -> str:
    """Return the lower-case hexadecimal SHA-256 of `content`."""
    return hashlib.sha256(content).hexdigest()


class BlobStore:
    """A folder of files named by their hash, two levels deep."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, digest: str) -> Path:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise NotFound
        return self._folder / digest[:2] / digest[2:4] / digest

    def put(self, content: bytes) -> str:
        """Store `content` durably and return its hash."""
        digest = sha256_hex(content)
        path = self._path(digest)
        if path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{digest}.{os.getpid()}.{os.urandom(4).hex()}")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return digest

    def get(self, digest: str) -> bytes:
        """Return the content filed under `digest`.

        Raises NotFound if there is none, BlobDamaged if its bytes changed.
        """
        try:
            content = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise NotFound from None
        if sha256_hex(content) != digest:
            raise BlobDamaged
        return content

    def remove(self, digest: str) -> None:
        """Remove what is filed under `digest`; removing it again changes nothing.

        Only for what the law orders to be destroyed.
        """
        self._path(digest).unlink(missing_ok=True)

    def __contains__(self, digest: str) -> bool:
        return self._path(digest).exists()
