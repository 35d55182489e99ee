"""The log of refused access: one line says what was refused, where, to which account, and why.

Main rules: no name, no address, no value and no query is written, only a route, an account id and a
code; who has no account is told apart by a keyed digest of the network; no flood fills the disk:
lines have a rate for each caller and one for all, and the next line says how many were left out.
Standard: OWASP ASVS 5.0, 16.3.2, 16.3.3, 16.2.5.
"""

import hashlib
import hmac
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog
from prometheus_client import Counter

from yba.kernel.actor import Actor
from yba.kernel.refusal import Refusal
from yba.plumbing.buckets import Buckets, Rate, network_of

Scope = MutableMapping[str, Any]

# Who may not, who is nobody we know, who asks too often, and what no browser of ours would send.
STATUSES = frozenset((401, 403, 408, 414, 421, 429, 431))
OF_ONE_CALLER = Rate(10, 0.1)
OF_ALL = Rate(100, 1.0)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_log = structlog.get_logger("yba.access")
_REFUSED = Counter("yba_refused", "Requests whose access was refused", ["reason"])
_request: ContextVar[Scope] = ContextVar("yba_request")


def begin(scope: Scope) -> None:
    """Say which request this task answers from now on."""
    _request.set(scope)


def remember(refusal: Refusal) -> None:
    """Keep why access was refused, for the line that is written when the answer leaves.

    The first reason of a request counts. Other refusals (not found, conflict…) are no matter here.
    """
    if refusal.status in STATUSES:
        remember_reason(refusal.code)


def remember_reason(code: str) -> None:
    """Keep a reason that is no Refusal, such as an origin that nobody registered."""
    scope = _request.get(None)
    if scope is not None:
        scope.setdefault("yba.refused", code)


def remember_actor(actor: Actor) -> None:
    """Keep who asks, where a token says so."""
    scope = _request.get(None)
    if scope is not None:
        scope["yba.actor"] = actor


class RefusalLog:
    """Writes the lines of one process."""

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.sha256(b"callers in the log\0" + secret).digest()
        self._buckets = Buckets(most=10_000)
        self._left_out = 0

    def note(self, scope: Scope, *, status: int, route: str, now: float) -> None:
        """Write down an answer with `status` if access was refused; `now` is monotonic seconds.

        `route` is the name of a route or the pattern of an address, never an address.
        """
        reason = scope.get("yba.refused") or (f"http.{status}" if status in STATUSES else "")
        if not reason:
            return
        _REFUSED.labels(reason).inc()
        actor: Actor | None = scope.get("yba.actor")
        caller = self._caller(scope)
        whose = actor.account_id if actor is not None else caller
        if self._buckets.take(OF_ONE_CALLER, ("one", whose), now) or self._buckets.take(
            OF_ALL, ("all", ""), now
        ):
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        method = scope.get("method", "WEBSOCKET")
        _log.warning(
            "access.refused",
            status=status,
            reason=reason,
            route=route,
            method=method if method in _METHODS or method == "WEBSOCKET" else "other",
            account=actor.account_id if actor is not None else None,
            program=actor.client_id if actor is not None else None,
            caller=caller,
            left_out=left_out,
            request_id=scope.get("yba.request_id"),
        )

    def _caller(self, scope: Scope) -> str:
        """Return what tells one network from another, and tells nobody which it is."""
        network = network_of(scope["client"][0] if scope.get("client") else "")
        return hmac.new(self._key, network.encode(), hashlib.sha256).hexdigest()[:12]
