"""Scopes in plain words: what a program may see or do, of whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from yba.foundation.authorization.model import granted_of
from yba.plumbing.i18n import N_

# FHIR resource types as people call them; other types keep the name of the standard.
_TYPES = {
    "*": N_("the whole health record"),
    "Patient": N_("name, birth date, address and numbers"),
    "Observation": N_("test results and measurements"),
    "DiagnosticReport": N_("test and imaging reports"),
    "Condition": N_("diagnoses and health problems"),
    "AllergyIntolerance": N_("allergies"),
    "MedicationRequest": N_("prescriptions"),
    "MedicationStatement": N_("medicines taken"),
    "MedicationDispense": N_("medicines handed out"),
    "MedicationAdministration": N_("medicines given"),
    "Immunization": N_("vaccinations"),
    "Procedure": N_("operations and procedures"),
    "Encounter": N_("visits"),
    "Appointment": N_("appointments"),
    "DocumentReference": N_("documents"),
    "CarePlan": N_("care plans"),
    "CareTeam": N_("the team that cares"),
    "Goal": N_("goals of care"),
    "ServiceRequest": N_("orders"),
    "Coverage": N_("health insurance"),
    "Claim": N_("claims and fees"),
    "ImagingStudy": N_("images"),
    "FamilyMemberHistory": N_("illnesses in the family"),
    "Practitioner": N_("doctors and staff"),
    "PractitionerRole": N_("roles of staff"),
    "Organization": N_("facilities"),
    "Location": N_("rooms and places"),
    "Medication": N_("the list of medicines"),
    "Consent": N_("consents"),
}
_OF = {
    "patient": N_("of this one patient"),
    "user": N_("of everyone whose record you may open"),
}
# Codes of categories that scopes are narrowed by.
_KINDS = {
    "laboratory": N_("laboratory"),
    "vital-signs": N_("vital signs"),
    "imaging": N_("imaging"),
    "procedure": N_("procedures"),
    "survey": N_("questionnaires"),
    "exam": N_("examinations"),
    "social-history": N_("way of life"),
    "encounter-diagnosis": N_("diagnoses of visits"),
    "problem-list-item": N_("lasting problems"),
    "clinical-note": N_("clinical notes"),
}
_ALWAYS = frozenset(("openid", "launch", "launch/patient", "launch/encounter"))
_PLAIN = {
    "profile": N_("Know your name"),
    "fhirUser": N_("Know who you are in the health record"),
    "offline_access": N_("Go on when you are not using it, until the end that you chose"),
    "online_access": N_("Go on while you stay signed in"),
    "yba.sensitive": N_(
        "See restricted kinds too: HIV, mental health, reproductive care of minors"
    ),
}


# What nobody grants by not looking.
UNTICKED = frozenset(("yba.sensitive",))


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a program asks for; the texts are msgids."""

    scope: str
    verb: str
    what: str = ""
    of: str = ""
    # Each of them a msgid, or a code that has no words here.
    only: tuple[str, ...] = ()
    is_writing: bool = False


def always(scopes: Sequence[str]) -> list[str]:
    """Return the scopes that nobody ticks: without them nothing is asked for."""
    return [name for name in scopes if name in _ALWAYS]


def ticked_at_first(scopes: Sequence[str]) -> list[str]:
    """Return the scopes that are granted where nobody changes a tick."""
    return [name for name in scopes if name not in UNTICKED]


def lines(scopes: Sequence[str]) -> list[Line]:
    """Return what scopes allow, one line each, in their order."""
    found: list[Line] = []
    for name in scopes:
        if name in _PLAIN:
            found.append(Line(name, _PLAIN[name]))
            continue
        for scope in granted_of((name,)).resources:
            only = tuple(
                _KINDS.get(code, code)
                for part in scope.query.split("&")
                if part
                for code in [unquote(part.partition("=")[2]).rpartition("|")[2]]
            )
            found.append(
                Line(
                    name,
                    _verb(scope.letters),
                    _TYPES.get(scope.type, scope.type),
                    _OF.get(scope.context, ""),
                    only,
                    bool({*"cud"} & {*scope.letters}),
                )
            )
    return found


def _verb(letters: str) -> str:
    sees, writes, deletes = (bool({*part} & {*letters}) for part in ("rs", "cu", "d"))
    match sees, writes, deletes:
        case True, False, False:
            return N_("See")
        case True, True, False:
            return N_("See and write")
        case True, _, True:
            return N_("See, write and delete")
        case False, True, False:
            return N_("Write")
        case False, True, True:
            return N_("Write and delete")
        case _:
            return N_("Delete")
