"""What is measured: vital signs and results, around the normal or as the illness says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from yba.app.fiction.dice import Dice
from yba.app.fiction.model import FictitiousPerson, FictitiousResult, FictitiousVitals
from yba.app.fiction.scenarios import Finding, shipped
from yba.foundation.terminology.model import Concept

# pattern → (pulse, temperature, systolic, breathing, oxygen) added to the normal
_PATTERNS: Mapping[str, tuple[float, float, float, float, float]] = {
    "normal": (0, 0, 0, 0, 0),
    "fever": (18, 1.9, 0, 3, 0),
    "pain": (8, 0.2, 8, 1, 0),
    "bp": (4, 0, 28, 0, 0),
    "sob": (16, 0.9, 4, 8, -4),
    "tachy": (30, 0.1, 6, 2, 0),
    "shock": (38, 0, -28, 6, -1),
}
_BLOOD_GROUPS = ("1000131", "1000132")
_ORDINARY_ECG = "Nhịp xoang đều, trục trung gian"
_ORDINARY = "Chưa phát hiện bất thường"


def vitals(
    dice: Dice, *, person: FictitiousPerson, pattern: str, at: datetime, share: float
) -> FictitiousVitals:
    """Return vital signs; `share` of the deviation is left (it fades during a stay)."""
    age = person.age_years(at.date())
    pulse, heat, pressure, breaths, oxygen = (part * share for part in _PATTERNS[pattern])
    calm = 120 - 4 * age if age < 12 else 76
    breathing = 34 - 1.4 * age if age < 12 else 18
    top = 112 + max(0, age - 30) * 0.5 + pressure + 7 * dice.bell()
    has_pressure = age >= 6
    return FictitiousVitals(
        at=at,
        pulse=round(calm + pulse + 5 * dice.bell()),
        temperature=Decimal(round((36.7 + heat + 0.2 * dice.bell()) * 10)) / 10,
        systolic=round(top / 5) * 5 if has_pressure else None,
        diastolic=round(top * 0.62 / 5) * 5 if has_pressure else None,
        breathing=round(breathing + breaths + dice.bell()),
        oxygen=min(100, round(97.6 + oxygen + 0.6 * dice.bell())),
        weight_kg=person.weight_kg,
        height_cm=person.height_cm,
    )


def laboratory(
    dice: Dice,
    *,
    service: Concept,
    person: FictitiousPerson,
    findings: Mapping[str, Finding],
    at: datetime,
) -> tuple[FictitiousResult, ...]:
    """Return a result for every index of a laboratory service."""
    indexes: Sequence[str] = service.properties.get("indexes", ())
    return tuple(
        _result(dice, index=shipped("lab_index", code), person=person, findings=findings, at=at)
        for code in indexes
    )


def _result(
    dice: Dice,
    *,
    index: Concept,
    person: FictitiousPerson,
    findings: Mapping[str, Finding],
    at: datetime,
) -> FictitiousResult:
    deviation = findings[index.code].deviation if index.code in findings else ""
    answers: Sequence[str] = index.properties.get("answers", ())
    if answers:
        text = deviation if deviation in answers else _usual(dice, index, person, answers)
        is_odd = text != answers[0] and index.code not in _BLOOD_GROUPS
        return FictitiousResult(
            index.code, index.name_vi, None, text, "", None, None, "A" if is_odd else "", "", at
        )
    low, high = _range(index.code, is_female=person.sex == "female")
    places = int(index.properties["decimals"])
    value = _measured(dice, index.properties, low=low, high=high, deviation=deviation)
    number = Decimal(round(value * 10**places)).scaleb(-places)
    flag = "L" if number < low else "H" if number > high else ""
    return FictitiousResult(
        index=index.code,
        name=index.name_vi,
        value=number,
        text=f"{number:f}",
        unit=str(index.properties.get("unit", "")),
        low=low,
        high=high,
        flag=flag,
        conclusion="",
        result_at=at,
    )


def _usual(dice: Dice, index: Concept, person: FictitiousPerson, answers: Sequence[str]) -> str:
    if index.code == _BLOOD_GROUPS[0]:
        return person.blood_group.rstrip("+") or dice.pick(answers)
    return answers[0]


@cache
def _range(code: str, *, is_female: bool) -> tuple[Decimal, Decimal]:
    properties = shipped("lab_index", code).properties
    low, high = properties["low"], properties["high"]
    if is_female:
        low, high = properties.get("low_f", low), properties.get("high_f", high)
    return Decimal(str(low)), Decimal(str(high))


def _measured(
    dice: Dice, properties: Mapping[str, Any], *, low: Decimal, high: Decimal, deviation: str
) -> float:
    bottom, top, spread = float(low), float(high), float(properties["spread"])
    if deviation == "high":
        return top * dice.real(1.5, 9.0) if bottom == 0 else top + spread * dice.real(1.0, 5.0)
    if deviation == "low":
        return max(bottom * 0.15, bottom - spread * dice.real(0.8, 3.0))
    middle = top * 0.4 if bottom == 0 else (bottom + top) / 2
    return min(top, max(bottom, middle + 0.5 * spread * dice.bell()))


def reading(service: Concept, text: str, at: datetime) -> tuple[FictitiousResult, ...]:
    """Return the reading of an image or a functional test."""
    ordinary = _ORDINARY_ECG if service.code.startswith("21.0014") else _ORDINARY
    conclusion = text or ordinary
    return (
        FictitiousResult(
            "",
            service.name_vi,
            None,
            conclusion,
            "",
            None,
            None,
            "A" if text else "",
            conclusion,
            at,
        ),
    )
