"""Private keys in files of this machine, encrypted at rest.

Each key is a PKCS#8 document under AES-256-GCM; the label is bound in as
associated data, so that two files cannot be swapped. The wrapping key is one
file of 32 bytes, readable by the service's own user only; put it on another
disk with `YBA_SIGNING_KEYFILE`. A key is never in the database, in a log or
in the answer of a function outside this module.

Law 20/2023/QH15 asks for more (a token, HSM or licensed remote service);
this place is for development, demonstration and internal signatures.
"""

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio.to_thread
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from yba.foundation.signing.errors import KeyNotHere, KeyPlaceLocked
from yba.foundation.signing.model import Consent, KeyRef

_NONCE_BYTES = 12
_KEY_BITS = 2048
_SHA256 = utils.Prehashed(hashes.SHA256())


def write_private(path: Path, content: bytes) -> None:
    """Write `content` to a new file that only this user may read.

    Raises FileExistsError rather than overwrite: a key is never replaced.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def wrapping_key(path: Path) -> bytes:
    """Return the 32 bytes that open the private keys; made on first use.

    Raises KeyPlaceLocked if the file is there and is not such a key.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        write_private(draft, secrets.token_bytes(32))
        # A link appears whole or not at all, and never replaces: of two
        # processes that start together, both use the key of the first.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    content = path.read_bytes()
    if len(content) != 32:
        raise KeyPlaceLocked
    return content


class SoftwareKeys:
    """A folder of encrypted RSA keys that signs digests."""

    name = "software"

    def __init__(self, folder: Path, wrapping: bytes) -> None:
        self._folder = folder
        self._cipher = AESGCM(wrapping)
        self._opened: dict[str, rsa.RSAPrivateKey] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def __repr__(self) -> str:
        return "SoftwareKeys(…)"

    def create(self, label: str, *, bits: int = _KEY_BITS) -> rsa.RSAPublicKey:
        """Make a key under a new `label` and return its public half."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        plain = key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        nonce = secrets.token_bytes(_NONCE_BYTES)
        write_private(self._path(label), nonce + self._cipher.encrypt(nonce, plain, label.encode()))
        self._opened[label] = key
        return key.public_key()

    def public_key(self, label: str, *, bits: int = _KEY_BITS) -> rsa.RSAPublicKey:
        """Return the public half of a key, making the key if it is not here yet."""
        if self._path(label).exists():
            return self.opened(label).public_key()
        return self.create(label, bits=bits)

    def holds(self, label: str) -> bool:
        """Return whether a key of that label is here."""
        return self._path(label).exists()

    def opened(self, label: str) -> rsa.RSAPrivateKey:
        """Return a key, for the authority of this package only.

        Raises KeyNotHere, or KeyPlaceLocked if it does not open.
        """
        key = self._opened.get(label)
        if key is None:
            key = self._opened[label] = self._read(label)
        return key

    async def sign(
        self,
        key: KeyRef,
        digests: Sequence[bytes],
        consent: Consent,  # noqa: ARG002  (remote places show it to the signer)
    ) -> Sequence[bytes]:
        """Return one signature for each SHA-256 digest; see KeyPlace."""
        return await anyio.to_thread.run_sync(partial(self.sign_now, key.label, digests))

    def sign_now(self, label: str, digests: Sequence[bytes]) -> Sequence[bytes]:
        """Return the signatures at once, for callers that already are in a worker thread."""
        key = self.opened(label)
        return [key.sign(digest, padding.PKCS1v15(), _SHA256) for digest in digests]

    def _path(self, label: str) -> Path:
        if not label.replace("-", "").isalnum():
            raise KeyNotHere(certificate="?")
        return self._folder / f"{label}.key"

    def _read(self, label: str) -> rsa.RSAPrivateKey:
        try:
            content = self._path(label).read_bytes()
        except FileNotFoundError:
            raise KeyNotHere(certificate=label) from None
        nonce, secret = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
        try:
            plain = self._cipher.decrypt(nonce, secret, label.encode())
        except (InvalidTag, ValueError):
            raise KeyPlaceLocked from None
        key = serialization.load_der_private_key(plain, password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise KeyPlaceLocked
        return key
