"""What other screens show of charging: the rule behind each amount, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from yba.money.charging.model import SplitLine
from yba.plumbing.i18n import N_


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence (an English msgid with `%(name)s` places) and what fills it."""

    rule: str
    text: str
    values: Mapping[str, object]


_WORDS = {
    "level.unknown-digit": N_("The benefit level of the card is not known."),
    "level.small-visit": N_(
        "The insured cost of the visit is below 15%% of the base salary: insurance pays all of it."
    ),
    "level.primary-station": N_("Care at a commune station or the like: insurance pays all of it."),
    "level.exempt": N_(
        "Five years of insurance and enough co-payments this year: insurance pays all of it."
    ),
    "ratio.listed": N_("Insurance covers %(insurance_ratio)s%% of this item."),
    "ratio.exam-again": N_("A further examination on the same day counts %(service_ratio)s%%."),
    "ratio.exam-over-table-limit": N_(
        "The room has seen more patients than its limit: this examination counts %(service_ratio)s%%."
    ),
    "ratio.exam-day-limit": N_("All examinations of one day cost at most as much as two."),
    "ratio.bed-shared": N_("A shared bed counts %(service_ratio)s%%."),
    "quantity.two-wards": N_("Two wards on one day: half a day for each, others nothing."),
    "ratio.surgery-same-team": N_(
        "A second surgery of the same operation by the same team counts %(service_ratio)s%%."
    ),
    "ratio.surgery-other-team": N_(
        "A second surgery of the same operation by another team counts %(service_ratio)s%%."
    ),
    "ratio.procedure-in-surgery": N_("A procedure within surgery counts %(service_ratio)s%%."),
    "scope.not-covered": N_("Insurance does not cover this item."),
    "scope.armed-forces-only": N_(
        "Insurance covers this item only for the army, the police and cipher staff."
    ),
    "price.difference": N_(
        "The hospital's price is above the insurance price: the difference is paid by the patient."
    ),
    "price.none": N_("This item has no approved price yet."),
    "payer.uninsured": N_("A visit without insurance."),
    "card.expired-in-stay": N_("The card ran out during the stay and still counts for some days."),
    "card.not-shown-yet": N_("Ordered before the card was shown."),
    "card.not-valid": N_("No card was valid on the day of the order."),
    "other.a": N_("Other money supports this patient."),
    "other.b": N_("Other money supports the facility and lowers the cost first."),
    "other.c": N_("Other money pays the co-payment."),
    "ceiling.package": N_(
        "The supplies of one package cost more than insurance pays for them (45 base salaries)."
    ),
}
_DIGIT = N_("Insurance card of benefit group %(digit)s: insurance pays %(level)s%%.")
_GROUP = N_("Insurance card of group %(group)s: insurance pays %(level)s%%.")
_FACTOR = N_("Patient category %(category)s: insurance pays only %(level)s%%.")


def reasons(line: SplitLine) -> list[Reason]:
    """Return why a line is split as it is, in the order in which the rules applied."""
    level = f"{line.level.normalize():f}"
    values: dict[str, object] = {
        "level": level.replace(".", ","),
        "insurance_ratio": line.insurance_ratio,
        "service_ratio": line.service_ratio,
    }
    return [_reason(rule, values) for rule in line.because if _is_said(rule, line)]


def _is_said(rule: str, line: SplitLine) -> bool:
    """A card's own level is not said beside the category that lowers it."""
    lowered = any(other.startswith("factor.") for other in line.because)
    return not (lowered and rule.startswith(("level.digit.", "level.group.")))


def _reason(rule: str, values: dict[str, object]) -> Reason:
    last = rule.rpartition(".")[2]
    if rule.startswith("level.digit."):
        return Reason(rule, _DIGIT, {**values, "digit": last})
    if rule.startswith("level.group."):
        return Reason(rule, _GROUP, {**values, "group": last})
    if rule.startswith("factor."):
        return Reason(rule, _FACTOR, {**values, "category": rule.removeprefix("factor.")})
    return Reason(rule, _WORDS[rule], values)


def shown_price(price: Decimal) -> str:
    """Return a unit price as it is printed in Vietnam: 1.234,567 or 45.000."""
    whole, _, fraction = f"{price:.3f}".partition(".")
    fraction = fraction.rstrip("0")
    grouped = f"{int(whole):,}".replace(",", ".")
    return f"{grouped},{fraction}" if fraction else grouped
