"""Single predictions of cross-validation laid out for SVG: predicted over given scores, one panel a score.

A series is one path of zero-length strokes, drawn as dots or squares by the caps of its lines: a department
with thousands of recordings still gets a page of some hundred kilobytes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from grading.agreement import LimitsOfAgreement, bland_altman, icc_2_1
from grading.held_out import Pairs
from grading.scales import Item, find_item
from grading.uncertainty import SUB_SCORES
from service.web.bland_altman import around_zero
from service.web.chart import Tick

WIDTH, HEIGHT = 210, 200
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 8, 24
STEPS = (5, 10, 20, 25, 50, 100, 200)
"""Distances in points between the marks of differences."""
FEWEST = 2
"""Recordings with palsy below which nothing is said of how predictions agree."""
_DOT = "h0"
_CROSS = "m-2.5 0h5m-2.5-2.5v5"


@dataclass(frozen=True)
class Agreement:
    """How predictions of recordings with palsy agree with what was given, in points.

    ``limits`` are of predicted less given. ``icc`` is ICC(2,1), None where it cannot be formed.
    """

    recordings: int
    mae: float
    limits: LimitsOfAgreement
    icc: float | None


@dataclass(frozen=True)
class Marks:
    """Paths of the recordings with palsy, and of those of healthy people."""

    patients: str
    healthy: str


@dataclass(frozen=True)
class Series:
    """What one bundle predicted, over what was given and as differences over the means.

    ``lines`` are the heights of bias, lower and upper limit among the differences.
    """

    name: str
    scores: Marks
    differences: Marks
    lines: tuple[float, float, float]
    agreement: Agreement


@dataclass(frozen=True)
class Panel:
    """One item or folded sub-score by one or two bundles; ``item`` is None of a sub-score.

    ``points`` are the marks across, ``predicted`` and ``differences`` those upwards in the two plots.
    """

    score: str
    item: Item | None
    points: tuple[Tick, ...]
    predicted: tuple[Tick, ...]
    differences: tuple[Tick, ...]
    series: tuple[Series, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    floor: int = HEIGHT - BOTTOM


def plot_predictions(one: Sequence[Pairs], other: Sequence[Pairs] = ()) -> tuple[Panel, ...]:
    """A panel for each score of a bundle, or for each that two bundles share.

    Left out are scores of fewer than two recordings with palsy.
    """
    others = {pairs.score: pairs for pairs in other}
    drawn = [
        (pairs, *([others[pairs.score]] if other else []))
        for pairs in one
        if not other or pairs.score in others
    ]
    return tuple(_panel(each) for each in drawn if all(len(pairs.of_patients()) >= FEWEST for pairs in each))


def _panel(each: Sequence[Pairs]) -> Panel:
    score, low, high = each[0].score, each[0].low, each[0].high
    agreements = [_agreement(pairs.of_patients()) for pairs in each]
    ends = [abs(end) for one in agreements for end in (one.limits.low, one.limits.high)]
    reach = 1.05 * max(*ends, *(float(np.abs(pairs.predicted - pairs.labels).max()) for pairs in each), 1.0)

    def x(points: float) -> float:
        return round(LEFT + (points - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    def y(points: float) -> float:
        return round(TOP + (high - points) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    def away(points: float) -> float:
        return round(TOP + (reach - points) / (2 * reach) * (HEIGHT - TOP - BOTTOM), 1)

    halves = (low, (low + high) / 2, high)
    return Panel(
        score,
        None if score in SUB_SCORES else find_item(score),
        tuple(Tick(x(value), f"{value:g}") for value in halves),
        tuple(Tick(y(value), f"{value:g}") for value in halves),
        tuple(Tick(away(value), f"{value:g}") for value in around_zero(reach, STEPS, 3)),
        tuple(
            Series(
                name,
                _marks(pairs, lambda label, predicted: (x(label), y(predicted))),
                _marks(pairs, lambda label, predicted: (x((label + predicted) / 2), away(predicted - label))),
                (away(agreement.limits.bias), away(agreement.limits.low), away(agreement.limits.high)),
                agreement,
            )
            for name, pairs, agreement in zip(("first", "second"), each, agreements, strict=False)
        ),
    )


def _marks(pairs: Pairs, place: Callable[[float, float], tuple[float, float]]) -> Marks:
    paths = {False: "", True: ""}
    for label, predicted, healthy in zip(pairs.labels, pairs.predicted, pairs.healthy, strict=True):
        across, down = place(label, predicted)
        paths[bool(healthy)] += f"M{across:g} {down:g}{_CROSS if healthy else _DOT}"
    return Marks(paths[False], paths[True])


def _agreement(patients: Pairs) -> Agreement:
    icc = icc_2_1(np.column_stack([patients.predicted, patients.labels]))
    return Agreement(
        len(patients),
        float(np.abs(patients.predicted - patients.labels).mean()),
        bland_altman(patients.predicted, patients.labels),
        None if math.isnan(icc) or np.ptp(patients.labels) == 0 else icc,
    )
