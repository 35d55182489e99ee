"""The pages of the desk."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response

from yba.care.encounters import service as encounters
from yba.care.scheduling import service as scheduling
from yba.foundation.accounts import service as accounts
from yba.foundation.audit import service as audit
from yba.foundation.parties import service as parties
from yba.foundation.parties.errors import PersonIncomplete
from yba.foundation.parties.model import HealthInsurance, PersonDetails, PersonMatch
from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.model import Concept
from yba.kernel.clock import local_date, utc_now
from yba.kernel.ids import new_id
from yba.kernel.refusal import Refusal, Unusable
from yba.kernel.text import vietnamese_sort_key
from yba.money.charging import service as charging
from yba.plumbing.database import Tx
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
from yba.surfaces.desk import cover, forms, paper_pages, query

_PERMISSION = "desk.register"
_MATCHES = 12


async def home(request: Request) -> Response:
    """Show the scan box and how long each queue is."""
    async with reading(request) as tx:
        rooms = await scheduling.clinics_with_load(tx, at=utc_now())
    return render(request, "desk/home.html", rooms=rooms, typed="")


async def find(request: Request) -> Response:
    """Answer a scan: the one person, a list with reasons, or a filled form."""
    text = (await form(request)).get("q", "")
    asked = query.read(text)
    async with transaction(request) as tx:
        if asked.problem is not None:
            return await _list(request, tx, asked, [], status=asked.problem.status)
        matches = await parties.find_persons(
            tx, actor=actor_of(request), text=asked.text, limit=_MATCHES
        )
        await _note_found(request, tx, matches)
        only = asked.the_one(matches)
        if only is not None:
            card = asked.details.insurance
            return await _visit_form(
                request, tx, only.patient_id, card=card, warnings=asked.warnings
            )
        if not matches and asked.is_card:
            values = forms.person_values(asked.details)
            return await _person_form(request, tx, values, warnings=asked.warnings)
        return await _list(request, tx, asked, matches)


async def _list(
    request: Request,
    tx: Tx,
    asked: query.Query,
    matches: list[parties.PersonMatch],
    status: int = 200,
) -> Response:
    rooms = await scheduling.clinics_with_load(tx, at=utc_now())
    return render(
        request,
        "desk/home.html",
        status=status,
        rooms=rooms,
        asked=asked,
        matches=matches,
        typed="" if asked.is_card else asked.text,
    )


async def matches(request: Request) -> Response:
    """Answer typing in the box: who fits so far."""
    text = (await form(request)).get("q", "")
    if not query.is_searchable(text):
        return render(request, "desk/matches_.html", asked=None, matches=[])
    asked = query.read(text)
    async with transaction(request) as tx:
        found = await parties.find_persons(
            tx, actor=actor_of(request), text=asked.text, limit=_MATCHES
        )
        await _note_found(request, tx, found)
    return render(request, "desk/matches_.html", asked=asked, matches=found)


async def _note_found(request: Request, tx: Tx, found: Sequence[PersonMatch]) -> None:
    """Leave a trace of the names that a search has shown."""
    await audit.record(
        tx,
        actor=actor_of(request),
        action="R",
        what="parties.search",
        at=utc_now(),
        references=[f"Patient/{one.patient_id}" for one in found],
    )


async def new_person(request: Request) -> Response:
    """Show the empty form for somebody who has never been here."""
    async with reading(request) as tx:
        return await _person_form(request, tx, forms.person_values(PersonDetails(name="")))


async def prefilled_person(request: Request) -> Response:
    """Show the form for a new person, with what the box already said."""
    asked = query.read((await form(request)).get("q", ""))
    async with reading(request) as tx:
        values = forms.person_values(asked.details)
        return await _person_form(request, tx, values, warnings=asked.warnings)


async def _person_form(
    request: Request,
    tx: Tx,
    values: Mapping[str, str],
    *,
    patient_id: str = "",
    warnings: tuple[str, ...] = (),
    refusal: Refusal | None = None,
) -> Response:
    today = local_date(utc_now())
    commune = await terminology.concept(
        tx, system="commune", code=values.get("commune", ""), on=today
    )
    return render(
        request,
        "desk/person.html",
        status=refusal.status if refusal else 200,
        values=values,
        errors=refusal.fields if refusal else {},
        refusal=refusal,
        warnings=warnings,
        patient_id=patient_id,
        commune_name=commune.name_vi if commune else "",
        provinces=_named(request, await terminology.provinces(tx, on=today)),
        ethnicities=_named(request, await terminology.concepts(tx, system="ethnicity", on=today)),
        occupations=_named(request, await terminology.concepts(tx, system="occupation", on=today)),
    )


def _named(request: Request, concepts: list[Concept]) -> list[tuple[str, str]]:
    """Return the options of a choice, in the order that people look for them."""
    language = language_of(request)
    options = [(concept.code, concept.name(language)) for concept in concepts]
    return sorted(options, key=lambda option: vietnamese_sort_key(option[1]))


async def register(request: Request) -> Response:
    """Register a new person, unless she may be here already."""
    fields = await form(request)
    async with transaction(request) as tx:
        try:
            details = forms.read_person(fields)
            if fields.get("confirmed") != "yes":
                likely = await parties.possible_duplicates(
                    tx, actor=actor_of(request), person=details
                )
                if likely:
                    return render(
                        request,
                        "desk/duplicates.html",
                        matches=likely,
                        fields=fields,
                        details=details,
                    )
            patient_id = await parties.register_person(
                tx, actor=actor_of(request), person=details, at=utc_now()
            )
        except PersonIncomplete as refusal:
            return await _person_form(request, tx, fields, refusal=refusal)
    return see_other(request, "desk:person", patient_id=patient_id)


async def edit_person(request: Request) -> Response:
    """Show what is known about a person, to correct it."""
    patient_id = request.path_params["patient_id"]
    async with transaction(request) as tx:
        known = await parties.person(
            tx, actor=actor_of(request), patient_id=patient_id, at=utc_now()
        )
        values = forms.person_values(known.details)
        return await _person_form(request, tx, values, patient_id=patient_id)


async def save_person(request: Request) -> Response:
    """Correct a person."""
    fields = await form(request)
    patient_id = request.path_params["patient_id"]
    async with transaction(request) as tx:
        known = await parties.person(
            tx, actor=actor_of(request), patient_id=patient_id, at=utc_now()
        )
        try:
            details = forms.read_person(fields, known.details)
            await parties.update_person(
                tx, actor=actor_of(request), patient_id=patient_id, person=details, at=utc_now()
            )
        except PersonIncomplete as refusal:
            return await _person_form(request, tx, fields, patient_id=patient_id, refusal=refusal)
    return see_other(request, "desk:person", patient_id=patient_id)


async def person(request: Request) -> Response:
    """Show a person with everything needed to open a visit."""
    async with transaction(request) as tx:
        return await _visit_form(request, tx, request.path_params["patient_id"])


async def _visit_form(
    request: Request,
    tx: Tx,
    patient_id: str,
    *,
    card: HealthInsurance | None = None,
    warnings: tuple[str, ...] = (),
    fields: Mapping[str, str] | None = None,
    refusal: Refusal | None = None,
) -> Response:
    now = utc_now()
    actor = actor_of(request)
    known = await parties.person(tx, actor=actor, patient_id=patient_id, at=now)
    card = card or known.details.insurance
    values = {**forms.insurance_values(card), "form_key": new_id(), **(fields or {})}
    today = local_date(now)
    return render(
        request,
        "desk/visit.html",
        status=refusal.status if refusal else 200,
        person=known,
        rooms=await scheduling.clinics_with_load(tx, at=now),
        earlier=await encounters.visits_of_patient(tx, actor=actor, patient_id=patient_id, at=now),
        categories=await _categories(request, tx, card, today),
        has_account=await accounts.has_account(tx, patient_id=patient_id),
        expired=card is not None and cover.is_expired(card, today),
        values=values,
        errors=refusal.fields if refusal else {},
        refusal=refusal,
        warnings=warnings,
    )


async def _categories(
    request: Request, tx: Tx, card: HealthInsurance | None, on: date
) -> list[cover.Choice]:
    settings = state_of(request).settings
    names = {
        concept.code: concept.name(language_of(request))
        for concept in await terminology.concepts(tx, system="ma_doituong_kcb", on=on)
    }

    def level_of(code: str, card: HealthInsurance | None) -> Decimal | None:
        if card is None:
            return None
        return charging.expected_level(
            category=code, card_number=card.number, benefit_digit=card.benefit_digit, on=on
        )

    self_referred = cover.self_referred_category(settings.facility_level, settings.facility_points)
    return list(
        cover.choices(
            card,
            facility_code=settings.facility_code,
            self_referred=self_referred,
            on=on,
            name_of=lambda code: names.get(code, code),
            level_of=level_of,
        )
    )


async def open_visit(request: Request) -> Response:
    """Open a visit and issue its ticket."""
    fields = await form(request)
    patient_id = request.path_params["patient_id"]
    async with transaction(request) as tx:
        try:
            wanted = forms.read_visit(fields, patient_id)
        except Unusable as refusal:
            return await _visit_form(request, tx, patient_id, fields=fields, refusal=refusal)
        visit = await encounters.open_visit(tx, actor=actor_of(request), visit=wanted, at=utc_now())
    return see_other(request, "desk:slip", encounter_id=visit.encounter_id)


async def slip(request: Request) -> Response:
    """Show the 80 mm slip, ready to print."""
    encounter_id = request.path_params["encounter_id"]
    async with transaction(request) as tx:
        visit = await encounters.visit(
            tx, actor=actor_of(request), encounter_id=encounter_id, at=utc_now()
        )
        ticket = await scheduling.ticket_of_visit(tx, encounter_id=encounter_id)
    link = f"{state_of(request).settings.base_url}/me/visits/{encounter_id}"
    return render(request, "desk/slip.html", visit=visit, ticket=ticket, link=link)


async def give_access(request: Request) -> Response:
    """Show a code with which the person opens her own record on her phone."""
    patient_id = request.path_params["patient_id"]
    await form(request)
    async with transaction(request) as tx:
        known = await parties.person(
            tx, actor=actor_of(request), patient_id=patient_id, at=utc_now()
        )
        code = await accounts.invite(
            tx,
            actor=actor_of(request),
            patient_id=patient_id,
            name=known.details.name,
            at=utc_now(),
        )
    link = f"{state_of(request).settings.base_url}/activate?code={code}"
    return render(request, "desk/access.html", person=known, code=code, link=link)


async def loads(request: Request) -> Response:
    """Answer the room list's own refresh: how many wait now."""
    async with reading(request) as tx:
        rooms = await scheduling.clinics_with_load(tx, at=utc_now())
    return render(request, "desk/loads_.html", rooms=rooms)


