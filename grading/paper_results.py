"""What the paper reports, to stand beside our own figures.

Source: Raj et al., "Automatic and Objective Facial Palsy Grading Index Prediction using Deep Feature
Regression". Its figures come from other people (52 patients before and after surgery, 28 healthy people, one
rater) and pool patients with healthy people, so they stand beside ours for orientation: the difference is not
one of methods alone. A figure that is not known to us is left out, never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grading.scales import find_item


@dataclass(frozen=True)
class Published:
    """A published mean and its standard deviation, None where that is not known."""

    mean: float
    sd: float | None = None


ITEM_ERRORS: Mapping[str, Published] = {
    "R1": Published(13.17, 13.54),
    "R2": Published(30.16, 23.98),
    "R3": Published(23.91, 22.15),
    "R4": Published(25.60, 19.82),
    "R5": Published(23.32, 19.35),
    "M1": Published(31.22, 17.88),
    "M2": Published(19.07, 17.83),
    "M3": Published(15.65, 15.51),
    "M4": Published(24.98, 18.47),
    "M5": Published(28.48, 24.00),
    "M6": Published(17.47, 12.28),
    "M7": Published(16.24, 14.20),
}
"""Mean absolute error per item with VGG-Face, in points, patients and healthy people pooled (Table 3)."""

MEAN_ERRORS: Mapping[str, float] = {
    "vgg-face": 22.44,
    "vgg16": 24.34,
    "mobilenet": 23.94,
    "efficientnet-b4": 26.99,
    "resnet50": 28.90,
}
"""Mean absolute error over the 12 items by backbone, in points (Table 4)."""

MEAN_ERROR_SD = 6.02
"""What the paper prints beside 22.44: the sample standard deviation across the 12 items, not across folds."""

HEALTHY_ERROR = 12.82
"""Mean absolute error of healthy people against 100, in points (Section 5.3)."""

BROW_DIFFERENCE = Published(5.93, 4.62)
"""Difference of the two brow-pupil distances of healthy people, in % (Section 5.3)."""


def share_of_range(items: tuple[str, ...] = tuple(ITEM_ERRORS)) -> float:
    """The paper's mean error with each item divided by its own range, in %; over all items it is 15.7.

    Derived from `ITEM_ERRORS`. The paper's own "11 %" divides by 200 throughout, though five of the items end
    at 100.
    """
    return 100 * sum(ITEM_ERRORS[item].mean / find_item(item).span for item in items) / len(items)
