"""Signed notes and checkpoints: how a log says, under its name, how large it is. Pure.

A note is text, an empty line, and one line for each signature. A checkpoint is a note whose text is
origin, size and root. A witness co-signs a checkpoint with the time at which it saw that the log
only grew. Keys are Ed25519; a key is written `name+id+base64(type || public key)`.

Standards: C2SP signed-note, tlog-checkpoint, tlog-cosignature (cosignature/v1).
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = 0x01
COSIGNATURE_V1: Final = 0x04
_MOST_SIGNATURES = 100
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME = re.compile(r"[^\s+]+")
_SIGNATURE_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class BadNote(ValueError):
    """The text is not a note, not a checkpoint, or not signed as it must be."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a named key."""

    name: str
    algorithm: int
    public: bytes

    @property
    def id(self) -> bytes:
        """Return the four bytes that name the key in signature lines."""
        head = self.name.encode() + b"\n" + bytes([self.algorithm])
        return sha256(head + self.public).digest()[:4]

    def __str__(self) -> str:
        body = b64encode(bytes([self.algorithm]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{body}"

    def is_signature(self, text: bytes, signature: bytes) -> bool:
        """Return whether `signature` (without the key id) is this key's on `text`."""
        message = text
        if self.algorithm == COSIGNATURE_V1:
            if len(signature) != 72:
                return False
            message = cosigned(text, int.from_bytes(signature[:8]))
            signature = signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def verifier_key(text: str) -> VerifierKey:
    """Read `name+id+base64`. Raises BadNote unless the id is that of the key."""
    parts = text.strip().split("+", 2)
    body = _decoded(parts[2]) if len(parts) == 3 else b""
    if len(body) != 33 or body[0] not in (ED25519, COSIGNATURE_V1) or not _NAME.fullmatch(parts[0]):
        raise BadNote("this is not a verifier key")
    key = VerifierKey(parts[0], body[0], body[1:])
    if key.id.hex() != parts[1]:
        raise BadNote("the id of this key is not that of its name and bytes")
    return key


@dataclass(frozen=True, slots=True)
class SignerKey:
    """The private half of a named key; it never leaves the node that made it."""

    name: str
    algorithm: int
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> VerifierKey:
        """Return the public half."""
        return VerifierKey(self.name, self.algorithm, self.private.public_key().public_bytes_raw())

    def line_for(self, text: bytes, *, seconds: int = 0) -> str:
        """Return the signature line on `text`; a co-signature says the time in Unix seconds."""
        if self.algorithm == COSIGNATURE_V1:
            signature = seconds.to_bytes(8) + self.private.sign(cosigned(text, seconds))
        else:
            signature = self.private.sign(text)
        return f"— {self.name} {b64encode(self.verifier.id + signature).decode()}\n"


def cosigned(text: bytes, seconds: int) -> bytes:
    """Return what a witness signs (C2SP tlog-cosignature, "cosignature/v1")."""
    return b"cosignature/v1\ntime %d\n" % seconds + text


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose it says it is, and the bytes."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """Return it as it is written."""
        return f"— {self.name} {b64encode(self.key_id + self.value).decode()}\n"

    @property
    def seconds(self) -> int:
        """Return the time that a co-signature states."""
        return int.from_bytes(self.value[:8])


@dataclass(frozen=True, slots=True)
class Note:
    """A text (with its last newline) and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    def signed_by(self, key: VerifierKey) -> Signature | None:
        """Return the signature of `key`, or None if it has not signed.

        Raises BadNote if a line that names this key does not verify.
        """
        for signature in self.signatures:
            if signature.name == key.name and signature.key_id == key.id:
                if not key.is_signature(self.text.encode(), signature.value):
                    raise BadNote("the signature does not fit the text")
                return signature
        return None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return the text that is signed."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def read_note(content: str) -> Note:
    """Take a note apart. Raises BadNote; nothing is verified yet."""
    if any(ord(letter) < 32 and letter != "\n" for letter in content):
        raise BadNote("a note holds no control characters")
    text, gap, lines = content.rpartition("\n\n")
    if not gap or not text or not lines.endswith("\n"):
        raise BadNote("a note is text, an empty line, and signatures")
    found = [_signature(line) for line in lines[:-1].split("\n")]
    if len(found) > _MOST_SIGNATURES:
        raise BadNote("too many signatures")
    return Note(text + "\n", tuple(found))


def _signature(line: str) -> Signature:
    match = _SIGNATURE_LINE.fullmatch(line)
    body = _decoded(match[2]) if match else b""
    if match is None or len(body) < 5:
        raise BadNote("a signature line is a dash, a name and base64")
    return Signature(match[1], body[:4], body[4:])


def _decoded(text: str) -> bytes:
    try:
        body = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    # One text for one value: base64 with stray bits is refused.
    return body if b64encode(body).decode() == text else b""


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint. Raises BadNote."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "" or "" in lines:
        raise BadNote("a checkpoint has an origin, a size and a root")
    origin, size, root, *extensions = lines
    digest = _decoded(root)
    if not _DECIMAL.fullmatch(size) or len(digest) != 32:
        raise BadNote("the size or the root of the checkpoint cannot be read")
    return Checkpoint(origin, int(size), digest, tuple(extensions))


def open_checkpoint(content: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """Return the checkpoint if one of `keys`, whose name is its origin, signed it.

    Raises BadNote for anything else.
    """
    note = read_note(content)
    checkpoint = read_checkpoint(note.text)
    for key in keys:
        if key.name == checkpoint.origin and note.signed_by(key) is not None:
            return checkpoint
    raise BadNote("nobody who is trusted signed this checkpoint")
