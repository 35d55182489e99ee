"""Which resources belong into which section of a patient summary, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from yba.fhir import r4
from yba.plumbing.i18n import N_

Resources = Sequence[Any]
_HL7 = "http://terminology.hl7.org/CodeSystem/"
_CATEGORY = _HL7 + "observation-category"
_LOINC = "http://loinc.org"
TOBACCO, ALCOHOL, PREGNANCY_STATUS = "72166-2", "74013-4", "82810-3"
_EXPECTED_DELIVERY = frozenset({"11778-8", "11779-6", "11780-4"})
_PREGNANCY_OUTCOMES = frozenset({
    "11636-8", "11637-6", "11638-4", "11639-2", "11640-0", "11612-9", "11613-7", "11614-5",
    "33065-4",
})  # fmt: skip
_PREGNANCY = _EXPECTED_DELIVERY | _PREGNANCY_OUTCOMES | {PREGNANCY_STATUS}
_OVER = frozenset({"inactive", "remission", "resolved"})
_SAID = frozenset({"amended", "corrected", "final", "preliminary"})
# A course of medicine that ended longer ago than this is no current medication.
_STILL_CURRENT = timedelta(days=90)
_MOST = 100
_MOST_REPORTS = 20

# What a summary is made from, beside the patient.
TYPES = (
    "AllergyIntolerance", "CarePlan", "Condition", "Consent", "Device", "DeviceUseStatement",
    "DiagnosticReport", "Flag", "Immunization", "MedicationRequest", "MedicationStatement",
    "Observation", "Procedure",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its LOINC code, title (a msgid), and how its resources are chosen."""

    code: str
    display: str
    title: str
    choose: Callable[[Chosen], Resources]
    required: bool = False


class Chosen:
    """The resources of one patient by type, newest first, at one moment."""

    def __init__(self, resources: Iterable[Any], at: datetime) -> None:
        self.at = at
        self._by_type: dict[str, list[Any]] = {}
        for resource in resources:
            self._by_type.setdefault(type(resource).__name__, []).append(resource)

    def of(self, type_: str) -> list[Any]:
        """Return the resources of a type."""
        return self._by_type.get(type_, [])

    def observations(self, wanted: Callable[[r4.Observation], bool]) -> Resources:
        """Return the newest observation of each kind among those wanted."""
        found = (one for one in self.of("Observation") if one.status in _SAID and wanted(one))
        return newest_of_each(found)[:_MOST]


def codes(concept: r4.CodeableConcept | None, system: str = "") -> set[str]:
    """Return the codes of a concept, of one system or of any."""
    codings = concept.coding or () if concept else ()
    return {c.code for c in codings if c.code and (not system or c.system == system)}


def _in(category: str) -> Callable[[r4.Observation], bool]:
    def belongs(one: r4.Observation) -> bool:
        return any(category in codes(c, _CATEGORY) for c in one.category or ())

    return belongs


def _about_pregnancy(one: r4.Observation) -> bool:
    return not _PREGNANCY.isdisjoint(codes(one.code, _LOINC))


def _social(one: r4.Observation) -> bool:
    known = codes(one.code, _LOINC)
    return TOBACCO in known or ALCOHOL in known or _in("social-history")(one)


def newest_of_each(resources: Iterable[Any]) -> list[Any]:
    """Return the first resource of each code; one without a code stands for itself."""
    seen: set[object] = set()
    kept: list[Any] = []
    for one in resources:
        kind = _kind(one)
        if kind is None or kind not in seen:
            seen.add(kind)
            kept.append(one)
    return kept


def _kind(resource: Any) -> object:
    concept = getattr(resource, "code", None) or getattr(
        resource, "medicationCodeableConcept", None
    )
    if isinstance(concept, r4.CodeableConcept):
        for coding in concept.coding or ():
            if coding.code:
                return coding.system, coding.code
        return concept.text
    medication = getattr(resource, "medicationReference", None)
    return medication.reference if medication else None


def _believed(resource: Any) -> bool:
    return codes(resource.verificationStatus).isdisjoint({"entered-in-error", "refuted"})


def _problems(chosen: Chosen) -> Resources:
    found = (
        one for one in chosen.of("Condition")
        if _believed(one) and _OVER.isdisjoint(codes(one.clinicalStatus))
    )  # fmt: skip
    return newest_of_each(found)[:_MOST]


