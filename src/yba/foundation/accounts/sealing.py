"""Seeds of one-time codes, encrypted with a key that never enters the database.

The account is bound in as associated data, so a seed copied to another account does not open.
Standard: NIST SP 800-38D (AES-GCM); RFC 5869 (HKDF).
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from yba.foundation.accounts.errors import FactorUnreadable

_NONCE = 12


def key_from(secret: bytes) -> bytes:
    """Return the key for seeds, derived from the installation's secret."""
    return HKDF(hashes.SHA256(), 32, None, b"yba accounts one-time codes").derive(secret)


def seal(key: bytes, account_id: str, seed: bytes) -> bytes:
    """Return `seed` encrypted for one account."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, seed, account_id.encode())


def unseal(key: bytes, account_id: str, sealed: bytes) -> bytes:
    """Return the seed. Raises FactorUnreadable if another key or account sealed it."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], account_id.encode())
    except (InvalidTag, ValueError):
        raise FactorUnreadable from None
