"""`yba import claims`: figures, report and exit code."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from tests.money.insurance import visits
from tests.money.insurance.rule_cases import changed
from typer.testing import CliRunner, Result

from yba.money.insurance import cli
from yba.money.insurance.claim import Claim
from yba.money.insurance.importing import Place
from yba.money.insurance.xml import write_claim
from yba.plumbing.settings import Settings

Run = Callable[[list[str]], Awaitable[Result]]


@pytest.fixture
def run(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return how to run the command on the test's node."""
    monkeypatch.setenv("LANG", "vi_VN.UTF-8")
    config = replace(Settings(), data_dir=tmp_path / "var", facility_code="00001")

    async def go(arguments: list[str]) -> Result:
        loop = asyncio.get_running_loop()

        def on_node(verb: cli.Verb) -> object:
            waiting = asyncio.run_coroutine_threadsafe(_awaited(verb), loop)
            return waiting.result()

        async def _awaited(verb: cli.Verb) -> object:
            return await verb(config, place.database)

        app = typer.Typer()
        app.callback()(lambda: None)
        cli.add_to(app, on_node)  # type: ignore[arg-type]
        return await asyncio.to_thread(CliRunner().invoke, app, ["claims", *arguments])

    return go


def write(inbox: Path, name: str, change: str = "") -> None:
    episode = changed(visits.episode("outpatient"), change)
    (inbox / name).write_bytes(write_claim(Claim("99999", "20260916", (episode,), "1")))


@pytest.mark.slow
async def test_a_good_folder_is_read_and_the_figures_are_told(run: Run, inbox: Path):
    write(inbox, "a.xml")

    result = await run([str(inbox)])

    assert result.exit_code == 0, result.output
    assert "1 tệp: 1 đã nhận" in result.output
    assert "report.vi.html" in result.output


@pytest.mark.slow
async def test_the_exit_code_says_that_something_was_set_aside(
    run: Run, inbox: Path, tmp_path: Path
):
    write(inbox, "a.xml")
    write(inbox, "b.xml", "XML1.MA_LK=OTHER")

    result = await run([str(inbox)])

    assert result.exit_code == 2, result.output
    assert "1 để riêng" in result.output
    assert [path.name for path in tmp_path.glob("var/imports/*/rejected/*")] == ["b.xml"]


@pytest.mark.slow
async def test_only_shape_keeps_what_other_rules_find(run: Run, inbox: Path):
    write(inbox, "a.xml", "XML1.T_THUOC=1")

    result = await run(["--only-shape", str(inbox)])

    assert result.exit_code == 0, result.output
