"""A PIN or one-time code on its way to a key: used once, then gone.

A secret is never part of a consent's text, of a log line, of an error or of
anything that is stored. It cannot be printed, compared or pickled.
"""

from typing import NoReturn


class SecretUsed(RuntimeError):
    """A secret was asked for a second time; that is a mistake of the program."""


class Secret:
    """Some bytes that can be taken out once and are wiped afterwards."""

    __slots__ = ("_bytes",)

    def __init__(self, value: str | bytes) -> None:
        self._bytes: bytearray | None = bytearray(
            value.encode() if isinstance(value, str) else value
        )

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")

    @property
    def is_empty(self) -> bool:
        """Whether nothing was entered, or it has been used."""
        return not self._bytes

    def take(self) -> bytes:
        """Return the secret and wipe it here. Raises SecretUsed the second time."""
        if self._bytes is None:
            raise SecretUsed
        taken = bytes(self._bytes)
        self.wipe()
        return taken

    def wipe(self) -> None:
        """Overwrite the secret with zeros."""
        if self._bytes is not None:
            self._bytes[:] = bytes(len(self._bytes))
            self._bytes = None
