"""Eyebrows, drawn hair by hair over a soft ground."""

import numpy as np
from numpy.typing import NDArray

from grading.phantom.anatomy import Anatomy
from grading.phantom.canvas import FACE, bell, near, paint, strokes
from grading.phantom.expression import Half
from grading.phantom.types import Field

HAIRS = 280


def middle_line(anatomy: Anatomy, half: Half, along: Field, sign: int) -> NDArray[np.float32]:
    """(N, 2): the brow's middle in mm at shares ``along`` it, from the inner end (0) to the tail (1)."""
    inner, outer = 11.5, anatomy.eye_x + anatomy.eye_width / 2 + 5.0
    x = inner + along * (outer - inner) - 2.6 * half.brow_knit * (1 - along) ** 2
    arch = anatomy.brow_arch * np.sin(np.pi * np.clip(along, 0, 1) ** 1.35) - 1.8 * along**3 + 0.3
    lift = half.brow_lift * (0.86 + 0.14 * np.sin(np.pi * along)) - 3.4 * half.brow_knit * (1 - along) ** 2
    return np.stack([sign * x, -(anatomy.brow_y - 2.0 + arch + lift)], axis=1).astype(np.float32)


def paint_brow(image: NDArray[np.float32], anatomy: Anatomy, half: Half, sign: int) -> None:
    """One brow over ``image`` (the lit skin over `FACE`); ``sign`` -1 is the picture's left one."""
    line = middle_line(anatomy, half, np.linspace(0, 1, 20, dtype=np.float32), sign)
    part, distance, along = near(FACE, line, 9.0)
    thick = _thickness(anatomy, along)
    ends = np.clip(along * 7, 0.0, 1.0) ** 0.7 * np.clip((1.0 - along) * 9, 0.15, 1.0)
    ground = bell(distance / thick, 0.0, 0.36) * ends
    view = image[part.within(FACE)]
    paint(view, anatomy.brow_colour, 0.55 * ground)
    paint(view, anatomy.brow_colour, 0.88 * strokes(part, _hairs(anatomy, half, sign)))


def _thickness(anatomy: Anatomy, along: Field) -> Field:
    """Height of the brow (mm): full in the inner half, running out to the tail."""
    return np.asarray(
        anatomy.brow_thickness * np.interp(along, [0, 0.15, 0.5, 0.8, 1], [0.78, 1, 0.95, 0.6, 0.25])
    )


def _hairs(anatomy: Anatomy, half: Half, sign: int) -> list[tuple[NDArray[np.float32], float]]:
    """The hairs as lines (mm) with their width: upright at the inner end, lying down towards the tail."""
    rng = np.random.default_rng(anatomy.texture_seed + 21 + sign)
    along = rng.uniform(0.0, 0.97, HAIRS).astype(np.float32)
    place = np.clip(rng.normal(0.0, 0.29, HAIRS), -0.55, 0.55)
    wave = rng.normal(0.0, 0.13, HAIRS)
    length = rng.uniform(0.65, 1.1, HAIRS) * np.interp(along, [0, 0.3, 1], [4.4, 6.0, 5.0])
    length *= 0.75 + 0.05 * anatomy.brow_thickness
    rise = np.radians(np.interp(along, [0, 0.12, 0.4, 0.75, 1], [78, 58, 28, 4, -16]))
    rise += wave - place * np.interp(along, [0, 0.3, 1], [0.2, 1.0, 0.9])
    roots = middle_line(anatomy, half, along, sign)
    roots[:, 1] += (-place * _thickness(anatomy, along)).astype(np.float32)
    step = np.stack([sign * np.cos(rise), -np.sin(rise)], axis=1) * length[:, None]
    bend = np.stack([np.zeros(HAIRS), 0.10 * length], axis=1)
    lines = np.stack([roots - 0.35 * step, roots + 0.15 * step - bend, roots + 0.65 * step], axis=1)
    widths = rng.uniform(0.18, 0.30, HAIRS)
    return [(line.astype(np.float32), float(width)) for line, width in zip(lines, widths, strict=True)]
