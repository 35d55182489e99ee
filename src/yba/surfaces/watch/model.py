"""The rules that turn looks into questions. Pure: everything they need is handed in."""

from __future__ import annotations

import statistics
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from yba.kernel.clock import local
from yba.plumbing.i18n import N_

# Rule -> title, and the sentence that explains it.
RULES: dict[str, tuple[str, str]] = {
    "own": (
        N_("Own record"),
        N_("The person opened her own record with a staff account, not as a patient."),
    ),
    "family": (
        N_("Same family"),
        N_("The patient has the same family name and the same address as the person."),
    ),
    "neighbour": (
        N_("Neighbour"),
        N_("The patient lives at the same address or in the same ward as the person."),
    ),
    "flagged": (
        N_("Flagged record"),
        N_("The data protection officer has flagged this record as one that draws curiosity."),
    ),
    "unrelated": (
        N_("No care relationship"),
        N_("At that time nothing connected the person with the patient: no visit, order or grant."),
    ),
    "volume": (
        N_("Unusually many patients"),
        N_("On that day the person opened far more patients than her role does on other days."),
    ),
    "night": (
        N_("At night"),
        N_("The person opened many records at night although her role works by day."),
    ),
    "output": (
        N_("Many prints or exports"),
        N_("On that day the person printed or exported more than the facility expects."),
    ),
}


@dataclass(frozen=True, slots=True)
class Look:
    """One act on a record, as the reports need it."""

    at: datetime
    account_id: str
    actor_name: str
    actor_roles: list[str]
    purpose: str
    action: str
    what: str
    patient_id: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """A patient, or the patient record of somebody on the staff."""

    patient_id: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Relation:
    """Something that connects a holder (an account, a department) with a patient for a while."""

    patient_id: str
    holder: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when which figures hold."""

    valid_from: date
    source: str
    volume_z: float
    volume_least: int
    volume_history_days: int
    night_from_hour: int
    night_until_hour: int
    night_least: int
    night_roles: tuple[str, ...]
    output_least: int


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A question to one person about some looks."""

    rule: str
    account_id: str
    actor_name: str
    patient_id: str | None
    day: date
    count: int
    first_at: datetime
    last_at: datetime
    detail: str = ""
    """A figure that explains the count, "z 4.2"; never a value of a record."""

    @property
    def key(self) -> str:
        """Return what names this question for good, so that its review is found again."""
        parts = (self.rule, self.account_id, self.patient_id or "", self.day.isoformat())
        return sha256("\n".join(parts).encode()).hexdigest()[:24]


@dataclass(slots=True)
class Known:
    """What the rules may look up."""

    persons: Mapping[str, Person] = field(default_factory=dict[str, Person])
    """Patients, by id."""
    own: Mapping[str, str] = field(default_factory=dict[str, str])
    """The patient id of somebody on the staff, by account, where she has one."""
    flagged: frozenset[str] = frozenset()
    relations: Sequence[Relation] = ()
    history: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    """Patients a day of one person, for each person-day before, by role."""


@cache
def _all_thresholds() -> tuple[Thresholds, ...]:
    path = Path(__file__).parent / "data" / "thresholds.toml"
    rows: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["thresholds"]
    for row in rows:
        row["night_roles"] = tuple(row["night_roles"])
    return tuple(Thresholds(**row) for row in rows)


def thresholds_on(day: date) -> Thresholds:
    """Return the thresholds in force on `day`; the oldest for any day before all."""
    rows = sorted(_all_thresholds(), key=lambda row: row.valid_from)
    return next((row for row in reversed(rows) if row.valid_from <= day), rows[0])


def folded(text: str) -> str:
    """Return text without case, accents and double spaces."""
    plain = unicodedata.normalize("NFD", text.casefold()).replace("đ", "d")
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def family_name(name: str) -> str:
    """Return the family name of a Vietnamese name: its first word."""
    return folded(name).split(" ")[0] if name.strip() else ""


def ward_of(address: str) -> str:
    """Return an address without its first part (house and street), "" if it has no other."""
    _, _, rest = folded(address).partition(",")
    return rest.strip()


