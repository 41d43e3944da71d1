"""A scale: its items, and the rules that derive further scores from theirs.

Every derived score in use is a weighted sum of item scores, each perhaps folded or looked up first. So a rule
is data, and its bounds follow from those of its items.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import fsum, lcm

from grading.errors import PermanentError
from grading.scales.items import Item

Weights = Mapping[str, Fraction]
"""Weights by item id. They are exact, so that a normal face comes out at exactly the normal score."""


class ScoreError(PermanentError):
    """A score is outside its item's range, not finite, or names no item."""

    code = "score.invalid"


@dataclass(frozen=True)
class SubScore:
    """A derived score.

    ``formula`` is the id of the formula that made it; ``low`` and ``high`` bound it (points). ``provisional``
    marks a score whose formula was not confirmed by its source.
    """

    id: str
    name: str
    formula: str
    value: float
    high: float
    low: float = 0.0
    provisional: bool = False


@dataclass(frozen=True)
class Formula:
    """A published way of deriving scores, in words, with its source."""

    id: str
    words: str
    source: str
    provisional: bool = False


def unchanged(score: float) -> float:
    """The score itself."""
    return score


@dataclass(frozen=True)
class Rule:
    """One derived score of a formula: the sum of ``weights`` times the items' scores.

    ``through`` is applied to each score first. On either side of an item's normal score it only rises or
    only falls.
    """

    id: str
    name: str
    formula: Formula
    weights: Weights
    through: Callable[[float], float] = unchanged

    def derive(self, scores: Mapping[str, float]) -> float:
        """The derived score from ``scores``, which hold at least the items that have a weight."""
        return self._sum({item: self.through(float(scores[item])) for item in self.weights})

    def bounds(self, items: Mapping[str, Item]) -> tuple[float, float]:
        """The lowest and the highest value that the items' ranges allow."""
        lowest, highest = {}, {}
        for item_id, weight in self.weights.items():
            item = items[item_id]
            ends = sorted(self.through(score) for score in (item.low, item.normal, item.high))
            lowest[item_id], highest[item_id] = (ends[0], ends[-1]) if weight > 0 else (ends[-1], ends[0])
        return self._sum(lowest), self._sum(highest)

    @cached_property
    def _whole(self) -> tuple[dict[str, int], int]:
        """The weights as whole numbers over a common denominator."""
        denominator = lcm(*(weight.denominator for weight in self.weights.values()))
        return {item: int(weight * denominator) for item, weight in self.weights.items()}, denominator

    def _sum(self, values: Mapping[str, float]) -> float:
        weights, denominator = self._whole
        return fsum(weight * values[item] for item, weight in weights.items()) / denominator


def total(*items: Item) -> Weights:
    """Weights of a plain sum."""
    return {item.id: Fraction(1) for item in items}


def mean(*items: Item) -> Weights:
    """Weights of a plain mean."""
    return {item.id: Fraction(1, len(items)) for item in items}


def combined(*parts: tuple[Fraction | int, Weights]) -> Weights:
    """Weights of a weighted sum of parts that share no item."""
    return {item: factor * weight for factor, weights in parts for item, weight in weights.items()}


@dataclass(frozen=True)
class Scale:
    """A named set of items, and the rules of what is derived from them."""

    id: str
    name: str
    items: tuple[Item, ...]
    rules: tuple[Rule, ...] = ()

    @cached_property
    def by_id(self) -> dict[str, Item]:
        """The items by their published id."""
        return {item.id: item for item in self.items}

    @cached_property
    def formulas(self) -> dict[str, Formula]:
        """The formulas of the rules, by id."""
        return {rule.formula.id: rule.formula for rule in self.rules}

    @cached_property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """The lowest and the highest derived score of each rule, in the order of the rules."""
        return tuple(rule.bounds(self.by_id) for rule in self.rules)

    def check(self, scores: Mapping[str, float]) -> None:
        """Raise `ScoreError` unless every score names an item and is one that the item takes."""
        for item_id, score in scores.items():
            item = self.by_id.get(item_id)
            if item is None:
                raise ScoreError(f"{item_id} is not an item of {self.name}: use {', '.join(self.by_id)}")
            if not item.allows(score):
                raise ScoreError(f"{item_id} must be {item.allowed}")


def derived(scale: Scale, scores: Mapping[str, float]) -> tuple[SubScore, ...]:
    """Every derived score of ``scale`` whose items all have a score, in the order of the scale's rules.

    ``scores`` are points by item id. Nothing is clipped and no missing item is made up for.

    Raises `ScoreError` as `Scale.check` does.
    """
    scale.check(scores)
    return tuple(
        SubScore(
            rule.id,
            rule.name,
            rule.formula.id,
            rule.derive(scores),
            high=high,
            low=low,
            provisional=rule.formula.provisional,
        )
        for rule, (low, high) in zip(scale.rules, scale.bounds, strict=True)
        if rule.weights.keys() <= scores.keys()
    )