def _past_problems(chosen: Chosen) -> Resources:
    found = (
        one for one in chosen.of("Condition")
        if _believed(one) and not _OVER.isdisjoint(codes(one.clinicalStatus))
    )  # fmt: skip
    return newest_of_each(found)[:_MOST]


def _allergies(chosen: Chosen) -> Resources:
    return [
        one for one in chosen.of("AllergyIntolerance")
        if _believed(one) and _OVER.isdisjoint(codes(one.clinicalStatus))
    ][:_MOST]  # fmt: skip


def _medications(chosen: Chosen) -> Resources:
    requests = (
        one for one in chosen.of("MedicationRequest")
        if one.status in ("active", "on-hold", "unknown") and not one.doNotPerform
        and _still_taken(one, chosen.at)
    )  # fmt: skip
    statements = (
        one for one in chosen.of("MedicationStatement")
        if one.status in ("active", "intended", "on-hold", "unknown")
    )  # fmt: skip
    return newest_of_each([*statements, *requests])[:_MOST]


def _still_taken(request: r4.MedicationRequest, at: datetime) -> bool:
    dispensed = request.dispenseRequest
    duration = dispensed.expectedSupplyDuration if dispensed else None
    if duration is None or duration.value is None or duration.code not in ("d", None):
        return True
    if not request.authoredOn or len(request.authoredOn) < 10:
        return True
    began = datetime.fromisoformat(request.authoredOn[:10]).replace(tzinfo=at.tzinfo)
    return began + timedelta(days=min(float(duration.value), 36_500.0)) + _STILL_CURRENT >= at


def _results(chosen: Chosen) -> Resources:
    reports = [
        one for one in chosen.of("DiagnosticReport")
        if one.status in _SAID and any("LAB" in codes(c) for c in one.category or ())
    ]  # fmt: skip
    return [*chosen.observations(_in("laboratory")), *reports[:_MOST_REPORTS]]


def _devices(chosen: Chosen) -> Resources:
    return [
        one for one in chosen.of("DeviceUseStatement") if one.status in ("active", "on-hold")
    ][:_MOST]  # fmt: skip


def _with_status(type_: str, *statuses: str) -> Callable[[Chosen], Resources]:
    def choose(chosen: Chosen) -> Resources:
        return [one for one in chosen.of(type_) if one.status in statuses][:_MOST]

    return choose


def _advance_directives(chosen: Chosen) -> Resources:
    return [
        one for one in chosen.of("Consent") if one.status == "active" and "adr" in codes(one.scope)
    ]


def _pregnancy(chosen: Chosen) -> Resources:
    return chosen.observations(_about_pregnancy)


def _social_history(chosen: Chosen) -> Resources:
    return chosen.observations(_social)


def _vital_signs(chosen: Chosen) -> Resources:
    return chosen.observations(_in("vital-signs"))


SECTIONS: tuple[Section, ...] = (
    Section("11450-4", "Problem list - Reported", N_("Problem list"), _problems, True),
    Section(
        "48765-2", "Allergies and adverse reactions Document", N_("Allergies and intolerances"),
        _allergies, True,
    ),
    Section(
        "10160-0", "History of Medication use Narrative", N_("Medication summary"), _medications,
        True,
    ),
    Section(
        "11369-6", "History of Immunization Narrative", N_("Immunizations received"),
        _with_status("Immunization", "completed"),
    ),
    Section(
        "30954-2", "Relevant diagnostic tests/laboratory data note", N_("Test results"), _results
    ),
    Section(
        "47519-4", "History of Procedures Document", N_("History of procedures"),
        _with_status("Procedure", "completed", "in-progress", "on-hold"),
    ),
    Section(
        "46264-8", "History of medical device use", N_("Medical devices in use"), _devices
    ),
    Section("8716-3", "Vital signs note", N_("Latest vital signs"), _vital_signs),
    Section("10162-6", "History of pregnancies Narrative", N_("History of pregnancy"), _pregnancy),
    Section("29762-2", "Social history note", N_("Social history"), _social_history),
    Section(
        "11348-0", "History of Past illness note", N_("History of past illness"), _past_problems
    ),
    Section("104605-1", "Alert", N_("Alerts for whoever treats"), _with_status("Flag", "active")),
    Section("42348-3", "Advance healthcare directives", N_("Advance directives"),
            _advance_directives),
    Section("18776-5", "Plan of care note", N_("Plan of care"), _with_status("CarePlan", "active")),
)  # fmt: skip
