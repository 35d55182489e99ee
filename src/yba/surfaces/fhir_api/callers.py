"""Who is asking: bearer tokens, remembered for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from yba.kernel.actor import Actor
from yba.kernel.refusal import NotSignedIn

Authenticate = Callable[[str], Awaitable[Actor | None]]
_REMEMBERED_SECONDS = 10.0
_MOST = 10_000


class Callers:
    """Turns `Authorization: Bearer …` into actors."""

    def __init__(self, authenticate: Authenticate) -> None:
        self._authenticate = authenticate
        self._known: dict[str, tuple[float, Actor]] = {}

    async def actor(self, authorization: str) -> Actor:
        """Return who holds the token. Raises NotSignedIn."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedIn
        now = time.monotonic()
        known = self._known.get(token)
        if known is not None and known[0] > now:
            return known[1]
        actor = await self._authenticate(token.strip())
        if actor is None:
            self._known.pop(token, None)
            raise NotSignedIn
        if len(self._known) > _MOST:
            self._known.clear()
        self._known[token] = (now + _REMEMBERED_SECONDS, actor)
        return actor
