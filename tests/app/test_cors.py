"""Which other sites' pages may call the interfaces, as a browser asks before it lets them."""

from collections.abc import Generator

import httpx
import pytest

from yba.app.asgi import Shell

OURS = "https://growth-chart.example.vn"
PREFLIGHT = {
    "access-control-request-method": "GET",
    "access-control-request-headers": "authorization",
}


@pytest.fixture
def program(shell: Shell) -> Generator[str]:
    """Register a program whose pages live at OURS."""
    shell.state.extras["program_origins"] = {OURS}
    yield OURS
    del shell.state.extras["program_origins"]


async def test_a_registered_programs_page_may_ask_and_read(
    stranger: httpx.AsyncClient, program: str
):
    asked = await stranger.options("/fhir/Patient/1", headers={"origin": program, **PREFLIGHT})
    read = await stranger.get("/fhir/metadata", headers={"origin": program})

    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == program
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    assert read.headers["access-control-allow-origin"] == program
    assert "Origin" in read.headers["vary"]


async def test_no_answer_ever_lets_a_cookie_come_along(stranger: httpx.AsyncClient, program: str):
    for method, path in (
        ("OPTIONS", "/fhir/Patient"),
        ("GET", "/fhir/metadata"),
        ("GET", "/fhir/Patient/1"),
    ):
        answer = await stranger.request(method, path, headers={"origin": program, **PREFLIGHT})
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", OURS + ".evil.example", OURS.upper()]
)
async def test_an_unknown_page_is_told_nothing(
    stranger: httpx.AsyncClient, program: str, origin: str
):
    asked = await stranger.options("/fhir/Patient/1", headers={"origin": origin, **PREFLIGHT})
    read = await stranger.get("/fhir/metadata", headers={"origin": origin})

    assert "access-control-allow-origin" not in asked.headers
    assert "access-control-allow-origin" not in read.headers


async def test_screens_belong_to_no_other_page(stranger: httpx.AsyncClient, program: str):
    answer = await stranger.get("/sign-in", headers={"origin": program})

    assert "access-control-allow-origin" not in answer.headers