async def communes(request: Request) -> Response:
    """Answer the commune box: communes of today by name, without accents if need be."""
    today = local_date(utc_now())
    async with reading(request) as tx:
        found = await terminology.search_concepts(
            tx, system="commune", text=request.query_params.get("q", ""), on=today, limit=12
        )
        names = {p.code: p.name_vi for p in await terminology.provinces(tx, on=today)}
    return render(request, "desk/communes_.html", found=found, names=names)


NAVIGATION = [NavigationItem(N_("Reception"), "desk:home", _PERMISSION, "scan-line", "r")]

PAGES = [
    Page("/desk", home, "desk:home", _PERMISSION),
    Page("/desk/find", find, "desk:find", _PERMISSION, methods=("POST",)),
    Page("/desk/matches", matches, "desk:matches", _PERMISSION, methods=("POST",)),
    Page("/desk/rooms", loads, "desk:loads", _PERMISSION),
    Page("/desk/communes", communes, "desk:communes", _PERMISSION),
    Page("/desk/persons/new", new_person, "desk:new_person", _PERMISSION),
    Page("/desk/persons/new", prefilled_person, "desk:prefilled", _PERMISSION, methods=("POST",)),
    Page("/desk/persons", register, "desk:register", _PERMISSION, methods=("POST",)),
    Page("/desk/persons/{patient_id}", person, "desk:person", _PERMISSION),
    Page("/desk/persons/{patient_id}/edit", edit_person, "desk:edit_person", _PERMISSION),
    Page(
        "/desk/persons/{patient_id}/edit",
        save_person,
        "desk:save_person",
        _PERMISSION,
        methods=("POST",),
    ),
    Page(
        "/desk/persons/{patient_id}/visits",
        open_visit,
        "desk:open_visit",
        _PERMISSION,
        methods=("POST",),
    ),
    Page(
        "/desk/persons/{patient_id}/access",
        give_access,
        "desk:give_access",
        _PERMISSION,
        methods=("POST",),
    ),
    Page("/desk/visits/{encounter_id}/slip", slip, "desk:slip", _PERMISSION),
    *paper_pages.PAGES,
]
