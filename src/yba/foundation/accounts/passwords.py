"""Passwords: how they are kept, and which are too easy.

Main rule: length and "has nobody else been robbed of it" decide; no rule asks for signs or digits,
and none makes people change a good password. Kept as argon2id, renewed when the cost rises.
Standards: NIST SP 800-63B §5.1.1; OWASP ASVS 5.0 V6.2; Decree 331/2026 (14 without a second factor).
"""

import asyncio
import hashlib
import mmap
import secrets
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from yba.foundation.accounts.errors import LeakedPassword, WeakPassword
from yba.kernel.text import fold

SHORTEST_PASSWORD = 10
SHORTEST_ALONE = 14
LONGEST_PASSWORD = 256
# A digest of ten bytes: two of a thousand million passwords share one with odds of one in a million.
_DIGEST = 10
# Words that everybody here would try first.
_LOCAL_WORDS = frozenset(("yba", "benhvien", "bacsi", "dieuduong", "matkhau", "vietnam", "hanoi"))
_LEAST_OWN_LETTERS = 4

# OWASP: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Compared against when nobody has the login, so that the answer takes as long.
_nobody = _hasher.hash(secrets.token_hex(16))


def use(hasher: PasswordHasher) -> None:
    """Hash with another cost from now on, as tests do that are not about it."""
    global _hasher, _nobody
    _hasher = hasher
    _nobody = hasher.hash(secrets.token_hex(16))


def nobodys() -> str:
    """Return what is compared against when nobody has the login."""
    return _nobody


async def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return await asyncio.to_thread(_hasher.hash, password)


async def matches(kept: str, password: str) -> bool:
    """Return whether `password` is the one that `kept` was made of; equally slow for both answers."""
    return await asyncio.to_thread(_matches, kept, password)


def _matches(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Return whether it was made with less cost than is asked for today."""
    return _hasher.check_needs_rehash(kept)


def refuse_weak(
    password: str, *, is_alone: bool, words: Iterable[str], leaked: "LeakedList"
) -> None:
    """Raise WeakPassword or LeakedPassword for a password that is too easy.

    `is_alone`: it is the only factor of the account. `words` are names that a stranger would try,
    the account's own among them.
    """
    shortest = SHORTEST_ALONE if is_alone else SHORTEST_PASSWORD
    if not shortest <= len(password) <= LONGEST_PASSWORD:
        raise WeakPassword(length=shortest)
    own = fold(password).replace(" ", "")
    for word in sorted({*_LOCAL_WORDS, *(fold(word).replace(" ", "") for word in words)}, key=len):
        if len(word) > 2:
            own = own.replace(word, "")
    if len(set(own)) < _LEAST_OWN_LETTERS or password.lower() in _commonest() or password in leaked:
        raise LeakedPassword


@cache
def _commonest() -> frozenset[str]:
    """Return the thirty thousand commonest passwords of published leaks."""
    return frozenset(FREQUENCY_LISTS["passwords"])


class LeakedList:
    """The digests of leaked passwords that an installation has loaded, sorted in one file."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def __contains__(self, password: object) -> bool:
        """Return whether a password was leaked; never, while no list is loaded."""
        if self._file is None or not self._file.is_file() or not self._file.stat().st_size:
            return False
        wanted = hashlib.sha1(str(password).encode(), usedforsecurity=False).digest()[:_DIGEST]
        with (
            self._file.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as all_,
        ):
            low, high = 0, len(all_) // _DIGEST
            while low < high:
                middle = (low + high) // 2
                found = all_[middle * _DIGEST : (middle + 1) * _DIGEST]
                if found == wanted:
                    return True
                if found < wanted:
                    low = middle + 1
                else:
                    high = middle
        return False

    def load(self, lines: Iterable[str], *, at_least: int = 1) -> int:
        """Replace the list by lines "SHA1" or "SHA1:times" in the order of the digests.

        Returns how many were kept. Raises ValueError for another order or another form; the list
        that was there stays then.
        """
        assert self._file is not None
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".new")
        kept, last = 0, b""
        with draft.open("wb") as file:
            for line in lines:
                text, _, times = line.strip().partition(":")
                if not text:
                    continue
                digest = bytes.fromhex(text)
                if len(digest) != hashlib.sha1(usedforsecurity=False).digest_size or digest < last:
                    raise ValueError("lines must be SHA-1 digests in rising order")
                last = digest
                if int(times or 1) >= at_least:
                    file.write(digest[:_DIGEST])
                    kept += 1
        draft.replace(self._file)
        return kept
