"""Attacks on the web border: headers, hosts, paths, cookies, caches, methods, fields."""

import re

import httpx
import pytest
from tests.app.people import signed_in

from yba.app import asgi, wiring
from yba.foundation.accounts import pages as accounts_pages
from yba.foundation.accounts.model import PERMISSIONS
from yba.kernel.actor import Actor
from yba.plumbing.web import PUBLIC, SIGNED_IN, Page

PAGES = wiring.pages()
STRAYS = ["/nothing", "/static/nothing.js", "/fhir/metadata", "/fhir/Patient", "/fhir/Nothing/1",
          "/health", "/"]  # fmt: skip
DEMANDED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
}


def place(page: Page) -> str:
    """Return an address of a page, with something in each gap."""
    return re.sub(r"\{[^}]*\}", "x1", re.sub(r"\{\w+:int\}", "1", page.path))


def role_for(page: Page) -> str:
    """Return a role that may open the page."""
    if page.permission in (PUBLIC, SIGNED_IN):
        return "nurse"
    return next(
        role
        for role, granted in PERMISSIONS.items()
        if Actor("x", "x", permissions=granted).may(page.permission)
    )


def assert_protected(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    for name, value in DEMANDED.items():
        assert answer.headers[name] == value, name
    assert "default-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "camera=(self)" in answer.headers["permissions-policy"]


@pytest.mark.parametrize("path", sorted({place(page) for page in PAGES} | set(STRAYS)))
async def test_no_answer_to_a_stranger_leaves_without_its_headers(
    path: str, stranger: httpx.AsyncClient
):
    if "changes" in path:
        pytest.skip("a stream of events does not end")

    assert_protected(await stranger.get(path))


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "FOO", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/sign-in", "/fhir/Patient"])
async def test_methods_that_nobody_declared_are_refused(
    method: str, path: str, stranger: httpx.AsyncClient
):
    answer = await stranger.request(method, path, headers={"x-secret": "reflect-me"})

    assert 400 <= answer.status_code < 500
    assert "reflect-me" not in answer.text
    assert_protected(answer)


INJECTED = "x%0d%0aset-cookie:%20a=b%0d%0a%0d%0a<script>alert(1)</script>"


@pytest.mark.parametrize(
    "path",
    [
        f"/sign-in?next={INJECTED}", f"/verify?code={INJECTED}", f"/verify/{INJECTED}",
        f"/{INJECTED}", f"/static/{INJECTED}", f"/shared/{INJECTED}", f"/fhir/{INJECTED}",
        f"/oauth/authorize?client_id={INJECTED}&redirect_uri={INJECTED}",
    ],
)  # fmt: skip
async def test_line_breaks_never_reach_a_header_nor_markup_a_page(
    path: str, stranger: httpx.AsyncClient
):
    answer = await stranger.get(path)

    assert "a=b" not in answer.headers.get("set-cookie", "")
    assert all("\n" not in value and "\r" not in value for value in answer.headers.values())
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../../etc/passwd", "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static/..%2f..%2f..%2fetc%2fpasswd", "/static//etc/passwd", "/static/%00",
        "/static/..\\..\\secret", "/documents/..%2f..%2fsecret.pdf", "/.git/config", "/var/secret",
        "/static/.env", "/me/documents/..%2f..%2fsecret.pdf",
    ],
)  # fmt: skip
async def test_no_path_leads_out_of_its_folder(path: str, stranger: httpx.AsyncClient):
    answer = await stranger.get(path)

    assert answer.status_code in (303, 401, 404)
    assert "root:" not in answer.text


async def test_no_forwarded_header_changes_what_is_answered(stranger: httpx.AsyncClient):
    plain = await stranger.get("/sign-in")
    poisoned = await stranger.get(
        "/sign-in",
        headers={
            "x-forwarded-host": "evil.test", "x-forwarded-proto": "gopher", "x-original-url": "/me",
            "x-rewrite-url": "/admin", "forwarded": "host=evil.test", "x-forwarded-prefix": "/evil",
        },
    )  # fmt: skip

    assert "evil.test" not in poisoned.text
    assert poisoned.status_code == plain.status_code == 200
    assert re.sub(r"[a-f0-9-]{12,}", "", poisoned.text) == re.sub(r"[a-f0-9-]{12,}", "", plain.text)


