"""Which card covers a line, and how high: MUC_HUONG.

Pure. The category of the visit and the 15 % rule are looked up at the end of
care; cards and the exemption count from the moment of each line.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from yba.kernel.clock import VIETNAM, local_date
from yba.money.charging.errors import CategoryNotForCare, NoOriginalCategory
from yba.money.charging.model import ZERO, Card, CoverageTerms
from yba.money.charging.rulebook import Category, Rulebook

FULL = Decimal(100)


@dataclass(frozen=True, slots=True)
class Cover:
    """The card that counts for one line, and why."""

    card: Card | None
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What the category of the visit means at the end of care."""

    category: Category
    factor: int
    full_cover: bool
    right_line: bool

    @property
    def uninsured(self) -> bool:
        """Return whether insurance takes no part at all."""
        return self.category.uninsured


def standing(terms: CoverageTerms, rules: Rulebook) -> Standing:
    """Return factor and line of the visit.

    Raises UnknownCategory, CategoryNotForCare or NoOriginalCategory.
    """
    on = local_date(terms.ended_at)
    category = rules.category(terms.category, on)
    decisive = category
    if category.by_original:
        if not terms.original_category:
            raise NoOriginalCategory(category=category.code)
        decisive = rules.category(terms.original_category, on)
    factor = decisive.factor(is_inpatient=terms.is_inpatient)
    if factor is None:
        raise CategoryNotForCare(category=decisive.code, instead=decisive.instead)
    return Standing(category, factor, decisive.full_cover, decisive.right_line)


def cover_at(moment: datetime, terms: CoverageTerms, rules: Rulebook) -> Cover:
    """Return the card that covers a line ordered at `moment`.

    Of several the highest level counts. A card that ran out during the stay
    counts for the dated number of days more.
    """
    day = local_date(moment)
    emergency = terms.is_emergency or terms.category == "2"
    shown = [
        card
        for card in terms.cards
        if emergency or card.shown_at is None or card.shown_at <= moment
    ]
    valid = [c for c in shown if c.valid_from <= day and (c.valid_to is None or day <= c.valid_to)]
    if valid:
        return Cover(_highest(valid, day, rules))
    grace = timedelta(days=rules.expired_card_days(day))
    arrived = local_date(terms.arrived_at)
    expired = [
        c
        for c in shown
        if c.valid_to is not None
        and arrived <= c.valid_to < day <= c.valid_to + grace
        and c.valid_from <= day
    ]
    if expired:
        return Cover(_highest(expired, day, rules), ("card.expired-in-stay",))
    if len(shown) < len(terms.cards):
        return Cover(None, ("card.not-shown-yet",))
    return Cover(None, ("card.not-valid",) if terms.cards else ())


def _highest(cards: list[Card], day: date, rules: Rulebook) -> Card:
    return max(cards, key=lambda card: (rules.card_level(card, day)[0], card.valid_from))


def level_of(
    card: Card, place: Standing, *, on: date, small: bool, exempt: bool, rules: Rulebook
) -> tuple[Decimal, tuple[str, ...]]:
    """Return MUC_HUONG of a covered line and the rules that made it."""
    if place.full_cover:
        return FULL, ("level.primary-station",)
    if small:
        return FULL, ("level.small-visit",)
    if exempt:
        return FULL, ("level.exempt",)
    level, rule = rules.card_level(card, on)
    if place.factor == 100:
        return level, (rule,)
    decimals = Decimal(1).scaleb(-rules.level_decimals(on))
    combined = (level * place.factor / 100).quantize(decimals, ROUND_DOWN)
    return combined, (rule, f"factor.{place.category.code}")


class Exemption:
    """Follows the co-payments of each year up to the moment that ends them.

    Counted in base salaries, each payment by the salary of its day, so that
    the change in the middle of 2026 needs no special case. The minute after
    the limit is passed begins the exemption; it ends with the year.
    """

    def __init__(self, terms: CoverageTerms, rules: Rulebook) -> None:
        self._terms = terms
        self._rules = rules
        self._months: dict[int, Decimal] = {}
        self._passed: dict[int, datetime] = {}
        self.begins: datetime | None = terms.exempt_from
        for paid in terms.co_paid:
            self._add(paid.on, paid.amount, None)

    def holds(self, moment: datetime) -> bool:
        """Return whether a line ordered at `moment` is free of co-payment."""
        day = local_date(moment)
        given = self._terms.exempt_from
        if given is not None and given <= moment and local_date(given).year == day.year:
            return True
        reached = self._reached(day)
        if reached is None or moment < reached:
            return False
        if self.begins is None:
            self.begins = reached
        return True

    def pay(self, moment: datetime, amount: Decimal) -> None:
        """Count a co-payment of this visit."""
        self._add(local_date(moment), amount, moment)

    def _reached(self, day: date) -> datetime | None:
        five_years = self._terms.five_years_on
        passed = self._passed.get(day.year)
        if passed is None or five_years is None or five_years > day:
            return None
        midnight = datetime(five_years.year, five_years.month, five_years.day, tzinfo=VIETNAM)
        return max(passed, midnight)

    def _add(self, on: date, amount: Decimal, moment: datetime | None) -> None:
        if amount <= 0:
            return
        months = self._months.get(on.year, ZERO) + amount / self._rules.base_salary(on)
        self._months[on.year] = months
        if on.year not in self._passed and months > self._rules.exemption_months(on):
            at = self._terms.arrived_at if moment is None else moment + timedelta(minutes=1)
            self._passed[on.year] = at.replace(second=0, microsecond=0)
