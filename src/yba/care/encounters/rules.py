"""What a visit must have before it may be closed, and who may bear which code. Pure."""

from datetime import date

from yba.care.encounters.model import Examination
from yba.foundation.parties.model import earliest_birth
from yba.plumbing.i18n import N_

MISSING_DOCTOR = N_("a doctor who saw the patient")
MISSING_EXAMINATION = N_("the doctor's examination")
MISSING_MAIN = N_("the main diagnosis")
MISSING_WEIGHT = N_("the weight, which the insurance claim asks for")

# Why a code is refused or doubted, by the kind that terminology names.
DIAGNOSIS_PROBLEMS: dict[str, str] = {
    "unknown": N_("This code is not in the list in force."),
    "unusable": N_("Not to be used: choose a more specific code."),
    "not-main": N_("May not be the main diagnosis."),
    "discouraged-main": N_("Discouraged as the main diagnosis."),
    "death-cause": N_("Only for causes of death."),
    "sex": N_("Does not fit the patient's sex."),
    "age": N_("Does not fit the patient's age."),
    "group": N_("A group of diseases: choose a more specific code."),
}


def missing(
    *, examination: Examination, has_main: bool, insured: bool, has_weight: bool, has_doctor: bool
) -> tuple[str, ...]:
    """Return what the record and the claim still need, as msgids."""
    found: list[str] = []
    if not has_doctor:
        found.append(MISSING_DOCTOR)
    if not (examination.findings.strip() or examination.history.strip()):
        found.append(MISSING_EXAMINATION)
    if not has_main:
        found.append(MISSING_MAIN)
    if insured and not has_weight:
        found.append(MISSING_WEIGHT)
    return tuple(found)


def age_days(birth_date: str, on: date) -> int | None:
    """Return the age in days, from the first day a partial date may mean."""
    if not birth_date:
        return None
    return max((on - earliest_birth(birth_date)).days, 0)
