"""`Patient/$match`: who may be the person described, each with a probability and a grade.

Standard: FHIR R4 OperationDefinition Patient-match; extension match-grade.
"""

from __future__ import annotations

from yba.fhir import r4
from yba.foundation.parties import service as parties
from yba.foundation.record import candidates
from yba.foundation.record.candidates import Description
from yba.foundation.record.errors import UnreadableBody
from yba.foundation.record.model import Version
from yba.plumbing.i18n import N_
from yba.surfaces.fhir_api.interactions import READ
from yba.surfaces.fhir_api.operation import Call, Operation
from yba.surfaces.fhir_api.operations import searchset

_GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
_DEFAULT, _MOST = 20, 200
_SEVERAL = N_("Several persons match with certainty, so none of them is returned.")


async def match(call: Call) -> None:
    """Answer the likely matches, most likely first."""
    given = await call.given()
    searchset.refuse_others(given, ("resource", "onlyCertainMatches", "count"))
    sought = given.resource()
    if not isinstance(sought, r4.Patient):
        raise UnreadableBody(reason="the parameter resource must be a Patient")
    features = parties.features_of(sought)
    if features.is_empty:
        raise UnreadableBody(reason="the Patient has nothing by which to look for a person")
    async with call.do.searches.lend() as pair:
        found = await candidates.patients_like(
            pair.planning, _description(features), call.do.guard(call.actor, "s")
        )
    graded = sorted(
        ((_likeness(features, one), one) for one in found),
        key=lambda each: (-each[0].bits, each[1].id),
    )
    graded = [each for each in graded if each[0].grade != "certainly-not"]
    notes: list[bytes] = []
    if given.flag("onlyCertainMatches"):
        graded = [each for each in graded if each[0].grade == "certain"]
        if len(graded) > 1:
            graded, notes = [], [_note()]
    total = len(graded)
    graded = graded[: min(given.number("count", default=_DEFAULT), _MOST)]
    await call.do.note_seen(call.actor, "match", *(one for _, one in graded))
    entries = [
        searchset.entry(call.do.base, one, "match", _search(likeness)) for likeness, one in graded
    ]
    body = searchset.bundle(
        [*entries, *notes], total=total, address=f"{call.do.base}/Patient/$match"
    )
    await call.exchange.answer(200, body)


def _likeness(features: parties.Features, one: Version) -> parties.Likeness:
    patient = r4.decode(one.body or b"")
    assert isinstance(patient, r4.Patient)
    return parties.likeness(features, parties.features_of(patient))


def _search(likeness: parties.Likeness) -> bytes:
    score = f"{likeness.score:.4f}".rstrip("0").rstrip(".")
    extension = f'[{{"url":"{_GRADE}","valueCode":"{likeness.grade}"}}]'
    return f',"extension":{extension},"score":{score}'.encode()


def _note() -> bytes:
    outcome = r4.OperationOutcome(
        issue=[
            r4.OperationOutcomeIssue(
                severity="information", code="multiple-matches", diagnostics=_SEVERAL
            )
        ]
    )
    return b'{"resource":' + r4.encode(outcome) + b',"search":{"mode":"outcome"}}'


def _description(features: parties.Features) -> Description:
    contacts: set[str] = set()
    for contact in features.telecoms:
        contacts.add(contact)
        if contact.startswith("+84"):
            contacts |= {"0" + contact[3:], contact[1:]}
    names = tuple(tuple(parties.name_words(name)) for name in features.names)
    return Description(
        names=tuple(words for words in names if words),
        birth_date=features.birth_date,
        numbers=frozenset(value for _, value in features.identifiers),
        contacts=frozenset(contacts),
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "match", "http://hl7.org/fhir/OperationDefinition/Patient-match", frozenset({"type"}),
        READ, match, frozenset({"Patient"}), by_post_only=True,
    ),
)  # fmt: skip
