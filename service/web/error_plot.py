"""Errors of every item laid out for SVG: a bundle's, or two bundles' beside each other, and of the median."""

from collections.abc import Sequence
from dataclasses import dataclass

from grading.scales import Item
from service.web.cross_validation import Accuracy

WIDTH = 620
LEFT, RIGHT, TOP, BOTTOM = 44, 24, 10, 46
ROW = 26
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Distances of the marks along the axis, as shares of an item's range."""


@dataclass(frozen=True)
class Tick:
    """A place along the axis, in SVG units, and what stands there."""

    at: float
    label: str


@dataclass(frozen=True)
class Error:
    """A bundle's error of one item, and that of the constant median where it is known, as places in SVG."""

    series: str
    at: float
    mae: float
    median_at: float | None
    median: float | None


@dataclass(frozen=True)
class Row:
    """One item with the errors of one or two bundles."""

    item: Item
    y: float
    errors: tuple[Error, ...]


@dataclass(frozen=True)
class ErrorPlot:
    """The plot; errors lie along the axis as shares of each item's range."""

    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    height: int
    width: int = WIDTH
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP

    @property
    def floor(self) -> int:
        """Where the axis is."""
        return self.height - BOTTOM


def plot_errors(one: Sequence[Accuracy], other: Sequence[Accuracy] = ()) -> ErrorPlot | None:
    """The plot of the items of a bundle, or of those that two bundles share; None if there is none."""
    others = {accuracy.item.id: accuracy for accuracy in other}
    pairs = [
        (accuracy, *([others[accuracy.item.id]] if other else []))
        for accuracy in one
        if not other or accuracy.item.id in others
    ]
    if not pairs:
        return None
    shares = [
        value / accuracy.item.span
        for pair in pairs
        for accuracy in pair
        for value in (accuracy.mae, accuracy.median_mae or 0)
    ]
    most = max(*shares, 0.01)
    step = next((step for step in STEPS if most / step <= 6), STEPS[-1])
    marks = int(most / step) + 1

    def x(points: float, item: Item) -> float:
        return round(LEFT + points / item.span / (marks * step) * (WIDTH - LEFT - RIGHT), 1)

    def error(series: str, accuracy: Accuracy) -> Error:
        median = accuracy.median_mae
        at = None if median is None else x(median, accuracy.item)
        return Error(series, x(accuracy.mae, accuracy.item), accuracy.mae, at, median)

    return ErrorPlot(
        ticks=tuple(
            Tick(round(LEFT + number / marks * (WIDTH - LEFT - RIGHT), 1), f"{100 * number * step:.0f}")
            for number in range(marks + 1)
        ),
        rows=tuple(
            Row(
                pair[0].item,
                TOP + ROW * (number + 0.5),
                tuple(error(*one) for one in zip(("first", "second"), pair, strict=False)),
            )
            for number, pair in enumerate(pairs)
        ),
        height=TOP + ROW * len(pairs) + BOTTOM,
    )
