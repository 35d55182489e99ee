"""Who is asking: bearer tokens, remembered for a few seconds, forgotten at once when one is ended."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from yba.kernel.actor import Actor
from yba.kernel.refusal import NotSignedIn

Authenticate = Callable[[str], Awaitable[Actor | None]]
# The channel on which every process hears that tokens or accounts were ended.
CHANNEL = "yba_callers"
_REMEMBERED_SECONDS = 10.0
_MOST = 10_000


class Callers:
    """Turns `Authorization: Bearer …` into actors."""

    def __init__(self, authenticate: Authenticate) -> None:
        self._authenticate = authenticate
        self._known: dict[str, tuple[float, Actor]] = {}
        self._forgotten = 0

    async def actor(self, authorization: str) -> Actor:
        """Return who holds the token. Raises NotSignedIn."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedIn
        now = time.monotonic()
        known = self._known.get(token)
        if known is not None and known[0] > now:
            return known[1]
        asked_after = self._forgotten
        actor = await self._authenticate(token.strip())
        if actor is None:
            self._known.pop(token, None)
            raise NotSignedIn
        if len(self._known) > _MOST:
            self._known.clear()
        # What was ended while we asked must not be remembered.
        if asked_after == self._forgotten:
            self._known[token] = (now + _REMEMBERED_SECONDS, actor)
        return actor

    def forget(self, account_id: str = "") -> None:
        """Forget one account, or everybody: who comes next is asked for anew."""
        self._forgotten += 1
        if not account_id:
            self._known.clear()
            return
        for token in [t for t, (_, actor) in self._known.items() if actor.account_id == account_id]:
            del self._known[token]