async def test_no_shared_cache_may_keep_what_somebody_may_see(shell: asgi.Shell, database):
    async with signed_in(shell, database, "doctor") as client:
        for path in ("/", "/chart", "/account/security", "/nothing", "/chart/x.css"):
            answer = await client.get(path)
            control = answer.headers["cache-control"]
            assert "no-store" in control or "private" in control, path
            assert "public" not in control


async def test_a_tossed_cookie_opens_nothing_and_closes_nothing(shell: asgi.Shell, database):
    async with signed_in(shell, database, "doctor") as client:
        token = client.cookies[accounts_pages.COOKIE]
        client.cookies.clear()
        for header in ("session=evil", f"session=evil; session={token}x", "__Host-session=evil"):
            answer = await client.get("/account/security", headers={"cookie": header})
            assert answer.status_code == 303
        own = await client.get("/account/security", headers={"cookie": f"session={token}"})
        assert own.status_code == 200


async def test_a_session_does_not_open_the_base_for_programs(shell: asgi.Shell, database):
    async with signed_in(shell, database, "doctor") as client:
        token = client.cookies[accounts_pages.COOKIE]
        assert (await client.get("/fhir/Patient")).status_code == 401
        stolen = {"authorization": f"Bearer {token}"}
        assert (await client.get("/fhir/Patient", headers=stolen)).status_code == 401


async def test_a_session_that_was_signed_out_is_worth_nothing(shell: asgi.Shell, database):
    async with signed_in(shell, database, "doctor") as client:
        stolen = {"cookie": f"session={client.cookies[accounts_pages.COOKIE]}"}
        await client.post("/sign-out")
        client.cookies.clear()
        answer = await client.get("/account/security", headers=stolen)
        assert answer.status_code == 303


async def test_fields_that_a_form_does_not_have_change_nothing(shell: asgi.Shell, database):
    async with signed_in(shell, database, "nurse") as client:
        fields = {"roles": "administrator", "role": "administrator", "permissions": "*",
                  "account_id": "x", "patient_id": "x", "is_admin": "true", "lang": "en"}  # fmt: skip
        await client.post("/preferences", data=fields)
        assert (await client.get("/admin")).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"a" * 10, b"\xff\xfe\x00", b"a=1&" * 3000, b"%00=%00", b"=&&=&=", b"login=%ff",
        b"login=x&login=y&password=z",
    ],
)  # fmt: skip
async def test_a_malformed_form_is_refused_and_never_a_fault(
    body: bytes, stranger: httpx.AsyncClient
):
    answer = await stranger.post(
        "/sign-in", content=body, headers={"content-type": "application/x-www-form-urlencoded"}
    )

    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("place", ["/account/security", "/fhir/Patient", "/health"])
