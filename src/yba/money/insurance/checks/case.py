"""One episode laid out for the rules: rows by table, days, cards, lists."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from yba.money.insurance.claim import Age, Episode, Row, read_birth, read_day, read_moment
from yba.money.insurance.reference import Reference, Standing

# What a rule yields: the row, the field, and what was expected (may be empty).
Hit = tuple[Row, str, str]
EpisodeRule = Callable[["Case"], Iterator[Hit]]
RowRule = Callable[[Row, "Case"], Iterator[Hit]]

OUTPATIENT = frozenset({"01", "02", "05", "07", "08", "10", "11", "12", "13", "14", "15", "16"})
INPATIENT = frozenset({"03", "04", "06", "09"})
FORCES = frozenset({"QN", "CA", "CY"})
NO_END_NEEDED = frozenset({"QN", "HC", "LS", "XK", "CY", "CA"})
BEDS = frozenset({"14", "15", "16"})
TESTS = frozenset({"1", "2", "3"})
PERFORMED = frozenset({"1", "2", "3", "8", "18"})
SUPPLIES = frozenset({"10", "11"})
EXAM = "13"
SURGERY = "8"
TOLERANCE = Decimal(1)
_SHORT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Options:
    """What the file is for: `for_payment` asks for signature and payment time too."""

    for_payment: bool = False
    facility: str = ""


class Case:
    """An episode with what most rules ask of it."""

    def __init__(
        self,
        episode: Episode,
        *,
        reference: Reference,
        created: date | None,
        options: Options,
        default_day: date,
    ) -> None:
        main = episode.main
        self.episode = episode
        self.main = main
        self.drugs = episode.rows("XML2")
        self.services = episode.rows("XML3")
        self.lines = self.drugs + self.services
        self.tests = episode.rows("XML4")
        self.notes = episode.rows("XML5")
        self.lists = reference.lists
        self.benefits = reference.benefits
        self.options = options
        self.created = created
        self.on = episode.end_day(default_day)
        self.care = main["MA_LOAI_KCB"]
        self.category = main["MA_DOITUONG_KCB"]
        self.is_inpatient = self.care in INPATIENT
        self.arrived: datetime | None = read_moment(main["NGAY_VAO"])
        self.ended: datetime | None = read_moment(main["NGAY_RA"])
        self.born, self.birth_time_known = read_birth(main["NGAY_SINH"])
        self.birth_day_known = main["NGAY_SINH"][4:8] != "0000"
        self.cards = [card for card in main.parts("MA_THE_BHYT") if card]
        self.service_rows: dict[str, Row] = {r["MA_DICH_VU"]: r for r in reversed(self.services)}
        self._levels: set[Decimal] | None = None
        self.age: Age | None = None
        if self.born is not None and self.arrived is not None:
            self.age = Age.between(self.born, self.arrived.date())

    @property
    def groups(self) -> frozenset[str]:
        """Return the group letters of the cards."""
        return frozenset(card[:2].upper() for card in self.cards)

    @property
    def is_forces(self) -> bool:
        """Return whether a card is of the army, the police or the cipher service."""
        return bool(self.groups & FORCES)

    def standing(self) -> Standing | None:
        """Return what the category means at the end of care."""
        return self.benefits.standing(self.category, self.on, is_inpatient=self.is_inpatient)

    def levels(self) -> set[Decimal]:
        """Return the level of each card, at each day a line was ordered."""
        if self._levels is None:
            days = {self.on}
            days.update(day for row in self.lines if (day := read_day(row["NGAY_YL"][:8])))
            self._levels = {self.benefits.level(card, day) for card in self.cards for day in days}
        return self._levels

    def is_within_a_day(self) -> bool:
        """Return whether care began and ended within 24 hours."""
        return bool(self.arrived and self.ended and self.ended - self.arrived <= _SHORT)

    def codes(self) -> list[str]:
        """Return main and accompanying ICD-10 codes."""
        return [self.main["MA_BENH_CHINH"].strip(), *self.main.parts("MA_BENH_KT")]


def is_sent_out(row: Row) -> bool:
    """Return whether the service was done at another facility (`.K.` in its code)."""
    return ".K." in row["MA_DICH_VU"]


def hit(row: Row, field: str, expected: str = "") -> Hit:
    """Return a hit at that field."""
    return row, field, expected
