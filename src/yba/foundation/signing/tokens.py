"""Keys on PKCS#11 tokens and hardware security modules.

A key is named by a PKCS#11 URI (RFC 7512): `pkcs11:token=BENHVIEN;object=seal`.
Two ways to use a token:

- with a PIN for one act: a session is opened, signs, and is closed again; the
  PIN is asked of the signer each time and forgotten with the act;
- as a service (`TokenPool`): the PIN is read once from a file that only this
  user may read, the session stays logged in, the PIN is not kept. For seals.

Signatures come all or none: a token pulled out in the middle raises
TokenRemoved and leaves nothing behind. Answers are RSASSA-PKCS1-v1_5 or, for
keys on a curve, an ECDSA-Sig-Value in DER (RFC 3279 §2.2.3).

Standard: OASIS PKCS#11 v2.40 and v3.1.
"""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import anyio.to_thread
import pkcs11
from asn1crypto import keys
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, exceptions
from pkcs11.util.ec import encode_ec_public_key, encode_ecdsa_signature
from pkcs11.util.rsa import encode_rsa_public_key

from yba.foundation.signing.errors import (
    KeyNotHere,
    PinLocked,
    PinMissing,
    PinWrong,
    TokenModuleMissing,
    TokenRemoved,
)
from yba.foundation.signing.model import Consent, KeyRef

# DigestInfo of SHA-256 (RFC 8017 §9.2, note 1).
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_WRONG = (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange)
_LOCKED = (exceptions.PinLocked, exceptions.PinExpired)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """The name of a key on a token; empty parts match anything."""

    token: str
    label: str = ""
    identifier: bytes = b""
    serial: str = ""

    @property
    def uri(self) -> str:
        """Return the name as a URI of RFC 7512."""
        parts = [
            ("token", quote(self.token)),
            ("serial", quote(self.serial)),
            ("object", quote(self.label)),
            ("id", "".join(f"%{byte:02x}" for byte in self.identifier)),
        ]
        return "pkcs11:" + ";".join(f"{name}={value}" for name, value in parts if value)

    @staticmethod
    def parse(uri: str) -> "TokenKey":
        """Read a URI. Raises KeyNotHere for anything else."""
        scheme, _, rest = uri.partition(":")
        parts: dict[str, str] = {}
        for part in filter(None, rest.split("?")[0].split(";")):
            name, _, value = part.partition("=")
            parts[name] = value
        if scheme != "pkcs11" or not (parts.get("token") or parts.get("serial")):
            raise KeyNotHere(certificate=uri[:40])
        identifier = bytes.fromhex("".join(parts.get("id", "").split("%")))
        return TokenKey(
            token=unquote(parts.get("token", "")),
            label=unquote(parts.get("object", "")),
            identifier=identifier,
            serial=unquote(parts.get("serial", "")),
        )


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A certificate on a token, seen without any PIN, and the key that belongs to it."""

    key: TokenKey
    certificate: bytes


@contextmanager
def _told(key: TokenKey) -> Generator[None]:
    """Turn what a token says into refusals; nothing else of its words leaves here."""
    try:
        yield
    except _WRONG as error:
        raise PinWrong from error
    except _LOCKED as error:
        raise PinLocked from error
    except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned) as error:
        raise KeyNotHere(certificate=key.label or key.token) from error
    # Drivers answer a removed token with a dozen different codes.
    except pkcs11.PKCS11Error as error:
        raise TokenRemoved from error


_LIBRARIES = threading.Lock()


class Tokens:
    """The tokens that one PKCS#11 driver of this machine sees."""

    def __init__(self, module: str | Path) -> None:
        self._module = str(module)
        # Drivers are started without locks of their own, and whether a PIN was
        # given is a matter of the whole process: one act at a time.
        self.busy = threading.Lock()

    def _library(self) -> Any:
        with _LIBRARIES:
            return self._driver()

    def _driver(self) -> Any:
        try:
            return pkcs11.lib(self._module)
        except (RuntimeError, OSError, pkcs11.PKCS11Error) as error:
            raise TokenModuleMissing from error

    def token(self, key: TokenKey) -> Any:
        """Return the token that holds `key`. Raises TokenRemoved if it is not plugged in."""
        found = self._plugged_in(key)
        if found is None:
            # Some drivers see a token that was pulled out and put back only
            # after they were started anew; sessions of a pool reopen themselves.
            with _LIBRARIES, _told(key):
                self._driver().reinitialize()
            found = self._plugged_in(key)
        if found is None:
            raise TokenRemoved
        return found

    def _plugged_in(self, key: TokenKey) -> Any:
        with _told(key):
            for slot in self._library().get_slots(token_present=True):
                with suppress(pkcs11.PKCS11Error):
                    token = slot.get_token()
                    if _is_meant(token, key):
                        return token
        return None

    def found(self) -> list[FoundKey]:
        """Return every certificate on every token that is plugged in; asks no PIN."""
        seen: list[FoundKey] = []
        with self.busy:
            for slot in self._library().get_slots(token_present=True):
                with suppress(pkcs11.PKCS11Error):
                    token = slot.get_token()
                    if token.label.strip():
                        seen += _certificates(token)
        return seen

    def public_key(self, key: TokenKey, pin: bytes) -> bytes:
        """Return the public half of a key as SubjectPublicKeyInfo in DER.

        Raises PinMissing, PinWrong, PinLocked, TokenRemoved, KeyNotHere.
        """
        if not pin:
            raise PinMissing
        with self.busy, _told(key), self.token(key).open(user_pin=pin.decode()) as session:
            found = session.get_key(
                object_class=ObjectClass.PUBLIC_KEY,
                label=key.label or None,
                id=key.identifier or None,
            )
            if found.key_type is KeyType.EC:
                return encode_ec_public_key(found)
            return keys.PublicKeyInfo.wrap(encode_rsa_public_key(found), "rsa").dump()

    def sign(self, key: TokenKey, digests: Sequence[bytes], pin: bytes) -> list[bytes]:
        """Sign SHA-256 digests with the PIN given for this act alone; all or none."""
        if not pin:
            raise PinMissing
        with self.busy, _told(key), self.token(key).open(user_pin=pin.decode()) as session:
            private = private_key(session, key)
            return [signature(private, digest, pin=pin.decode()) for digest in digests]


