"""One question of a scale: its range, its answers and the photos that show it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from numbers import Real


@dataclass(frozen=True)
class Option:
    """One answer of an item that is answered by choice.

    ``code`` tells it from the item's other options, which may carry the same ``value`` (points). ``words``
    describe it at length; ``provisional`` marks wording that awaits confirmation.
    """

    code: str
    value: float
    label: str
    words: str = ""
    provisional: bool = False


@dataclass(frozen=True)
class Item:
    """One question of a scale.

    ``low`` and ``high`` bound the score (points); ``normal`` is a normal face's. ``below`` and ``above`` say
    in words what a score under or over normal means; an item answered by choice has ``options`` instead.
    ``poses`` are the codes of the photos to look at, the main one first, empty where stills do not carry the
    item; a photo that a protocol lacks is left out. An ``optional`` item enters no derived score.
    """

    id: str
    name: str
    high: float
    poses: tuple[str, ...]
    below: str = ""
    above: str | None = None
    low: float = 0.0
    provisional: bool = True
    normal: float = 100.0
    options: tuple[Option, ...] = ()
    optional: bool = False

    @property
    def pose(self) -> str | None:
        """The code of the photo that the item is read from, None where stills do not carry it."""
        return self.poses[0] if self.poses else None

    @property
    def span(self) -> float:
        """Width of the range in points."""
        return self.high - self.low

    @property
    def two_sided(self) -> bool:
        """Whether scores run on both sides of normal (0-200) rather than up to it (0-100)."""
        return self.low < self.normal < self.high

    @property
    def ordinal(self) -> bool:
        """Whether the item is answered by choice among `options` rather than by any number in its range."""
        return bool(self.options)

    @cached_property
    def answers(self) -> tuple[float, ...]:
        """The points that can be given for an item answered by choice, in order; none for any other."""
        return tuple(sorted({option.value for option in self.options}))

    @cached_property
    def by_code(self) -> dict[str, Option]:
        """The options by their code."""
        return {option.code: option for option in self.options}

    @property
    def allowed(self) -> str:
        """The scores that the item takes, in words."""
        if not self.ordinal:
            return f"between {self.low:g} and {self.high:g}"
        return "one of " + ", ".join(f"{value:g}" for value in self.answers)

    def allows(self, score: float) -> bool:
        """Whether ``score`` is a number that the item takes; NaN, infinities and truth values are none."""
        if isinstance(score, bool) or not isinstance(score, Real):
            return False
        if self.ordinal:
            return score in self.answers
        return self.low <= score <= self.high

    def answer(self, score: float) -> float:
        """The score as the item takes it: the nearest of its `answers`, the worse where two are as near.

        For an item that is not answered by choice it is the score itself.
        """
        # rounded, so that a score just between two answers is seen to be
        return min(
            self.answers or (score,),
            key=lambda answer: (round(abs(answer - score), 9), -abs(answer - self.normal)),
        )

    def answers_within(self, low: float, high: float) -> tuple[float, float]:
        """The first and the last of the `answers` from ``low`` to ``high``, or else the nearest to these.

        For an item that is not answered by choice they are ``low`` and ``high``.
        """
        within = [answer for answer in self.answers if low <= answer <= high]
        return (within[0], within[-1]) if within else (self.answer(low), self.answer(high))

    def direction(self, score: float, tolerance: float = 5.0) -> str:
        """The score in words; within ``tolerance`` points of normal it is "balanced".

        For an item answered by choice, the labels of all options with just these points.
        """
        if self.ordinal:
            return " or ".join(option.label for option in self.options if option.value == score)
        if abs(score - self.normal) <= tolerance:
            return "balanced"
        return self.below if score < self.normal or self.above is None else self.above


def choice(
    id: str,  # noqa: A002 - the item's own word
    name: str,
    poses: tuple[str, ...],
    options: Iterable[Option],
    *,
    normal: float,
    provisional: bool = False,
    optional: bool = False,
) -> Item:
    """An item answered by choice; its range is that of the options' points."""
    options = tuple(options)
    values = [option.value for option in options]
    return Item(
        id,
        name,
        max(values),
        poses,
        low=min(values),
        provisional=provisional,
        normal=normal,
        options=options,
        optional=optional,
    )
