"""Searches: at a type, at a compartment, at the base; by GET and by POST.

Standard: FHIR R4 http.html#search, search.html.
"""

from __future__ import annotations

from yba.fhir import r4
from yba.foundation.record import parameters, reading
from yba.foundation.record.query.controls import types_of
from yba.foundation.record.query.parse import parse
from yba.kernel.actor import Actor
from yba.surfaces.fhir_api import outcomes, rendering
from yba.surfaces.fhir_api.exchange import Exchange
from yba.surfaces.fhir_api.formats import FORM
from yba.surfaces.fhir_api.interactions import (
    READ,
    WHAT,
    Interactions,
    permit,
)


async def search(
    do: Interactions,
    exchange: Exchange,
    actor: Actor,
    type_: str | None,
    compartment: tuple[str, str] | None = None,
) -> None:
    """Answer one page of a search; without a type, of all types that `_type` names."""
    permit(actor, READ)
    query = exchange.query
    if exchange.method == "POST":
        given = await exchange.body()
        if given:
            exchange.refuse_other_media(FORM)
        form = given.decode("utf-8", "strict")
        # The form may also say how the answer is written.
        exchange.query = query = "&".join(part for part in (query, form) if part)
        if "_format=" in form:
            exchange.refuse_other_formats()
    body = await search_body(
        do,
        actor,
        type_,
        query,
        lenient=exchange.prefers("handling") == "lenient",
        compartment=compartment,
    )
    await exchange.answer(200, body)


async def search_body(
    do: Interactions,
    actor: Actor,
    type_: str | None,
    query: str,
    *,
    lenient: bool,
    compartment: tuple[str, str] | None = None,
) -> bytes:
    """Return the searchset Bundle for a query string; without a type, over several types."""
    if parameters.stale():
        async with do.searches.lend() as pair:
            await parameters.refresh(pair.planning)
    wanted = parse(type_ or "", query, lenient=lenient, compartment=compartment)
    async with do.searches.lend() as pair:
        page = await reading.find(
            pair.planning, wanted, now=do.clock(), secret=do.secret, base=do.base,
            remembering=pair.remembering, guard=do.guard(actor, "s"),
        )  # fmt: skip
    await do.note_seen(actor, "search", *page.matches, *page.included)
    if not page.matches:
        await do.trail.note(actor, WHAT + "search", None, types_of(wanted))
    notes = None
    if wanted.ignored:
        texts = [f"Ignored because it is not known: {name}" for name in wanted.ignored]
        notes = r4.encode(outcomes.notes(texts))
    return rendering.search_page(page, base=do.base, notes=notes)
