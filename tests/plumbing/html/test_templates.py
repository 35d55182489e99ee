"""Every template compiles, says nothing inline, and uses only icons that are built."""

import re
from pathlib import Path

import pytest

import yba
from yba.plumbing import i18n
from yba.plumbing.html import environment
from yba.plumbing.settings import Settings

SOURCE = Path(yba.__file__).parent
PAGES = sorted(path for path in SOURCE.rglob("templates/**/*.html"))
SCRIPTS = sorted(path for path in SOURCE.rglob("static/**/*.js"))
ICONS = set((SOURCE.parents[1] / "assets" / "icons.txt").read_text().split())
_INLINE = re.compile(
    r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son(click|load|change|submit|input|key\w+)=|javascript:"
)
_ICON = re.compile(r"""icon(?:_name)?\(\s*["']([a-z0-9-]+)["']""")


def _name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@pytest.fixture(scope="module")
def templates() -> environment.Templates:
    return environment.build(Settings(), i18n.load())


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_a_template_compiles(path: Path, templates: environment.Templates):
    folder = next(parent for parent in path.parents if parent.name == "templates")
    templates.get_template(str(path.relative_to(folder)))


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_no_script_or_style_is_inline(path: Path):
    assert _INLINE.search(path.read_text()) is None


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_every_icon_is_built(path: Path):
    assert set(_ICON.findall(path.read_text())) <= ICONS


@pytest.mark.parametrize("path", SCRIPTS, ids=_name)
def test_a_script_evaluates_no_text(path: Path):
    assert not re.search(
        r"\beval\(|new Function|document\.write|insertAdjacentHTML", path.read_text()
    )


def test_the_style_sheet_stays_small():
    assert (SOURCE / "plumbing/html/static/html/yba.css").stat().st_size <= 30_000


def test_an_asset_is_named_by_its_content(templates: environment.Templates):
    url = templates.assets.url("html/yba.css")

    assert re.fullmatch(r"/static/html/yba-[0-9a-f]{12}\.css", url)
    asset = templates.assets.get(url.removeprefix("/static/"))
    assert asset is not None
    assert asset.media_type == "text/css"
    assert b"asset(" not in asset.body


def test_a_file_of_ours_that_does_not_exist_is_a_mistake(templates: environment.Templates):
    with pytest.raises(KeyError):
        templates.assets.url("html/absent.css")


def test_a_file_that_is_not_built_yet_does_not_stop_a_page(templates: environment.Templates):
    assert templates.assets.url("absent.woff2") == "/static/not-built/absent.woff2"
