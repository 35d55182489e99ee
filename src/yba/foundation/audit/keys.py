"""The keys of a log and of a witness: made once on the node, readable by it alone.

They lie in files outside the database, so that who can change rows cannot sign checkpoints, and
they are in no backup. A restored node therefore signs with a new key and says so in its log.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yba.foundation.audit.notes import COSIGNATURE_V1, ED25519, SignerKey
from yba.plumbing.settings import Settings

FOLDER = "audit"
_SEED_BYTES = 32


def folder_of(config: Settings) -> Path:
    """Return where keys, the newest checkpoint and the spool lie."""
    return config.data_dir / FOLDER


def origin_of(config: Settings) -> str:
    """Return the name that a log begun now gets: its public address without a scheme."""
    parts = urlsplit(config.base_url)
    return f"{parts.netloc}{parts.path}".rstrip("/") + "/audit/log"


def log_key(config: Settings, origin: str) -> SignerKey:
    """Return the key that signs the checkpoints of this node; made on first use."""
    return SignerKey(origin, ED25519, _private(folder_of(config) / "log.key"))


def witness_key(config: Settings) -> SignerKey:
    """Return the key with which this node co-signs the checkpoints of others."""
    parts = urlsplit(config.base_url)
    name = f"{parts.netloc}{parts.path}".rstrip("/") + "/audit/witness"
    return SignerKey(name, COSIGNATURE_V1, _private(folder_of(config) / "witness.key"))


def _private(path: Path) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret_of(path))


def secret_of(path: Path) -> bytes:
    """Return 32 secret bytes from a file that only we can read; made on first use, whole or not."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(os.urandom(_SEED_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # Another process of this node was first; its key counts.
        finally:
            draft.unlink()
    return path.read_bytes()