async def test_a_fault_tells_nothing_of_its_inside(
    shell: asgi.Shell,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    place: str,
):
    """Neither the answer nor the log: the message of a fault may hold what was being written."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("password=hunter2 at /srv/yba/secret.py SELECT * FROM accounts")

    monkeypatch.setattr(asgi.accounts, "recognise", broken)
    monkeypatch.setattr(asgi.outbox, "backlog", broken)
    # What the application raises, the server writes into its own log.
    transport = httpx.ASGITransport(app=shell)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://yba.test") as client:
        answer = await client.get(
            place,
            headers={"authorization": "Bearer x"}
            | ({} if place == "/health" else {"cookie": "session=x"}),
        )

    assert answer.status_code == 500
    told = answer.text + str(answer.headers)
    logged = "".join(capfd.readouterr())
    assert "RuntimeError" in logged
    for secret in ("hunter2", "secret.py", "SELECT", "Traceback"):
        assert secret not in told
        assert secret not in logged


@pytest.mark.parametrize("page", [page for page in PAGES if not page.browser_only])
def test_pages_that_no_browser_form_guards_prove_themselves_otherwise(page: Page):
    """Each was argued for: programs bring a token, a signature or a proof of their own."""
    assert page.path.startswith(
        ("/oauth/", "/.well-known/", "/bank/", "/payments/", "/audit/", "/agent", "/authorize",
         "/signing/", "/stand-in", "/static", "/verify")
    ) or page.methods == ("GET",), page.path  # fmt: skip


@pytest.mark.parametrize(
    "origin", ["http://[::1", "null", "http://yba.test:x", "http://yba.test:1"]
)
async def test_an_origin_that_is_no_address_of_ours_is_refused_and_never_a_fault(
    origin: str, stranger: httpx.AsyncClient
):
    answer = await stranger.post("/sign-in", headers={"origin": origin}, data={"login": "x"})

    assert answer.status_code == 403


async def test_the_first_and_last_day_of_the_calendar_are_never_a_fault(
    shell: asgi.Shell, database
):
    async with signed_in(shell, database, "privacy") as client:
        for day in ("0001-01-01", "9999-12-31"):
            answer = await client.post("/watch/search/found", data={"until": day, "since": day})
            assert answer.status_code == 422, day


async def test_metrics_are_not_shown_through_a_proxy_of_this_machine(shell: asgi.Shell):
    transport = httpx.ASGITransport(app=shell, client=("127.0.0.1", 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://yba.test") as client:
        local = await client.get("/metrics")
        forwarded = await client.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"})

    assert (local.status_code, forwarded.status_code) == (200, 404)
    assert "yba_audit_works" in local.text


@pytest.mark.parametrize(
    "number", ["\u00b2", "9" * 5000, "-1", "\u0663"], ids=["²", "long", "-", "٣"]
)
async def test_what_only_looks_like_a_number_is_never_a_fault(
    shell: asgi.Shell, database, number: str
):
    for role, path, name in (("privacy", "/watch", "days"), ("doctor", "/chart/diagnoses", "age")):
        async with signed_in(shell, database, role) as client:
            answer = await client.get(path, params={name: number})
            assert answer.status_code < 500, path


async def test_a_nul_in_an_address_reaches_no_statement(shell: asgi.Shell, database):
    async with signed_in(shell, database, "doctor") as client:
        for path in ("/archive/records/%00", "/documents/draft/%00.pdf", "/programs/open/a%00b"):
            assert (await client.get(path)).status_code == 404, path
        for path in ("/chart?q=%00", "/fhir/Patient?name=a%00b"):
            assert (await client.get(path)).status_code == 400, path


async def test_an_address_that_cannot_be_read_is_never_a_fault(shell: asgi.Shell, database):
    async with signed_in(shell, database, "doctor") as client:
        told = {"hx-request": "true", "hx-current-url": "http://[::1"}
        answer = await client.post("/account/security/passkeys", headers=told)
        assert answer.status_code < 500


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "reason", "route"),
    [
        ("GET", "/fhir/Patient/nguyen-van-a?name=Thu", {}, 401, "not-signed-in", "fhir:Patient/{}"),
        ("GET", "/fhir/Patient", {"authorization": "Bearer x"}, 401, "not-signed-in", "fhir:Patient"),
        ("GET", "/admin?name=Thu", {}, 303, "not-signed-in", "admin:home"),
        ("POST", "/sign-in", {"origin": "https://evil.test"}, 403, "web.cross-site", "accounts:sign_in"),
        ("POST", "/sign-in", {"sec-fetch-site": "cross-site"}, 403, "web.cross-site", "accounts:sign_in"),
        ("GET", "/", {"host": "evil.test:1", "x": "y" * 33_000}, 431, "web.headers-too-large", "read"),
        ("OPTIONS", "/fhir/Patient", {"origin": "https://evil.test",
         "access-control-request-method": "GET"}, 204, "web.foreign-origin", "fhir"),
    ],
)  # fmt: skip
async def test_each_refused_access_is_one_line_without_what_was_asked(
    shell: asgi.Shell,
    capfd: pytest.CaptureFixture[str],
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    reason: str,
    route: str,
):
    # From where nobody asked before: the lines of each caller are counted.
    caller = (f"10.9.8.{len(reason) + len(path)}", 1)
    transport = httpx.ASGITransport(app=shell, client=caller)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://yba.test") as client:
        answer = await client.request(method, path, headers=headers)

    logged = capfd.readouterr().err
    assert answer.status_code == status
    assert logged.count("access.refused") == 1
    assert reason in logged
    assert route in logged
    for secret in ("nguyen-van-a", "Thu", "evil.test", "Bearer"):
        assert secret not in logged


async def test_a_person_without_the_role_is_written_down_by_her_account(
    shell: asgi.Shell, database, capfd: pytest.CaptureFixture[str]
):
    async with signed_in(shell, database, "nurse") as client:
        answer = await client.get("/admin")

    logged = capfd.readouterr().err
    assert answer.status_code == 403
    assert logged.count("access.refused") == 1
    assert "access-refused" in logged
    assert "Người Kiểm Thử" not in logged
