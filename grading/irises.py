"""Finding the circle of each iris in the level view of a face: the limbus, where the iris meets the white.

After Daugman's integro-differential operator (1993): of all circles near an eye the one along which the
picture grows brightest outwards. Only the flanks of the circle count, since the lids hide its top and often
its bottom. Light is taken as it is, not by its logarithm: the step from the pupil to a pale iris would else
outdo the one from the iris to the white. What no circle fits well (a closed eye, a blurred photo) has none.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from grading.face import Photo
from grading.framing import VIEW

FAINTEST = 0.2
"""Least contrast on both flanks of a circle that is taken for an iris; see benchmarks/iris.py."""
MOST_UNEQUAL = 0.12
"""Share by which the radii of both eyes may differ; those of one person are about equal."""

_RADII = np.arange(9.0, 16.0, 0.5)
"""In pixels of the view: 4.4 to 7.6 mm where the eyes are 62 mm apart."""
_ACROSS, _DOWN = 16, 9
"""How far from the middle of the eye's corners the iris is looked for, in pixels: where the gaze may lead."""
_STEP = 1.25
"""Pixels inwards and outwards of a circle between which its edge is measured."""
_SMOOTHING = 0.6
_DARKEST = -0.35
"""How much a place where it grows darker outwards may count against a circle: a glint lies on many."""

_FLANK = np.radians(np.linspace(-20, 50, 15))
_OUT = np.concatenate([np.cos(_FLANK), -np.cos(_FLANK)])
_LOW = np.concatenate([np.sin(_FLANK), np.sin(_FLANK)])

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Iris:
    """A circle in pixels of the view.

    ``contrast`` says how sure it is: by how much the weaker flank grows brighter outwards, in shares of the
    brightness around the eyes.
    """

    x: float
    y: float
    radius: float
    contrast: float


@dataclass(frozen=True)
class Irises:
    """The person's right and left iris; None where an eye shows none clearly."""

    right: Iris | None
    left: Iris | None


def find_irises(level: Photo) -> Irises:
    """The irises in a level view (512, 512, 3) uint8 as `grading.framing.view` makes it.

    Of two circles that differ in size by more than `MOST_UNEQUAL`, at least one is wrong: both are refused.
    """
    grey = level.mean(axis=2)
    bright = np.percentile(grey[_rows(), _columns()], 90)
    if bright == 0:
        return Irises(None, None)
    grey = gaussian_filter(grey / bright, _SMOOTHING)
    # the first pixel's middle lies half a pixel from the view's edge, where places are counted from
    right, left = (_find(grey, VIEW.midline + sign * VIEW.distance / 2 - 0.5) for sign in (-1, 1))
    if right and left and abs(right.radius - left.radius) > MOST_UNEQUAL * (right.radius + left.radius) / 2:
        return Irises(None, None)
    return Irises(right, left)


def _rows() -> slice:
    return slice(VIEW.eye_line - 38, VIEW.eye_line + 38)


def _columns() -> slice:
    return slice(VIEW.midline - VIEW.distance // 2 - 42, VIEW.midline + VIEW.distance // 2 + 42)


def _find(grey: Numbers, middle: float) -> Iris | None:
    x, y = np.meshgrid(
        middle + np.arange(-_ACROSS, _ACROSS + 1), VIEW.eye_line - 0.5 + np.arange(-_DOWN, _DOWN + 1)
    )
    best = _clearest(grey, x.ravel(), y.ravel(), _RADII)
    for step in (0.5, 0.25):
        around = step * np.arange(-2, 3)
        x, y = np.meshgrid(best.x + around, best.y + around)
        radii = np.asarray(best.radius + step / 2 * np.arange(-4, 5), np.float64)
        best = _clearest(grey, x.ravel(), y.ravel(), radii)
    inside = _RADII[0] <= best.radius <= _RADII[-1]
    if not inside or best.contrast < FAINTEST:
        return None
    return replace(best, x=best.x + 0.5, y=best.y + 0.5)


def _clearest(grey: Numbers, x: Numbers, y: Numbers, radii: Numbers) -> Iris:
    """Of the circles about each (x, y) with each radius, the one with the strongest flanks."""
    inner, outer = (
        map_coordinates(
            grey,
            [
                y[:, None, None] + (radii[:, None] + way) * _LOW,
                x[:, None, None] + (radii[:, None] + way) * _OUT,
            ],
            order=1,
            mode="nearest",
        )
        for way in (-_STEP, _STEP)
    )
    edges = np.maximum(outer - inner, _DARKEST).reshape(len(x), len(radii), 2, len(_FLANK))
    flanks = np.maximum(edges.mean(axis=3), 0)
    place, size = np.unravel_index(flanks.prod(axis=2).argmax(), flanks.shape[:2])
    return Iris(float(x[place]), float(y[place]), float(radii[size]), float(flanks[place, size].min()))
