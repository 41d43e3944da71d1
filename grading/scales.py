"""The eFACE scale as data, and the sub-scores derived from its items.

Sources: Raj et al., Table 1 and Section 2 (items, ranges, 100 = balanced, sub-scores as plain averages) and
Table 3 (item to photo). The anchor words at 0 and 200 are from general knowledge and marked provisional
unless the direction is corroborated by a second source (R1, R2, R5).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from grading.errors import PermanentError

BALANCED = 100.0


class ScoreError(PermanentError):
    """A score is outside its item's range, not finite, or names no item."""

    code = "score.invalid"


@dataclass(frozen=True)
class Item:
    """One question of a scale.

    ``low`` and ``high`` bound the score (points); 100 is balanced. ``below`` and ``above`` say in words what
    a score under or over 100 means. ``pose`` is the code of the photo it is read from, None where stills do
    not carry it.
    """

    id: str
    name: str
    high: float
    pose: str | None
    below: str
    above: str | None = None
    low: float = 0.0
    provisional: bool = True

    @property
    def span(self) -> float:
        """Width of the range in points."""
        return self.high - self.low

    @property
    def two_sided(self) -> bool:
        """Whether scores run on both sides of balanced (0-200) rather than up to it (0-100)."""
        return self.high > BALANCED

    def direction(self, score: float, tolerance: float = 5.0) -> str:
        """The score in words; within ``tolerance`` points of 100 it is "balanced"."""
        if abs(score - BALANCED) <= tolerance:
            return "balanced"
        return self.below if score < BALANCED or self.above is None else self.above


@dataclass(frozen=True)
class Scale:
    """A named set of items."""

    id: str
    name: str
    items: tuple[Item, ...]

    @cached_property
    def by_id(self) -> dict[str, Item]:
        """The items by their published id."""
        return {item.id: item for item in self.items}

    def check(self, scores: Mapping[str, float]) -> None:
        """Raise `ScoreError` unless every score names an item and lies in its range."""
        for item_id, score in scores.items():
            item = self.by_id.get(item_id)
            if item is None:
                raise ScoreError(f"{item_id} is not an item of {self.name}")
            if not (math.isfinite(score) and item.low <= score <= item.high):
                raise ScoreError(f"{item_id} must be between {item.low:g} and {item.high:g}, not {score:g}")


EFACE = Scale(
    id="eface",
    name="eFACE",
    items=(
        Item("R1", "Resting brow height", 200, "REST", "brow low", "brow high", provisional=False),
        Item("R2", "Resting palpebral fissure width", 200, "REST", "wide", "narrow", provisional=False),
        Item("R3", "Nasolabial fold depth at rest", 200, "REST", "effaced", "too deep"),
        Item("R4", "Nasolabial fold orientation at rest", 200, "REST", "too vertical", "too horizontal"),
        Item("R5", "Oral commissure position at rest", 200, "REST", "too low", "too high", provisional=False),
        Item("M1", "Brow elevation", 100, "BROW", "reduced"),
        Item("M2", "Fissure narrowing, gentle closure", 100, "EYESOFT", "incomplete"),
        Item("M3", "Fissure narrowing, full closure", 100, "EYETIGHT", "incomplete"),
        Item("M4", "Oral commissure movement with smile", 100, "SMILE", "reduced"),
        Item("M5", "Nasolabial fold depth with smile", 200, "SMILE", "effaced", "too deep"),
        Item("M6", "Nasolabial fold orientation with smile", 200, "SMILE", "too vertical", "too horizontal"),
        Item("M7", "Lower lip movement, showing teeth", 100, "TEETH", "reduced"),
        Item("S1", "Ocular synkinesis", 100, None, "present"),
        Item("S2", "Midfacial synkinesis", 100, None, "present"),
        Item("S3", "Mentalis synkinesis", 100, None, "present"),
        Item("S4", "Platysmal synkinesis", 100, None, "present"),
    ),
)

STATIC_ITEMS = tuple(item for item in EFACE.items if item.id.startswith("R"))
DYNAMIC_ITEMS = tuple(item for item in EFACE.items if item.id.startswith("M"))
PREDICTED_ITEMS = STATIC_ITEMS + DYNAMIC_ITEMS
"""The twelve items that the paper predicts from stills (Table 3)."""


def fold(score: float) -> float:
    """Distance from balanced as 0-100 points, 100 best: ``100 - |100 - clip(score, 0, 200)|``."""
    return BALANCED - abs(BALANCED - min(max(score, 0.0), 2 * BALANCED))


@dataclass(frozen=True)
class SubScore:
    """A derived score. ``formula`` is the id of the rule that made it; ``high`` its upper bound."""

    id: str
    name: str
    formula: str
    value: float
    high: float


_GROUPS = (("static", "Static", STATIC_ITEMS), ("dynamic", "Dynamic", DYNAMIC_ITEMS))


def sub_scores(scores: Mapping[str, float]) -> tuple[SubScore, ...]:
    """Static and dynamic sub-scores, each by the formulae ``folded`` and ``raj``.

    ``folded`` is the mean of the folded items (0-100), what clinicians are shown: deviations in opposite
    directions do not cancel. ``raj`` is the plain mean of the raw items (paper, Section 2), kept for
    comparison with the paper. A sub-score appears only when all its items are there; no total is formed,
    since the synkinesis items cannot be read from stills.
    """
    derived = []
    for group, name, items in _GROUPS:
        if not all(item.id in scores for item in items):
            continue
        raw = [scores[item.id] for item in items]
        folded = sum(fold(score) for score in raw) / len(raw)
        derived.append(SubScore(group, name, "folded", folded, BALANCED))
        highest = sum(item.high for item in items) / len(items)
        derived.append(SubScore(group, name, "raj", sum(raw) / len(raw), highest))
    return tuple(derived)
