"""The parts of a score laid over a photo: where the face raised it and where it lowered it.

Points are drawn as a density, points per unit square of the face (a seventh of the distance between the eyes
on each side), so that maps of different grids share one scale. All parts that fall on a place are added up,
from whichever photo: the crops are laid by the eyes, so a place is the same in each.

Blue and orange stay apart for every common kind of colour blindness, and their strength carries the size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from grading.contributions import Contributions
from grading.eyes import Eyes
from grading.face import FaceBox, Photo
from grading.framing import VIEW, BoxFrame, EyeFrame, Frame, square
from grading.regression import Floats

RAISES = (230, 97, 1)
LOWERS = (0, 92, 185)
UNIT = VIEW.distance / 7
"""Side of the unit square in pixels of the view."""
STRONGEST = 0.8
"""Opacity of the colour at the end of the scale."""
_STEPS = (1.0, 2.0, 3.0, 5.0, 10.0)

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Placement:
    """Where the crop of a photo lies on its view: the frame that cut it, and what it was laid by."""

    frame: Frame
    face: FaceBox
    eyes: Eyes


def density(found: Contributions, placement: Placement) -> Floats:
    """Points per unit square at every pixel of the view, (512, 512), between the cells' centres linear."""
    # Parts of the same grid are added up first: laying a grid over the view is what takes the time.
    grids: dict[tuple[int, ...], Floats] = {}
    for part in found.parts:
        grids[part.places.shape] = grids.get(part.places.shape, 0.0) + part.places
    total = np.zeros((VIEW.height, VIEW.width))
    for grid in grids.values():
        for places, (across, down, unit) in zip(grid, _places(grid.shape, placement), strict=True):
            points = places.astype(np.float32) * np.float32(unit)
            total += cv2.remap(points, across, down, cv2.INTER_LINEAR, borderValue=0.0)
    return total


def scale_end(values: Floats) -> float:
    """A round number of points that all but the strongest half per cent of ``values`` stay within."""
    largest = float(np.quantile(np.abs(values), 0.995))
    if largest <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(largest))
    return float(next(step * power for step in _STEPS if step * power >= largest * (1 - 1e-9)))


def paint(view: Photo, values: Floats, end: float) -> Photo:
    """The view (512, 512, 3) in grey with ``values`` over it, opaque the more they near ``end``."""
    grey = np.asarray(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return blend(np.repeat(grey[..., None], 3, axis=2), values, end)


def blend(picture: Photo, values: Floats, end: float) -> Photo:
    """A picture (H, W, 3) with the colours of ``values`` (H, W) over it."""
    # Channel by channel in single precision: a whole picture in double precision takes eight times as long.
    strength = np.minimum(np.abs(values) / end, 1).astype(np.float32) * np.float32(STRONGEST)
    kept, raised = 1 - strength, strength * (values > 0)
    lowered = strength - raised
    painted = np.empty_like(picture)
    for channel, (raises, lowers) in enumerate(zip(RAISES, LOWERS, strict=True)):
        mixed = picture[..., channel] * kept + raised * np.float32(raises) + lowered * np.float32(lowers)
        np.rint(mixed, out=mixed)
        painted[..., channel] = mixed
    return painted


def _places(grid: tuple[int, ...], placement: Placement) -> Iterator[tuple[Plane, Plane, float]]:
    """Per tile, where each pixel of the view lies in its grid, and unit squares in one cell of that.

    ``grid`` is (tiles, H, W).
    """
    tiles, rows, columns = grid
    frame = placement.frame
    for mirrored in (False, True)[:tiles]:
        if isinstance(frame, EyeFrame):
            yield _laid_by_eyes(frame, rows, columns, mirrored=mirrored)
        else:
            x, y, zoom = _in_box(frame, placement.face, placement.eyes, mirrored=mirrored)
            yield _in_grid(x, y, zoom, frame, rows, columns)


@lru_cache(maxsize=8)
def _laid_by_eyes(frame: EyeFrame, rows: int, columns: int, *, mirrored: bool) -> tuple[Plane, Plane, float]:
    """As `_places`, for one tile of a crop laid by the eyes as the view is: the same for every photo."""
    right, down = _from_the_eyes()
    zoom = frame.distance / VIEW.distance
    x, y = frame.midline + (-right if mirrored else right) * zoom, frame.eye_line + down * zoom
    return _in_grid(x, y, zoom, frame, rows, columns)


def _from_the_eyes() -> tuple[Floats, Floats]:
    """How far the pixels of the view, (512, 512), lie to the right of and below the middle of the eyes."""
    down, right = np.mgrid[: VIEW.height, : VIEW.width] + 0.5
    return right - VIEW.midline, down - VIEW.eye_line


def _in_grid(
    x: Floats, y: Floats, zoom: float, frame: Frame, rows: int, columns: int
) -> tuple[Plane, Plane, float]:
    """Places in a tile as places in its grid; ``zoom`` is tile pixels per view pixel."""
    height, width = frame.shape
    cell = (height / rows) * (width / columns)
    across, down = x * columns / width - 0.5, y * rows / height - 0.5
    return across.astype(np.float32), down.astype(np.float32), (UNIT * zoom) ** 2 / cell


def _in_box(frame: BoxFrame, face: FaceBox, eyes: Eyes, *, mirrored: bool) -> tuple[Floats, Floats, float]:
    """Columns and rows of a tile at the pixels of the view, (512, 512), and tile pixels per view pixel.

    The tile is a square around the face's box, which is not level with the eyes.
    """
    right, down = _from_the_eyes()
    step = (np.array(eyes.left) - np.array(eyes.right)) / VIEW.distance
    box = square(face, frame.margin)
    zoom = frame.size / box.width
    x = (eyes.middle[0] + step[0] * right - step[1] * down - box.left) * zoom
    y = (eyes.middle[1] + step[1] * right + step[0] * down - box.top) * zoom
    return frame.size - x if mirrored else x, y, float(np.hypot(*step)) * zoom
