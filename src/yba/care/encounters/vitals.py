"""Vital signs: codes, units, plausible limits and flags. Pure.

What lies outside the plausible range is a typing mistake and is refused;
what lies outside the normal range of the age is flagged. The limits are data.
Standard: FHIR R4 vital-signs profile, LOINC, UCUM.
"""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from importlib import resources

from yba.care.encounters.errors import VitalsImplausible
from yba.care.encounters.model import VitalSigns
from yba.plumbing.i18n import N_


@dataclass(frozen=True)
class NormalRange:
    """Normal values from an age in months on; `critical_*` call for help at once."""

    from_months: int
    low: Decimal | None
    high: Decimal | None
    critical_low: Decimal | None
    critical_high: Decimal | None


@dataclass(frozen=True)
class VitalKind:
    """One measured quantity."""

    field: str
    loinc: str
    name: str
    unit: str
    ucum: str
    lowest: Decimal
    highest: Decimal
    ranges: tuple[NormalRange, ...]

    def flag(self, value: Decimal, age_months: int | None) -> str:
        """Return "LL", "L", "", "H" or "HH" for a person of that age."""
        months = 12 * 30 if age_months is None else age_months
        fitting = [r for r in self.ranges if r.from_months <= months]
        if not fitting:
            return ""
        normal = fitting[-1]
        if normal.critical_low is not None and value < normal.critical_low:
            return "LL"
        if normal.critical_high is not None and value > normal.critical_high:
            return "HH"
        if normal.low is not None and value < normal.low:
            return "L"
        if normal.high is not None and value > normal.high:
            return "H"
        return ""


NAMES: dict[str, str] = {
    "pulse": N_("Pulse"),
    "temperature": N_("Temperature"),
    "systolic": N_("Systolic blood pressure"),
    "diastolic": N_("Diastolic blood pressure"),
    "breaths": N_("Breathing rate"),
    "saturation": N_("Oxygen saturation"),
    "weight": N_("Weight"),
    "height": N_("Height"),
    "body_mass_index": N_("Body mass index"),
}
PRESSURE = "85354-9"
_IMPLAUSIBLE = N_("This value is not plausible. Check it and its unit.")
_PRESSURE_PAIR = N_("Give both blood pressures, the upper one first.")


@lru_cache(maxsize=1)
def kinds() -> dict[str, VitalKind]:
    """Return every measured quantity in measuring order, by its field."""
    text = resources.files("yba.care.encounters").joinpath("data/vitals.toml").read_text("utf-8")
    table = tomllib.loads(text, parse_float=Decimal)
    return {entry["field"]: _kind(entry) for entry in table["vital"]}


def check(vitals: VitalSigns) -> None:
    """Raise VitalsImplausible, with the fields, for values that nobody can have."""
    problems: dict[str, str] = {}
    for field, value in measured(vitals).items():
        kind = kinds()[field]
        if not kind.lowest <= value <= kind.highest:
            problems[field] = _IMPLAUSIBLE
    pressures = (vitals.systolic, vitals.diastolic)
    if (pressures[0] is None) != (pressures[1] is None):
        problems["diastolic" if pressures[1] is None else "systolic"] = _PRESSURE_PAIR
    elif pressures[0] is not None and pressures[1] is not None and pressures[0] <= pressures[1]:
        problems["systolic"] = _PRESSURE_PAIR
    if problems:
        raise VitalsImplausible(fields=problems)


def measured(vitals: VitalSigns) -> dict[str, Decimal]:
    """Return what was measured or follows from it, in measuring order."""
    values = {field: getattr(vitals, field) for field in kinds()}
    return {field: value for field, value in values.items() if value is not None}


def _kind(entry: dict[str, object]) -> VitalKind:
    ranges = entry.get("normal", [])
    assert isinstance(ranges, list)
    return VitalKind(
        field=str(entry["field"]),
        loinc=str(entry["loinc"]),
        name=NAMES[str(entry["field"])],
        unit=str(entry["unit"]),
        ucum=str(entry["ucum"]),
        lowest=Decimal(str(entry["lowest"])),
        highest=Decimal(str(entry["highest"])),
        ranges=tuple(_range(item) for item in ranges),
    )


def _range(item: dict[str, object]) -> NormalRange:
    def limit(name: str) -> Decimal | None:
        return None if item.get(name) is None else Decimal(str(item[name]))

    return NormalRange(
        from_months=int(str(item.get("from_months", 0))),
        low=limit("low"),
        high=limit("high"),
        critical_low=limit("critical_low"),
        critical_high=limit("critical_high"),
    )
