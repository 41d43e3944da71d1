"""A line of time in months: where it begins and ends, and where it is marked."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.words import DAYS_PER_MONTH

_USUAL = (0, 3, 6, 9, 12, 18, 24)
"""Follow-ups that are usual after facial nerve surgery; then yearly (clinical.md 7.2)."""
_SHORTEST = 6.0
"""A course shows at least so many months, so that days do not look like one."""
_MARGIN = 0.04


@dataclass(frozen=True)
class TimeAxis:
    """Months from ``low`` to ``high`` over ``wide`` points from ``x``."""

    low: float
    high: float
    x: float
    wide: float

    def at(self, days: float) -> float:
        """Where a day lies."""
        return self.x + (days / DAYS_PER_MONTH - self.low) / (self.high - self.low) * self.wide

    def ticks(self, room: float) -> list[int]:
        """Months to mark, at least ``room`` points apart; the origin before its neighbours."""
        last = math.ceil(max(abs(self.low), abs(self.high)) / 12)
        months = [*_USUAL, *(12 * year for year in range(3, last + 1))]
        chosen: list[int] = []
        for month in sorted({*months, *(-month for month in months)}, key=_weight):
            inside = self.low <= month <= self.high
            at = self.at(month * DAYS_PER_MONTH)
            if inside and all(abs(at - self.at(other * DAYS_PER_MONTH)) >= room for other in chosen):
                chosen.append(month)
        return sorted(chosen)


def time_axis(days: Iterable[int], x: float, wide: float) -> TimeAxis:
    """An axis on which all ``days`` lie, and day 0."""
    months = [0.0, *(day / DAYS_PER_MONTH for day in days)]
    low, high = min(months), max(months)
    lacking = max(0.0, _SHORTEST - (high - low)) / 2
    margin = _MARGIN * max(high - low, _SHORTEST)
    return TimeAxis(low - lacking - margin, high + lacking + margin, x, wide)


def separate(places: Sequence[float], room: float) -> set[int]:
    """Which of ascending places can carry a label beside each other: the last, then from the end on."""
    chosen: list[int] = []
    for index in reversed(range(len(places))):
        if not chosen or places[chosen[-1]] - places[index] >= room:
            chosen.append(index)
    return set(chosen)


def _weight(month: int) -> tuple[int, int]:
    """Which months are marked first: the origin, whole years, half years, quarters; of equals the nearest."""
    rank = next(
        rank for rank, step in enumerate((0, 12, 6, 3)) if (month == 0 if step == 0 else month % step == 0)
    )
    return rank, abs(month)
