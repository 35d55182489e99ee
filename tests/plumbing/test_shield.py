"""What every request passes first, and what every answer says."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from yba.kernel.refusal import Refusal
from yba.plumbing import shield
from yba.plumbing.buckets import Buckets, Rate, network_of
from yba.plumbing.settings import Settings
from yba.plumbing.shield import Shield, class_of

CONFIG = Settings(
    base_url="https://yba.test",
    allowed_hosts=("yba.test",),
    trusted_proxies=("10.0.0.0/8",),
    rate_limits=True,
    cors_origins=("https://app.test",),
)


class Door:
    """A shield over an application that answers who it thinks asks."""

    def __init__(self, config: Settings = CONFIG, now: Callable[[], float] = lambda: 0.0) -> None:
        self.seen: list[dict[str, Any]] = []
        self.shield = Shield(self._inner, config, self._tell, now)

    async def _inner(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(dict(scope))
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    @staticmethod
    def _tell(_: Any, refusal: Refusal) -> tuple[bytes, bytes]:
        return b"text/plain", refusal.text().encode()

    async def ask(
        self,
        *headers: tuple[str, str],
        path: str = "/",
        method: str = "GET",
        client: str = "192.0.2.7",
        host: str = "yba.test",
        kind: str = "http",
        receive: Any = None,
    ) -> tuple[int, dict[str, str]]:
        pairs = [("host", host)] if host else []
        scope = {
            "type": kind, "path": path, "method": method, "query_string": b"",
            "client": (client, 1), "scheme": "http",
            "headers": [(a.encode(), b.encode("latin-1")) for a, b in (*pairs, *headers)],
        }  # fmt: skip
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def nothing() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        await self.shield(scope, receive or nothing, send)
        first = sent[0]
        if kind == "websocket":
            return first.get("code", 101), {}
        return first["status"], {a.decode(): b.decode() for a, b in first["headers"]}


async def test_every_answer_has_the_headers_that_browsers_need():
    status, headers = await Door().ask()

    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"].startswith("max-age=63072000")
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "private, no-store"


async def test_transport_security_is_promised_only_where_there_is_https():
    _, headers = await Door(replace(CONFIG, base_url="http://127.0.0.1:8080")).ask()

    assert "strict-transport-security" not in headers


@pytest.mark.parametrize("host", ["evil.test", "yba.test.evil.test", "xyba.test"])
async def test_a_foreign_host_name_is_not_answered(host: str):
    door = Door()

    assert (await door.ask(host=host))[0] == 421
    assert door.seen == []


@pytest.mark.parametrize("host", ["yba.test", "YBA.test", "yba.test:8443", "127.0.0.1:8080"])
async def test_our_own_host_names_are_answered(host: str):
    assert (await Door().ask(host=host))[0] == 200


@pytest.mark.parametrize("host", ["", "yba.test@evil.test", "a b", "[::1", "yba.test:x", "a/b"])
async def test_a_request_without_one_readable_host_is_refused(host: str):
    for allowed in (("yba.test",), ("*",)):
        door = Door(replace(CONFIG, allowed_hosts=allowed))
        assert (await door.ask(host=host))[0] == 400
        assert door.seen == []


async def test_two_host_headers_are_refused():
    assert (await Door().ask(("host", "yba.test")))[0] == 400


@pytest.mark.parametrize("header", ["content-length", "transfer-encoding"])
async def test_a_body_that_breaks_off_is_the_senders_fault(header: str):
    async def broken() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    assert (await Door().ask((header, "5"), method="POST", receive=broken))[0] == 400


async def test_forwarded_addresses_of_strangers_are_taken_out():
    door = Door()

    await door.ask(("x-forwarded-for", "198.51.100.9"), ("x-forwarded-host", "evil.test"))

    assert door.seen[0]["client"][0] == "192.0.2.7"
    assert {name for name, _ in door.seen[0]["headers"]} == {b"host"}


async def test_a_named_proxy_is_believed_up_to_the_first_foreign_hop():
    door = Door()

    await door.ask(
        ("x-forwarded-for", "203.0.113.1, 198.51.100.9, 10.0.0.4"),
        ("x-forwarded-proto", "https"),
        client="10.0.0.3",
    )

    assert door.seen[0]["client"][0] == "198.51.100.9"
    assert door.seen[0]["scheme"] == "https"


async def test_too_many_or_too_long_headers_are_refused():
    many = [(f"x-{n}", "1") for n in range(101)]

    assert (await Door().ask(*many))[0] == 431
    assert (await Door().ask(("x-long", "a" * 33_000)))[0] == 431


async def test_an_endless_address_is_refused():
    assert (await Door().ask(path="/" + "a" * 17_000))[0] == 414


async def test_guessing_passwords_is_stopped_by_network_whatever_the_cookie_says():
    door = Door()

    answers = [
        await door.ask(("cookie", f"session={n}"), path="/sign-in", method="POST")
        for n in range(70)
    ]

    assert [status for status, _ in answers].count(429) == 70 - shield.RATES["sign-in"].burst
    assert int(answers[-1][1]["retry-after"]) >= 1


async def test_another_network_is_not_punished():
    door = Door()
    for _ in range(70):
        await door.ask(path="/sign-in", method="POST")

    status, _ = await door.ask(path="/sign-in", method="POST", client="198.51.100.1")

    assert status == 200


async def test_after_a_while_the_caller_may_try_again():
    now = [0.0]
    door = Door(now=lambda: now[0])
    for _ in range(61):
        await door.ask(path="/sign-in", method="POST")
    now[0] = 2.0

    assert (await door.ask(path="/sign-in", method="POST"))[0] == 200


@pytest.mark.parametrize(
    ("path", "method", "kind"),
    [
        ("/sign-in", "POST", "sign-in"),
        ("/sign-in/second", "POST", "sign-in"),
        ("/prove", "POST", "sign-in"),
        ("/activate", "POST", "sign-in"),
        ("/shared/x", "POST", "sign-in"),
        ("/oauth/token", "POST", "token"),
        ("/oauth/authorize", "GET", "token"),
        ("/verify/abc", "GET", "check"),
        ("/verify", "POST", "check-file"),
        ("/fhir/Patient", "GET", "fhir"),
        ("/static/a.css", "GET", "static"),
        ("/desk", "GET", "read"),
        ("/desk", "POST", "write"),
    ],
)
def test_each_route_has_a_class(path: str, method: str, kind: str):
    assert class_of(path, method) == kind
    assert kind in shield.RATES


def test_doors_for_guessing_are_stricter_than_reading():
    per_second = {name: rate.per_second for name, rate in shield.RATES.items()}
    for name in ("sign-in", "check", "check-file"):
        assert per_second[name] < per_second["write"] < per_second["read"] < per_second["fhir"]


def test_buckets_forget_the_longest_unused_and_never_grow():
    buckets = Buckets(most=3)
    rate = Rate(1, 1.0)
    for n in range(10):
        buckets.take(rate, ("read", str(n)), 0.0)

    assert buckets.take(rate, ("read", "9"), 0.0) > 0
    assert buckets.take(rate, ("read", "0"), 0.0) == 0


def test_an_ipv6_customer_is_one_caller():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") == "2001:db8::/64"
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize(
    ("origin", "code"),
    [("", 101), ("http://yba.test", 101), ("https://app.test", 101), ("https://evil.test", 4403),
     ("null", 4403), ("http://[::1", 4403), ("http://yba.test:x", 4403), ("\xff", 4403)],
)  # fmt: skip
async def test_a_websocket_is_opened_by_our_own_pages_only(origin: str, code: int):
    headers = [("origin", origin)] if origin else []

    assert (await Door().ask(*headers, kind="websocket"))[0] == code


async def test_a_sender_who_falls_silent_is_let_go(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shield, "_SILENCE_SECONDS", 0.01)

    async def silent() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    assert (await Door().ask(method="POST", receive=silent))[0] == 408
