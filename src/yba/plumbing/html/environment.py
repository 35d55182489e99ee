"""The template environment: where templates lie and what every template may use.

Values are escaped, unknown names are errors, and a fragment asked for by htmx
is a template whose name ends with `_.html`.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    pass_context,
)
from jinja2.runtime import Context
from markupsafe import Markup

from yba.kernel.clock import local_date, utc_now
from yba.kernel.refusal import Refusal
from yba.plumbing.html import formats, qr
from yba.plumbing.html.assets import Assets
from yba.plumbing.html.navigation import Bar, NavigationItem, allowed, bar
from yba.plumbing.i18n import Catalogs
from yba.plumbing.settings import Settings

THEMES = ("auto", "light", "dark")
_PACKAGE = Path(__file__).parents[2]


class Templates:
    """Every template of the program, and the files they point to."""

    def __init__(self, environment: Environment, assets: Assets) -> None:
        """Keep both; `build` is the way to make one."""
        self.environment = environment
        self.assets = assets

    def get_template(self, name: str) -> Template:
        """Return the template called `name`, for instance `desk/home.html`."""
        return self.environment.get_template(name)


def build(
    settings: Settings, catalogs: Catalogs, navigation: Sequence[NavigationItem] = ()
) -> Templates:
    """Build the environment over the `templates` folders of all contexts."""
    del catalogs  # the translator of each request arrives in its context
    assets = Assets(settings.assets_dir)
    folders = sorted(path for path in _PACKAGE.glob("**/templates") if path.is_dir())
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(path) for path in folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, Any] = {
        "date": formats.shown_date,
        "datetime": formats.shown_datetime,
        "time": formats.shown_time,
        "dong": formats.shown_dong,
        "number": formats.shown_number,
        "grouped": formats.grouped,
        "age": _age,
        "qr": _qr,
    }
    environment.filters.update(filters)
    everywhere: dict[str, Any] = {
        "asset": assets.url,
        "url": _url,
        "has_page": _has_page,
        "theme": _theme,
        "navigation": _navigation_of(navigation),
        "bar": _bar_of(navigation),
        "explain": _explain,
        "came_from": _came_from,
        "today": lambda: local_date(utc_now()),
        "facility_name": settings.facility_name,
    }
    environment.globals.update(everywhere)
    return Templates(environment, assets)


@pass_context
def _url(context: Context, name: str, **params: object) -> str:
    """Return the path of a page by its name."""
    text = {key: str(value) for key, value in params.items()}
    return str(context["request"].app.url_path_for(name, **text))


@pass_context
def _has_page(context: Context, name: str) -> bool:
    """Return whether this node has that page: not every profile has every one."""
    return any(getattr(route, "name", "") == name for route in context["request"].app.routes)


@pass_context
def _theme(context: Context) -> str:
    """Return the look that this person chose: `auto`, `light` or `dark`."""
    chosen = context["request"].cookies.get("theme", "auto")
    return chosen if chosen in THEMES else "auto"


@pass_context
def _explain(context: Context, refusal: Refusal) -> str:
    """Return the sentence of a refusal in the language of the request."""
    sentence = context["_"](refusal.message)
    return sentence % refusal.values if refusal.values else sentence


@pass_context
def _came_from(context: Context) -> str:
    """Return the page of ours that led here, or the first page."""
    request = context["request"]
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    referer = request.headers.get("referer", "")
    return referer.removeprefix(own) if referer.startswith(own + "/") else "/"


def _navigation_of(items: Sequence[NavigationItem]) -> Any:
    @pass_context
    def navigation(context: Context) -> list[NavigationItem]:
        return allowed(items, context.get("actor"))

    return navigation


def _bar_of(items: Sequence[NavigationItem]) -> Any:
    @pass_context
    def bar_here(context: Context) -> Bar:
        request = context["request"]
        return bar(
            allowed(items, context.get("actor")),
            request.url.path,
            lambda page: str(request.app.url_path_for(page)),
        )

    return bar_here


@pass_context
def _age(context: Context, birth_date: str | date | None, on: date | None = None) -> str:
    """Return the age in words: months under 72 months, then years."""
    translate = context["_"]
    parts = formats.age_parts(birth_date, on or local_date(utc_now()))
    if parts is None:
        return translate("age unknown")
    number, unit = parts
    sentence = translate("%(n)s months") if unit == "months" else translate("%(n)s years old")
    return sentence % {"n": number}


def _qr(text: str) -> Markup:
    """Return a QR code of `text` as a drawing without inline style."""
    return Markup(qr.drawing(text))  # noqa: S704 - segno's own output, no text of ours in it
