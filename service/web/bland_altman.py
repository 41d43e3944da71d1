"""A Bland-Altman plot laid out for SVG: the difference of two raters over their mean."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grading.agreement import LimitsOfAgreement, bland_altman
from grading.scales import Item
from service.web.chart import Tick

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 52, 130, 14, 44
STEPS = (0.25, 0.5, 1, 2, 5, 10, 20, 25, 50, 100, 200)
"""Distances in points between the marks of differences."""


@dataclass(frozen=True)
class Point:
    """One or several recordings with the same two scores; ``size`` is its radius."""

    x: float
    y: float
    size: float
    title: str


@dataclass(frozen=True)
class BlandAltman:
    """The plot of ``n`` pairs; the lines are at the bias and at the 95 % limits of agreement."""

    n: int
    limits: LimitsOfAgreement
    means: tuple[Tick, ...]
    differences: tuple[Tick, ...]
    bias: Tick
    low: Tick
    high: Tick
    points: tuple[Point, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    floor: int = HEIGHT - BOTTOM


def around_zero(reach: float, steps: Sequence[float], most: int) -> list[float]:
    """Even marks from ``-reach`` to ``reach``, by the first of ``steps`` with at most ``most`` a side."""
    step = next((step for step in steps if reach / step <= most), steps[-1])
    return [number * step for number in range(-int(reach / step), int(reach / step) + 1)]


def plot_pairs(item: Item, one: Sequence[float], other: Sequence[float]) -> BlandAltman | None:
    """The plot of two raters' scores of the same recordings, in points; None with fewer than two."""
    if len(one) < 2:
        return None
    limits = bland_altman(one, other)
    pairs = Counter(zip(one, other, strict=True))
    reach = max(abs(limits.low), abs(limits.high), *(abs(a - b) for a, b in pairs), 0.1 * item.span) * 1.08

    def x(mean: float) -> float:
        return round(LEFT + (mean - item.low) / item.span * (WIDTH - LEFT - RIGHT), 1)

    def y(difference: float) -> float:
        return round(TOP + (reach - difference) / (2 * reach) * (HEIGHT - TOP - BOTTOM), 1)

    def line(difference: float) -> Tick:
        return Tick(y(difference), f"{difference:+.1f}")

    quarters = [item.low + item.span * part / 4 for part in range(5)]
    return BlandAltman(
        n=len(one),
        limits=limits,
        means=tuple(Tick(x(value), f"{value:g}") for value in (item.answers or quarters)),
        differences=tuple(Tick(y(value), f"{value:g}") for value in around_zero(reach, STEPS, 4)),
        bias=line(limits.bias),
        low=line(limits.low),
        high=line(limits.high),
        points=tuple(
            Point(x((a + b) / 2), y(a - b), 3.5 + min(number - 1, 8), f"{a:g} / {b:g}: {number} ×")
            for (a, b), number in sorted(pairs.items())
        ),
    )
