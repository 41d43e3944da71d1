"""The drawing board: a grid in face coordinates and the few marks that everything is drawn with.

The board is upright and centred on the face; roll, shift and scale come at the end, in the camera. So x is
the same down a column and y along a row, and a Gaussian is an outer product of two short vectors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from grading.phantom.types import Field, Rgb

RESOLUTION = 2.6
"""Board pixels per mm."""


@dataclass(frozen=True)
class Board:
    """A rectangle of the face's plane (mm, picture orientation), sampled at `RESOLUTION`.

    ``top`` and ``left`` are where this rectangle lies in the whole board, in pixels.
    """

    top: int
    left: int
    height: int
    width: int
    x0: float
    y0: float

    @cached_property
    def x(self) -> Field:
        """(1, width): mm to the right of the face's middle."""
        return (self.x0 + (np.arange(self.width, dtype=np.float32) + 0.5) / RESOLUTION)[None, :]

    @cached_property
    def y(self) -> Field:
        """(height, 1): mm below the pupils."""
        return (self.y0 + (np.arange(self.height, dtype=np.float32) + 0.5) / RESOLUTION)[:, None]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Where this rectangle lies in an array over the whole board."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def within(self, outer: "Board") -> tuple[slice, slice]:
        """Where this rectangle lies in an array over ``outer``."""
        top, left = self.top - outer.top, self.left - outer.left
        return slice(top, top + self.height), slice(left, left + self.width)

    def part(self, x_low: float, x_high: float, y_low: float, y_high: float) -> "Board":
        """The pixels of this rectangle that cover the given one (mm), cut at the edges."""
        left = min(max(int(np.floor((x_low - self.x0) * RESOLUTION)), 0), self.width - 1)
        top = min(max(int(np.floor((y_low - self.y0) * RESOLUTION)), 0), self.height - 1)
        right = min(max(int(np.ceil((x_high - self.x0) * RESOLUTION)), left + 1), self.width)
        bottom = min(max(int(np.ceil((y_high - self.y0) * RESOLUTION)), top + 1), self.height)
        return Board(
            self.top + top,
            self.left + left,
            bottom - top,
            right - left,
            self.x0 + left / RESOLUTION,
            self.y0 + top / RESOLUTION,
        )


WHOLE = Board(0, 0, round(380 * RESOLUTION), round(316 * RESOLUTION), -158.0, -177.0)
"""The whole board: room for the head, the shoulders and a rolled camera."""

FACE = WHOLE.part(-86, 86, -112, 124)
"""The part that holds the head's skin."""


def ramp(value: ArrayLike, low: float, high: float) -> Field:
    """0 below ``low``, 1 above ``high``, smooth between (cubic); falls instead when ``low`` > ``high``."""
    share = np.clip((np.asarray(value, dtype=np.float32) - low) / (high - low), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share), dtype=np.float32)


def bell(value: Field, middle: float, spread: float) -> Field:
    """A Gaussian of height 1."""
    return np.asarray(np.exp(-0.5 * ((value - middle) / spread) ** 2), dtype=np.float32)


def blob(board: Board, x: float, y: float, spread_x: float, spread_y: float) -> Field:
    """A Gaussian spot of height 1 over ``board``."""
    return bell(board.x, x, spread_x) * bell(board.y, y, spread_y)


def add_blob(field: Field, board: Board, spot: tuple[float, float, float, float], height: float) -> None:
    """Add a Gaussian spot (x, y, spread in x, spread in y; mm) to ``field`` over ``board``, in place."""
    x, y, spread_x, spread_y = spot
    part = board.part(x - 3.5 * spread_x, x + 3.5 * spread_x, y - 3.5 * spread_y, y + 3.5 * spread_y)
    field[part.within(board)] += height * blob(part, x, y, spread_x, spread_y)


def paint(image: NDArray[np.float32], colour: Field | Rgb, alpha: Field) -> None:
    """Lay ``colour`` over ``image`` (H, W, 3) with ``alpha`` (H, W), in place."""
    image += alpha[..., None] * (np.asarray(colour, dtype=np.float32) - image)


def noise(seed: int, shape: tuple[int, int], grain: tuple[float, float]) -> Field:
    """Smooth noise, standard deviation 1, with ``grain`` pixels (down, across) from bump to bump."""
    rows, columns = (max(int(np.ceil(side / size)) + 1, 2) for side, size in zip(shape, grain, strict=True))
    coarse = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    fine = np.asarray(Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
    return np.asarray((fine - fine.mean()) / fine.std(), dtype=np.float32)


def spread(coarse: Field, shape: tuple[int, int], step: int) -> Field:
    """A smooth field that was sampled at every ``step``-th pixel, back on all pixels of ``shape``."""
    box = (
        0.5 - 0.5 / step,
        0.5 - 0.5 / step,
        shape[1] / step + 0.5 - 0.5 / step,
        shape[0] / step + 0.5 - 0.5 / step,
    )
    image = Image.fromarray(np.pad(coarse, ((0, 1), (0, 1)), mode="edge"))
    size = (shape[1], shape[0])
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=box), dtype=np.float32)


def curve(points: ArrayLike, count: int = 24) -> NDArray[np.float32]:
    """(count, 2): a smooth line through three points: the quadratic Bézier that meets the middle one."""
    start, middle, end = np.asarray(points, dtype=np.float32)
    control = 2.0 * middle - 0.5 * (start + end)
    t = np.linspace(0.0, 1.0, count, dtype=np.float32)[:, None]
    return np.asarray((1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end, dtype=np.float32)


def near(board: Board, line: NDArray[np.float32], reach: float) -> tuple[Board, Field, Field]:
    """The surroundings of a polyline (N, 2) up to ``reach`` mm.

    Returns the part of ``board``, the distance to the line (mm) and the place along it (0 to 1) of the
    nearest point.
    """
    low, high = line.min(axis=0) - reach, line.max(axis=0) + reach
    part = board.part(low[0], high[0], low[1], high[1])
    start, step = line[:-1, :, None, None], np.diff(line, axis=0)[:, :, None, None]
    across, down = part.x - start[:, 0], part.y - start[:, 1]
    length = np.maximum(step[:, 0] ** 2 + step[:, 1] ** 2, 1e-6)
    share = np.clip((across * step[:, 0] + down * step[:, 1]) / length, 0.0, 1.0)
    squared = (across - share * step[:, 0]) ** 2 + (down - share * step[:, 1]) ** 2
    nearest = squared.argmin(axis=0)[None]
    along = (nearest[0] + np.take_along_axis(share, nearest, axis=0)[0]) / (len(line) - 1)
    distance = np.sqrt(np.take_along_axis(squared, nearest, axis=0)[0])
    return part, np.asarray(distance, np.float32), np.asarray(along, np.float32)


def strokes(board: Board, lines: Iterable[tuple[NDArray[np.float32], float]], sharpness: int = 4) -> Field:
    """The share of each pixel of ``board`` that ``lines`` cover: polylines with their width, both in mm."""
    scale = RESOLUTION * sharpness
    sheet = Image.new("L", (board.width * sharpness, board.height * sharpness))
    pen = ImageDraw.Draw(sheet)
    for line, width in lines:
        places = (line - (board.x0, board.y0)) * scale
        pen.line([(float(x), float(y)) for x, y in places], fill=255, width=max(round(width * scale), 1))
    return np.asarray(sheet.reduce(sharpness), dtype=np.float32) / 255.0
