"""Random choices that are the same on every machine and in every version.

Only `random.random()` is used: its sequence for a seed is promised by Python,
that of `choice` or `shuffle` is not.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")

PERSON, HOUSEHOLD, VISIT = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Weighted(Generic[T]):
    """Things with their shares, ready to be drawn from."""

    items: Sequence[T]
    sums: Sequence[float]

    @classmethod
    def of(cls, shares: Mapping[T, float]) -> "Weighted[T]":
        """Return the things of a mapping to shares."""
        return cls(tuple(shares), tuple(accumulate(shares.values())))


class Dice:
    """The choices of one person, household or visit."""

    __slots__ = ("_random",)

    def __init__(self, seed: int, stream: int, number: int) -> None:
        self._random = Random((seed << 72) | (stream << 64) | number).random

    def chance(self, share: float) -> bool:
        """Return True with that probability."""
        return self._random() < share

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to limit - 1."""
        return int(self._random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def real(self, low: float, high: float) -> float:
        """Return a number between low and high."""
        return low + self._random() * (high - low)

    def bell(self) -> float:
        """Return a number around 0 with a spread of about 1, never beyond 3."""
        return (
            self._random()
            + self._random()
            + self._random()
            + (self._random() + self._random() + self._random())
            - 3.0
            + (self._random() - self._random()) * 0.7
        )

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items, each as likely."""
        return items[int(self._random() * len(items))]

    def weighted(self, choices: Weighted[T]) -> T:
        """Return one of the items by its share."""
        place = bisect_right(choices.sums, self._random() * choices.sums[-1])
        return choices.items[min(place, len(choices.items) - 1)]