def is_staff(look: Look) -> bool:
    """Return whether somebody on the staff looked, not the patient nor the system."""
    return not {"citizen", "system"} & set(look.actor_roles) and look.purpose != "PATRQT"


def suspicions(
    looks: Iterable[Look], known: Known, *, thresholds: Callable[[date], Thresholds] = thresholds_on
) -> list[Suspicion]:
    """Return every question that the rules ask, newest day first, heaviest first within a day."""
    by_pair: dict[tuple[str, str, date], list[Look]] = defaultdict(list)
    by_day: dict[tuple[str, date], list[Look]] = defaultdict(list)
    for look in looks:
        if is_staff(look):
            day = local(look.at).date()
            by_day[look.account_id, day].append(look)
            if look.patient_id is not None:
                by_pair[look.account_id, look.patient_id, day].append(look)
    found: list[Suspicion] = []
    for (account_id, patient_id, day), group in by_pair.items():
        found += [
            _about(rule, group, day, patient_id)
            for rule in _kin_rules(account_id, patient_id, known)
        ]
        if patient_id in known.flagged:
            found.append(_about("flagged", group, day, patient_id))
        strange = [look for look in group if not _is_related(look, known.relations)]
        if strange and any("doctor" in x.actor_roles or "nurse" in x.actor_roles for x in strange):
            found.append(_about("unrelated", strange, day, patient_id))
    for (_, day), group in by_day.items():
        found += _of_a_day(group, day, known, thresholds(day))
    return sorted(found, key=lambda one: (one.day, one.count), reverse=True)


def _about(
    rule: str, looks: Sequence[Look], day: date, patient_id: str | None, detail: str = ""
) -> Suspicion:
    times = [look.at for look in looks]
    first = looks[0]
    return Suspicion(
        rule, first.account_id, first.actor_name, patient_id, day, len(looks), min(times),
        max(times), detail,
    )  # fmt: skip


def _kin_rules(account_id: str, patient_id: str, known: Known) -> list[str]:
    """Return the one rule about kinship that fits best: own, family, neighbour."""
    own_id = known.own.get(account_id)
    if own_id == patient_id:
        return ["own"]
    mine, hers = known.persons.get(own_id or ""), known.persons.get(patient_id)
    if mine is None or hers is None or not folded(mine.address):
        return []
    is_same_house = folded(mine.address) == folded(hers.address)
    if is_same_house and family_name(mine.name) == family_name(hers.name):
        return ["family"]
    is_same_ward = bool(ward_of(mine.address)) and ward_of(mine.address) == ward_of(hers.address)
    return ["neighbour"] if is_same_house or is_same_ward else []


def _is_related(look: Look, relations: Sequence[Relation]) -> bool:
    return any(
        one.patient_id == look.patient_id
        and one.since <= look.at < one.until
        and (one.holder == f"account:{look.account_id}" or one.holder.startswith("department:"))
        for one in relations
    )


def _of_a_day(
    looks: Sequence[Look], day: date, known: Known, limits: Thresholds
) -> list[Suspicion]:
    found: list[Suspicion] = []
    patients = len({look.patient_id for look in looks if look.patient_id})
    z = max((z_score(patients, known.history.get(r, ())) for r in looks[0].actor_roles), default=0)
    if patients >= limits.volume_least and z >= limits.volume_z:
        found.append(_about("volume", looks, day, None, f"z {z:.1f}; n {patients}"))
    nightly = [look for look in looks if _is_night(look, limits)]
    if len(nightly) >= limits.night_least and set(looks[0].actor_roles) <= set(limits.night_roles):
        found.append(_about("night", nightly, day, None))
    given = [look for look in looks if "print" in look.what or "export" in look.what]
    if len(given) >= limits.output_least:
        found.append(_about("output", given, day, None))
    return found


def z_score(value: int, history: Sequence[int]) -> float:
    """Return how many standard deviations `value` lies above the mean; 0 without a history.

    A history that never varies counts as varying by one.
    """
    if len(history) < 2:
        return 0.0
    return (value - statistics.mean(history)) / (statistics.stdev(history) or 1.0)


def _is_night(look: Look, limits: Thresholds) -> bool:
    hour = local(look.at).hour
    return hour >= limits.night_from_hour or hour < limits.night_until_hour