def _is_meant(token: Any, key: TokenKey) -> bool:
    serial = token.serial.decode(errors="replace").strip() if token.serial else ""
    return (not key.token or token.label.strip() == key.token) and (
        not key.serial or serial == key.serial
    )


def _certificates(token: Any) -> list[FoundKey]:
    with token.open() as session:
        return [
            FoundKey(
                TokenKey(
                    token=token.label.strip(),
                    label=one[Attribute.LABEL],
                    identifier=one[Attribute.ID],
                    serial=token.serial.decode(errors="replace").strip(),
                ),
                bytes(one[Attribute.VALUE]),
            )
            for one in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})
        ]


def private_key(session: Any, key: TokenKey) -> Any:
    """Return the private key called `key` in an open session."""
    return session.get_key(
        object_class=ObjectClass.PRIVATE_KEY,
        label=key.label or None,
        id=key.identifier or None,
    )


def signature(private: Any, digest: bytes, *, pin: str | None = None) -> bytes:
    """Return the signature of one SHA-256 digest, in the form that CMS wants."""
    if len(digest) != 32:
        raise ValueError("a SHA-256 digest has 32 bytes")
    # Some keys want the PIN before every single signature (CKA_ALWAYS_AUTHENTICATE).
    again = {"pin": pin} if pin is not None and _asks_always(private) else {}
    if private.key_type is KeyType.EC:
        return encode_ecdsa_signature(private.sign(digest, mechanism=Mechanism.ECDSA, **again))
    return bytes(private.sign(_SHA256_INFO + digest, mechanism=Mechanism.RSA_PKCS, **again))


def _asks_always(private: Any) -> bool:
    try:
        return bool(private[Attribute.ALWAYS_AUTHENTICATE])
    except pkcs11.PKCS11Error:
        return False


class TokenKeys:
    """The key place "pkcs11": tokens and modules that this server itself can reach.

    The PIN of a person comes with her consent and serves one act. A key of a
    pool (a seal in a module) needs none.
    """

    name = "pkcs11"

    def __init__(self, tokens: Tokens, pools: Sequence["TokenPool"] = ()) -> None:
        self._tokens = tokens
        self._pools = {pool.token: pool for pool in pools}

    async def sign(
        self, key: KeyRef, digests: Sequence[bytes], consent: Consent
    ) -> Sequence[bytes]:
        """Return one signature for each digest; see KeyPlace.

        Raises PinMissing, PinWrong, PinLocked, TokenRemoved, KeyNotHere.
        """
        wanted = TokenKey.parse(key.label)
        pool = self._pools.get(wanted.token)
        if pool is not None:
            return await anyio.to_thread.run_sync(partial(pool.sign, wanted, digests))
        if consent.secret is None or consent.secret.is_empty:
            raise PinMissing
        pin = consent.secret.take()
        return await anyio.to_thread.run_sync(partial(self._tokens.sign, wanted, digests, pin))


class TokenPool:
    """A session on one module that stays logged in, for keys that sign many papers.

    One a process: the wrapper starts drivers without their locks (PKCS#11
    §5.4), so a driver works for one thread at a time. The processes of a node
    together are the pool.
    """

    def __init__(self, tokens: Tokens, token: str, pin_file: Path) -> None:
        self.token = token
        self._tokens = tokens
        self._pin_file = pin_file
        self._session: Any = None
        self._keys: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"TokenPool({self.token})"

    def sign(self, key: TokenKey, digests: Sequence[bytes]) -> list[bytes]:
        """Return one signature for each digest, all or none.

        A session that the module has dropped is opened anew, once.
        Raises PinMissing, PinWrong, TokenRemoved, KeyNotHere.
        """
        with self._tokens.busy:
            if self._session is not None:
                try:
                    return self._signed(key, digests)
                except TokenRemoved:
                    self._close()
            return self._signed(key, digests)

    def _signed(self, key: TokenKey, digests: Sequence[bytes]) -> list[bytes]:
        with _told(key):
            if self._session is None:
                self._session = self._opened(key)
            if key.uri not in self._keys:
                self._keys[key.uri] = private_key(self._session, key)
            return [signature(self._keys[key.uri], digest) for digest in digests]

    def _opened(self, key: TokenKey) -> Any:
        token = self._tokens.token(key)
        try:
            return token.open(user_pin=self._pin())
        # Another session of this process has given the PIN already.
        except exceptions.UserAlreadyLoggedIn:
            return token.open()

    def _pin(self) -> str:
        try:
            if self._pin_file.stat().st_mode & 0o077:
                raise PinMissing
            return self._pin_file.read_text().strip()
        except OSError as error:
            raise PinMissing from error

    def close(self) -> None:
        """Log out."""
        with self._tokens.busy:
            self._close()

    def _close(self) -> None:
        session, self._session = self._session, None
        self._keys.clear()
        if session is not None:
            with suppress(pkcs11.PKCS11Error):
                session.close()
