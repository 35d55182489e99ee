"""Where fictitious people live: provinces by population, communes, peoples."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from yba.app.fiction.dice import Dice, Weighted
from yba.foundation.terminology import service as terminology

_KINH = "01"
_STREETS = [
    "Nguyễn Huệ",
    "Lê Lợi",
    "Trần Hưng Đạo",
    "Hai Bà Trưng",
    "Lý Thường Kiệt",
    "Quang Trung",
    "Ngô Quyền",
    "Hùng Vương",
    "Nguyễn Trãi",
    "Phan Chu Trinh",
    "Phan Bội Châu",
    "Hoàng Hoa Thám",
    "Lê Hồng Phong",
    "Điện Biên Phủ",
    "Nguyễn Du",
    "Trường Chinh",
    "Võ Thị Sáu",
    "Lê Duẩn",
    "Bà Triệu",
    "Cách Mạng Tháng Tám",
]


@dataclass(frozen=True, slots=True)
class Commune:
    """One commune with its province."""

    code: str
    name: str
    is_urban: bool


@dataclass(frozen=True, slots=True)
class Province:
    """One province: its communes, its peoples, the old codes its cards carry."""

    code: str
    name: str
    communes: Sequence[Commune]
    peoples: Weighted[str]
    card_codes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Home:
    """The address of a household."""

    province: Province
    commune: Commune
    address: str
    ethnicity: str


@cache
def _provinces() -> Weighted[Province]:
    text = files("yba.app.fiction").joinpath("data", "provinces.toml").read_text(encoding="utf-8")
    data: Mapping[str, Mapping[str, Any]] = tomllib.loads(text)
    communes: dict[str, list[Commune]] = {}
    for item in terminology.shipped_concepts("commune"):
        home = str(item.properties["province"])
        is_urban = item.name_vi.startswith("Phường")
        communes.setdefault(home, []).append(Commune(item.code, item.name_vi, is_urban))
    shares: dict[Province, float] = {}
    for item in terminology.shipped_concepts("province"):
        if item.valid_to is not None:
            continue
        entry = data[item.code]
        others: Mapping[str, float] = entry.get("peoples", {})
        peoples = {_KINH: 100.0 - sum(others.values()), **others}
        province = Province(
            item.code,
            item.name_vi,
            tuple(communes[item.code]),
            Weighted.of(peoples),
            tuple(item.properties["merged_from"]),
        )
        shares[province] = float(entry["weight"])
    return Weighted(tuple(shares), Weighted.of(dict(enumerate(shares.values()))).sums)


def home(dice: Dice) -> Home:
    """Return where a household lives."""
    province = dice.weighted(_provinces())
    commune = dice.pick(province.communes)
    number = dice.between(1, 380)
    if commune.is_urban:
        place = f"Số {number} đường {dice.pick(_STREETS)}"
    else:
        place = f"Thôn {dice.between(1, 14)}"
    prefix = "thành phố" if province.code in _CITIES else "tỉnh"
    name = province.name.removeprefix("Thành phố ")
    address = f"{place}, {_lower_first(commune.name)}, {prefix} {name}"
    return Home(province, commune, address, dice.weighted(province.peoples))


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]


@cache
def _city_codes() -> frozenset[str]:
    return frozenset(
        item.code
        for item in terminology.shipped_concepts("province")
        if item.valid_to is None and item.properties["kind"] == "city"
    )


_CITIES = _city_codes()
