"""Names as they are given in Vietnam: by people, sex and generation."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from yba.app.fiction.dice import Dice, Weighted
from yba.app.fiction.model import Sex


@dataclass(frozen=True, slots=True)
class _People:
    """How one people names its children; empty lists fall back to the majority's."""

    family: Sequence[str]
    given: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Names:
    family: Weighted[str]
    middle: Mapping[tuple[str, str], Sequence[str]]
    given: Mapping[tuple[str, str], Sequence[str]]
    peoples: Mapping[str, _People]


@cache
def _names() -> _Names:
    text = files("yba.app.fiction").joinpath("data", "names.toml").read_text(encoding="utf-8")
    data: Mapping[str, Any] = tomllib.loads(text)

    def lists(part: str) -> dict[tuple[str, str], Sequence[str]]:
        return {
            (sex, generation): tuple(names.split())
            for sex, generations in data[part].items()
            for generation, names in generations.items()
        }

    peoples: dict[str, _People] = {}
    for code, entry in data["people"].items():
        given = {sex: tuple(entry[sex].split()) for sex in ("male", "female") if sex in entry}
        peoples[code] = _People(tuple(entry["family"].split()), given)
    return _Names(Weighted.of(data["family"]), lists("middle"), lists("given"), peoples)


def generation(birth_year: int) -> str:
    """Return which fashion of names a person was born into."""
    if birth_year < 1975:
        return "old"
    return "mid" if birth_year < 2000 else "new"


def family_name(dice: Dice, ethnicity: str) -> str:
    """Return a family name of that people."""
    names = _names()
    people = names.peoples.get(ethnicity)
    return dice.pick(people.family) if people else dice.weighted(names.family)


def full_name(dice: Dice, *, family: str, ethnicity: str, sex: Sex, birth_year: int) -> str:
    """Return a full name: family, middle and given name."""
    names = _names()
    people = names.peoples.get(ethnicity)
    if people and people.given:
        return f"{family} {dice.pick(people.given[sex])}"
    key = (sex, generation(birth_year))
    middle, given = dice.pick(names.middle[key]), dice.pick(names.given[key])
    if middle == given:
        given = dice.pick(names.given[key])
    if dice.chance(0.12) and middle not in ("Văn", given):
        second = dice.pick(names.middle[key])
        if second not in (middle, given, "Văn", "Thị"):
            middle = f"{middle} {second}"
    return f"{family} {middle} {given}"
