"""The price list that ships: the program's own services and drugs at demonstration prices."""

import hashlib
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from yba.foundation.terminology import service as terminology
from yba.foundation.terminology.model import Concept
from yba.money.charging import store
from yba.money.charging.model import Price, Scope
from yba.plumbing.database import Tx

_DECISION = "01/QĐ-MINH-HOA"


def _price(kind: str, concept: Concept) -> Price:
    known = concept.properties
    covered = bool(known.get("is_covered", True))
    hospital = Decimal(str(known["price"]))
    return Price(
        kind=kind,
        code=concept.code,
        name=concept.name_vi,
        unit=str(known.get("unit") or "lần"),
        cost_group=int(known["cost_group"]),
        hospital_price=hospital,
        insurance_price=min(hospital, Decimal(str(known.get("insurance_price", hospital)))),
        insurance_ratio=int(known.get("insurance_ratio", 100)) if covered else 0,
        scope=Scope.COVERED if covered else Scope.NOT_COVERED,
    )


def shipped_prices() -> list[tuple[date, list[Price]]]:
    """Return the shipped prices by the day from which they hold."""
    by_day: dict[date, list[Price]] = {}
    for kind in ("service", "drug"):
        for concept in terminology.shipped_concepts(kind):
            start = date.fromisoformat(str(concept.properties["price_from"]))
            by_day.setdefault(start, []).append(_price(kind, concept))
    return sorted(by_day.items())


def _fingerprint(prices: Iterable[Price]) -> str:
    return hashlib.sha256("\n".join(map(repr, prices)).encode()).hexdigest()


async def load_shipped(tx: Tx, facility_code: str = "") -> int:
    """Load the shipped price lists that are new or changed; return how many were.

    Without a facility the list holds for every facility of this node that has
    no list of its own.
    """
    loaded = 0
    for start, prices in shipped_prices():
        loaded += await store.keep_prices(
            tx,
            facility_code=facility_code,
            decision=_DECISION,
            valid_from=start,
            fingerprint=_fingerprint(prices),
            prices=prices,
        )
    return loaded
