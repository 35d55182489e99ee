"""The claims of this facility: what was issued, what the rules say, the files themselves."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from yba.kernel.clock import utc_now
from yba.kernel.refusal import NotFound, Refusal
from yba.money.insurance import service
from yba.money.insurance.findings import Finding, finding_of
from yba.money.insurance.tables import tables
from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.plumbing.web import (
    Page,
    actor_of,
    form,
    language_of,
    reading,
    render,
    see_other,
    state_of,
    transaction,
)

_LISTED = 100
SEVERITIES = {
    "error": (N_("Error"), "bad"),
    "warning": (N_("Warning"), "warn"),
    "info": (N_("Note"), ""),
}


def _folder(request: Request) -> Path:
    return state_of(request).settings.data_dir / "claims"


async def home(request: Request) -> Response:
    """Show the newest claim of each recent visit, those with errors marked."""
    async with reading(request) as tx:
        claims = await service.recent_claims(tx, actor=actor_of(request), limit=_LISTED)
    return render(request, "insurance/home.html", claims=claims)


def _title(found: Finding, language: str) -> str:
    table = tables().get(found.table)
    if table is None:
        return ""
    return table.title_vi if language == "vi" else table.title_en


async def visit(request: Request) -> Response:
    """Show the files of one visit and what the rules say of the newest claim."""
    return await _visit(request)


async def _visit(request: Request, refusal: Refusal | None = None) -> Response:
    encounter_id, language = request.path_params["encounter_id"], language_of(request)
    async with reading(request) as tx:
        files = await service.claim_files_of(tx, actor=actor_of(request), encounter_id=encounter_id)
    if not files and refusal is None:
        raise NotFound
    newest = next((file for file in files if file.kind == "claim"), None)
    translate = state_of(request).catalogs.translator(language)
    found = [finding_of(item) for item in newest.findings] if newest else []
    rows = [
        (one, SEVERITIES[one.severity], _title(one, language), one.text(translate))
        for one in sorted(found, key=lambda one: list(SEVERITIES).index(one.severity))
    ]
    return render(
        request,
        "insurance/visit.html",
        status=refusal.status if refusal else 200,
        encounter_id=encounter_id,
        files=files,
        newest=newest,
        rows=rows,
        refusal=refusal,
    )


async def issue(request: Request) -> Response:
    """Make the claim of a visit again from what is recorded now."""
    encounter_id = request.path_params["encounter_id"]
    await form(request)
    try:
        async with transaction(request) as tx:
            await service.claim_of(
                tx,
                actor=actor_of(request),
                encounter_id=encounter_id,
                at=utc_now(),
                folder=_folder(request),
            )
    except NotFound:
        raise
    except Refusal as refusal:
        return await _visit(request, refusal)
    return see_other(request, "claims:visit", encounter_id=encounter_id)


async def file(request: Request) -> Response:
    """Hand out one issued file; the look is audited."""
    async with transaction(request) as tx:
        issued, content = await service.claim_content(
            tx,
            actor=actor_of(request),
            encounter_id=request.path_params["encounter_id"],
            kind=request.path_params["kind"],
            version=int(request.path_params["version"]),
            folder=_folder(request),
            at=utc_now(),
        )
    name = f"{issued.facility}_{issued.version}_{issued.sha256[:8]}_{issued.kind}.xml"
    return Response(
        content,
        media_type="application/xml",
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "no-store",
        },
    )


PAGES = [
    Page("/claims", home, "claims:home", "claims.read"),
    Page("/claims/{encounter_id}", visit, "claims:visit", "claims.read"),
    Page("/claims/{encounter_id}/issue", issue, "claims:issue", "claims.issue", ("POST",)),
    Page(
        "/claims/{encounter_id}/{kind}/{version:int}.xml",
        file,
        "claims:file",
        "claims.read",
    ),
]
NAVIGATION = [NavigationItem(N_("Claims"), "claims:home", "claims.read", "file-check", "b")]
