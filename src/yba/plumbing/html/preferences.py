"""Language and look: two choices that every visitor has, kept in cookies."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from yba.kernel.refusal import Unusable
from yba.plumbing.html.environment import THEMES
from yba.plumbing.i18n import LANGUAGES
from yba.plumbing.web import PUBLIC, Page, form, path_here

_YEAR_SECONDS = 365 * 24 * 3600
_CHOICES = {"lang": LANGUAGES, "theme": THEMES}


async def _choose(request: Request) -> Response:
    """Remember the sent choices and go back to the page they were made on."""
    sent = await form(request)
    answer = RedirectResponse(path_here(sent.get("next")), status_code=303)
    for name, allowed in _CHOICES.items():
        if name not in sent:
            continue
        if sent[name] not in allowed:
            raise Unusable
        secure = request.url.scheme == "https"
        answer.set_cookie(
            name, sent[name], max_age=_YEAR_SECONDS, httponly=True, samesite="lax", secure=secure
        )
    return answer


PAGES = [
    Page("/preferences", _choose, name="html:preferences", permission=PUBLIC, methods=("POST",))
]
