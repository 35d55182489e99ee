"""What the rules look up: code lists and benefit rules, by day.

Pure once made. The shipped lists are always at hand; a node that has loaded
the ministry's full lists hands those in instead. A list that is only a
selection cannot show that a code is wrong, so it is asked for names only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache

from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.model import Concept, normal_code, system_name
from yba.money.charging import service as charging
from yba.money.charging.model import Card

# Shipped whole, so that a code that is not in them is wrong.
_WHOLE = frozenset(
    [
        "gioi_tinh",
        "ket_qua_dtri",
        "ma_loai_rv",
        "ma_loai_kcb",
        "ma_doituong_kcb",
        "ma_nhom",
        "pham_vi",
        "ma_pttt",
        "nguon_ctra",
        "pp_vo_cam",
        "ma_lydo_ct",
        "ma_khuvuc",
        "ma_tai_nan",
        "loai_dtri_lao",
        "phanloai_lao_vitri",
        "phanloai_lao_ts",
        "phanloai_lao_hiv",
        "phanloai_lao_vk",
        "phanloai_lao_kt",
        "phacdo_dtri_lao",
        "ket_qua_dtri_lao",
        "province",
        "card_province",
        "commune",
        "ethnicity",
        "card_prefix",
        "ma_may_group",
        "ma_may_source",
        "xml6_ma_lydo_dtri",
        "xml6_sang_loc_lao",
        "xml6_kq_dtri_lao",
        "xml6_ma_lydo_xntl_vr",
        "xml6_kq_xntl_vr",
        "xml6_ma_loai_bn",
        "xml6_giai_doan_lam_sang",
        "xml6_nhom_doi_tuong",
        "xml6_ma_tinh_trang_dk",
        "xml6_ma_xu_tri",
        "xml6_ly_do_chuyen_phac_do",
    ]
)
_REMEMBERED = 200_000
_USED = (*sorted(_WHOLE), "icd10", "ma_quoctich")


@dataclass(frozen=True, slots=True)
class CodeLists:
    """Code lists in memory; `whole` names those in which a missing code is a wrong code."""

    concepts: Mapping[str, Mapping[str, tuple[Concept, ...]]]
    whole: frozenset[str]
    begins: Mapping[str, date]  # the first day a list knows anything of
    # Files come by the thousand with the same few codes.
    asked: dict[tuple[str, str, date], bool] = field(
        default_factory=dict[tuple[str, str, date], bool], compare=False, repr=False
    )

    def get(self, system: str, code: str, on: date) -> Concept | None:
        """Return the concept in force on that day, or None."""
        name = system_name(system)
        for item in self.concepts.get(name, {}).get(normal_code(name, code), ()):
            if item.is_valid(on):
                return item
        return None

    def refutes(self, system: str, code: str, on: date) -> bool:
        """Return whether the list is whole, reaches back to `on` and lacks the code."""
        key = (system, code, on)
        known = self.asked.get(key)
        if known is None:
            if len(self.asked) >= _REMEMBERED:
                self.asked.clear()
            known = self.asked[key] = self._refutes(system_name(system), code, on)
        return known

    def _refutes(self, name: str, code: str, on: date) -> bool:
        if name not in self.whole or self.get(name, code, on) is not None:
            return False
        return self.begins.get(name, date.max) <= on


def _index(items: Iterable[Concept]) -> Mapping[str, tuple[Concept, ...]]:
    found: dict[str, tuple[Concept, ...]] = {}
    for item in items:
        found[item.code] = (*found.get(item.code, ()), item)
    return found


def _lists(
    concepts: Mapping[str, Mapping[str, tuple[Concept, ...]]], whole: frozenset[str]
) -> CodeLists:
    begins = {
        name: min(item.valid_from for items in codes.values() for item in items)
        for name, codes in concepts.items()
        if codes
    }
    return CodeLists(concepts, whole, begins)


@cache
def shipped_lists() -> CodeLists:
    """Return the lists inside the program."""
    return _lists({name: _index(terminology.shipped_concepts(name)) for name in _USED}, _WHOLE)


def with_diagnoses(lists: CodeLists, diagnoses: Iterable[Concept]) -> CodeLists:
    """Return `lists` with the ministry's whole ICD-10 list in place of the selection."""
    return _lists({**lists.concepts, "icd10": _index(diagnoses)}, lists.whole | {"icd10"})


@dataclass(frozen=True, slots=True)
class Standing:
    """What a category means for one kind of care on one day; factor None: not for that care."""

    factor: int | None
    full_cover: bool
    right_line: bool
    uninsured: bool
    by_original: bool


class Benefits:
    """Levels, factors and amounts by day, from the same data that charging splits with."""

    def __init__(self) -> None:
        self._rulebook = charging.rulebook()
        # Files come by the thousand and ask the same few questions.
        self._levels: dict[tuple[str, date], Decimal] = {}
        self._standings: dict[tuple[str, date, bool], Standing | None] = {}

    def small_visit_limit(self, on: date) -> Decimal:
        """Return 15 % of the base salary."""
        return self._rulebook.small_visit_limit(on)

    def package_ceiling(self, on: date) -> Decimal:
        """Return T_TRANTT of one package."""
        return self._rulebook.package_ceiling(on)

    def level(self, card: str, on: date) -> Decimal:
        """Return the level of a card in per cent."""
        key = (card[:3], on)
        if key not in self._levels:
            full = f"{card[:3]:<3}000000000000"
            self._levels[key] = self._rulebook.card_level(Card(full, date.min, None), on)[0]
        return self._levels[key]

    def standing(self, category: str, on: date, *, is_inpatient: bool) -> Standing | None:
        """Return what the category means, None if there is no such category that day."""
        key = (category, on, is_inpatient)
        if key not in self._standings:
            self._standings[key] = self._find(category, on, is_inpatient=is_inpatient)
        return self._standings[key]

    def _find(self, category: str, on: date, *, is_inpatient: bool) -> Standing | None:
        if category not in self._rulebook.category_codes(on):
            return None
        found = self._rulebook.category(category, on)
        return Standing(
            factor=found.factor(is_inpatient=is_inpatient),
            full_cover=found.full_cover,
            right_line=found.right_line,
            uninsured=found.uninsured,
            by_original=found.by_original,
        )


@cache
def shipped_benefits() -> Benefits:
    """Return the benefit rules inside the program."""
    return Benefits()


@dataclass(frozen=True, slots=True)
class Reference:
    """Everything a check may look up."""

    lists: CodeLists
    benefits: Benefits


@cache
def shipped() -> Reference:
    """Return what is inside the program."""
    return Reference(shipped_lists(), shipped_benefits())
