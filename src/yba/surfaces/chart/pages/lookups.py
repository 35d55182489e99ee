"""What the chart's search boxes answer: diagnoses, services, drugs. No patient is named."""

from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response

from yba.foundation.terminology import service as terminology
from yba.kernel.clock import local_date, utc_now
from yba.money.charging import service as charging
from yba.plumbing.web import Page, reading, render

_READ = "chart.read"
_FOUND = 14


async def diagnoses(request: Request) -> Response:
    """Answer the diagnosis box: by Vietnamese words without accents, or by code."""
    query = request.query_params
    sex = query.get("sex")
    age_days = query.get("age", "")
    async with reading(request) as tx:
        found = await terminology.search(
            tx,
            system="icd10",
            text=query.get("q", ""),
            on=local_date(utc_now()),
            limit=_FOUND,
            sex=sex,
            age_days=int(age_days) if age_days.isdecimal() and len(age_days) < 6 else None,
        )
    return render(request, "chart/diagnoses_.html", found=found)


async def services(request: Request) -> Response:
    """Answer the service box, with prices."""
    return await _priced(request, "service", "chart/services_.html")


async def drugs(request: Request) -> Response:
    """Answer the drug box, with prices."""
    return await _priced(request, "drug", "chart/drugs_.html")


async def _priced(request: Request, system: str, template: str) -> Response:
    today = local_date(utc_now())
    async with reading(request) as tx:
        found = await terminology.search(
            tx, system=system, text=request.query_params.get("q", ""), on=today, limit=_FOUND
        )
        codes = [concept.code for concept in found.concepts]
        prices: dict[str, Decimal] = dict(
            await charging.price_of(tx, kind=system, codes=codes, on=today)
        )
        routes = {
            c.code: c.name_vi for c in await terminology.concepts(tx, system="route", on=today)
        }
    return render(request, template, found=found.concepts, prices=prices, routes=routes)


PAGES = [
    Page("/chart/diagnoses", diagnoses, "chart:diagnoses", _READ),
    Page("/chart/services", services, "chart:services", _READ),
    Page("/chart/drugs", drugs, "chart:drugs", _READ),
]
