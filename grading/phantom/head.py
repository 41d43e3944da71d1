"""The head at rest: its outline, its relief and the colour of its skin.

The relief is a height in mm towards the camera; light falls on its slopes. Only what no pose changes is
here, so it is worked out once per anatomy.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import distance_transform_edt, gaussian_filter

from grading.phantom.anatomy import Anatomy
from grading.phantom.canvas import (
    FACE,
    RESOLUTION,
    Board,
    add_blob,
    bell,
    blob,
    curve,
    near,
    noise,
    ramp,
    spread,
)
from grading.phantom.types import Field

CROWN_Y = -99.0
"""Top of the skull, mm from the pupils."""
RIM = 36.0
"""Depth in mm over which the face rounds off towards its outline."""


@dataclass(frozen=True, eq=False)
class Head:
    """The skin over `FACE`: ``relief`` in mm, ``alpha`` 0-1, ``albedo`` (h, w, 3), ``gloss`` 0-1."""

    relief: Field
    alpha: Field
    albedo: NDArray[np.float32]
    gloss: Field


def half_width(anatomy: Anatomy, y: Field) -> Field:
    """Half the width of the face in mm at the heights ``y`` (mm); 0 above the crown and below the chin.

    Interpolated over the angle whose sine is the height, so that crown and chin close in a round.
    """
    widest, bottom = anatomy.head_width / 2, anatomy.chin_y
    mouth, jaw = anatomy.mouth_y, anatomy.jaw
    levels = (
        (CROWN_Y, 0.0),
        (-86.0, 0.56 * widest),
        (-70.0, 0.80 * widest),
        (-45.0, 0.945 * widest),
        (-15.0, 0.985 * widest),
        (12.0, 0.99 * widest),
        (34.0, 0.955 * widest),
        (mouth - 12.0, (0.15 + 0.955 * jaw) * widest),
        (mouth + 6.0, jaw * widest),
        (bottom - 22.0, 0.46 * (jaw * widest + anatomy.chin_width + 9.0)),
        (bottom - 9.0, anatomy.chin_width + 2.5),
        (bottom - 3.0, 0.66 * anatomy.chin_width + 2.0),
        (bottom, 0.0),
    )
    middle, reach = (CROWN_Y + bottom) / 2, (bottom - CROWN_Y) / 2

    def angle(height: Field | float) -> Field:
        return np.asarray(
            np.arcsin(np.clip((np.asarray(height) - middle) / reach, -1.0, 1.0)), dtype=np.float32
        )

    spline = PchipInterpolator([float(angle(level)) for level, _ in levels], [width for _, width in levels])
    return np.asarray(spline(angle(y)), dtype=np.float32)


def inside(board: Board, anatomy: Anatomy) -> Field:
    """How far each pixel of ``board`` lies inside the face's outline: mm, negative outside."""
    width = half_width(anatomy, board.y)
    slope = np.gradient(width[:, 0]) * RESOLUTION
    edge = (width - np.abs(board.x)) / np.sqrt(1 + slope[:, None] ** 2)
    coarse = 4
    within = (width > np.abs(board.x))[::coarse, ::coarse]
    signed = (distance_transform_edt(within) - distance_transform_edt(~within)) * coarse / RESOLUTION
    far = spread(np.asarray(signed, dtype=np.float32), board.shape, coarse)
    # the outline's own equation is exact at the edge, the transform everywhere else
    return np.asarray(np.where(np.abs(far) < 2.5, np.clip(edge, -2.5, 2.5), far), dtype=np.float32)


@lru_cache(maxsize=4)
def head(anatomy: Anatomy) -> Head:
    """The head of ``anatomy`` at rest, without eyes, brows and lips."""
    depth = inside(FACE, anatomy)
    relief = _skull(depth)
    _features(relief, anatomy)
    _nose(relief, anatomy)
    return Head(
        relief=relief,
        alpha=ramp(depth, -0.35, 0.35),
        albedo=_skin(anatomy, depth),
        gloss=_gloss(anatomy),
    )


def _skull(depth: Field) -> Field:
    """The rounded mass of the head, from how deep each pixel lies inside the outline."""
    round_off = np.sqrt(np.clip(1 - (1 - np.clip(depth / RIM, 0.0, 1.0)) ** 2, 0, 1))
    coarse = 3
    fine = spread(gaussian_filter(round_off[::coarse, ::coarse], 4.0), depth.shape, coarse)
    relief = 33.0 * fine
    relief += (
        26.0
        * np.sqrt(np.clip(1 - (FACE.x / 88) ** 2, 0, 1))
        * np.sqrt(np.clip(1 - (FACE.y / 160) ** 2, 0, 1))
    )
    return np.asarray(relief, dtype=np.float32)


def _features(relief: Field, anatomy: Anatomy) -> None:
    """Brow ridge, sockets, cheekbones, muzzle and chin."""
    age = float(np.clip((anatomy.age - 25) / 50, 0, 1))
    man = anatomy.masculinity
    mouth, chin = anatomy.mouth_y, anatomy.chin_y
    for sign in (-1, 1):
        spots = (
            ((sign * 24.0, -54.0, 20.0, 16.0), 2.0),
            ((sign * 24.0, -19.0, 19.0, 6.0), 2.2 + 1.6 * man),
            ((sign * (anatomy.eye_x - 1), -3.0, 15.0, 9.0), -6.0),
            ((sign * 15.0, -5.0, 4.5, 7.0), -4.5),
            ((sign * anatomy.eye_x, 0.5, 10.5, 8.0), 4.6),
            ((sign * (anatomy.eye_x - 2), 15.0, 11.0, 3.2), 0.4 + 0.9 * age),
            ((sign * (anatomy.eye_x - 5), 19.5, 11.0, 2.6), -0.4 - 0.6 * age),
            ((sign * 43.0, 25.0, 15.0, 11.0), 5.0),
            ((sign * 47.0, 55.0, 13.0, 15.0), -2.0 - 1.8 * age),
            ((sign * 63.0, -28.0, 12.0, 18.0), -3.0),
            ((sign * 4.2, mouth - 13.0, 1.6, 5.0), 0.7),
            ((sign * (anatomy.mouth_width / 2 + 5), mouth + 2, 4.5, 6.0), -1.2),
            ((sign * 27.0, chin - 16.0, 8.0, 9.0), 0.8 + age),
        )
        for spot, height in spots:
            add_blob(relief, FACE, spot, height)
    middle = (
        ((0.0, -17.0, 7.0, 8.0), 0.8),
        ((0.0, mouth + 1.0, 23.0, 17.0), 5.5),
        ((0.0, mouth - 13.0, 2.0, 5.0), -0.9),
        ((0.0, mouth + 17.0, 15.0, 4.5), -3.6),
        ((0.0, chin - 15.0, 13.0, 9.0), 5.0 + man),
        ((0.0, chin - 13.0, 2.2, 7.0), -0.5 * man),
    )
    for spot, height in middle:
        add_blob(relief, FACE, spot, height)


def _nose(relief: Field, anatomy: Anatomy) -> None:
    """Bridge, tip, wings and the creases around them; ``nose_length`` is where the nose meets the lip."""
    base, wide, high = anatomy.nose_length, anatomy.nose_width / 2, anatomy.nose_height
    heights = PchipInterpolator(
        [-24, -12, -2, 12, base - 16, base - 8, base - 3.5, base, base + 5],
        [0.0, 0.12, 0.24, 0.46, 0.78, 1.0, 0.93, 0.50, 0.0],
    )
    widths = PchipInterpolator(
        [-24, -4, 10, base - 16, base - 7, base + 5],
        [
            12.0,
            anatomy.bridge_width * 0.82,
            anatomy.bridge_width * 0.9,
            0.34 * wide + 1,
            0.40 * wide + 1,
            0.20 * wide,
        ],
    )
    part = FACE.part(-34, 34, -24, base + 5)
    ridge = high * heights(part.y) * np.exp(-0.5 * (np.abs(part.x) / widths(part.y)) ** 2.3)
    relief[part.within(FACE)] += ridge.astype(np.float32)
    add_blob(relief, FACE, (0.0, base - 7.5, 5.2, 4.6), 1.6)
    for sign in (-1, 1):
        add_blob(relief, FACE, (sign * (wide - 5.0), base - 6.6, 3.9, 3.9), 6.2)
        add_blob(relief, FACE, (sign * (wide - 10.0), base - 9.0, 1.6, 3.6), -0.7)
        x = sign * wide
        wing = curve([(x - sign * 3, base - 13), (x + sign * 0.8, base - 6.5), (x - sign * 4, base + 0.5)])
        around, distance, along = near(FACE, wing, 5.0)
        relief[around.within(FACE)] -= 1.3 * bell(distance, 0.0, 1.3) * np.sin(np.pi * (0.1 + 0.8 * along))


def _skin(anatomy: Anatomy, depth: Field) -> NDArray[np.float32]:
    """Skin colour over `FACE`: the tone, redder and darker places, beard shadow, freckles and pores."""
    seed, base, mouth = anatomy.texture_seed, anatomy.nose_length, anatomy.mouth_y
    light = 1.0 - anatomy.melanin
    rosy = np.zeros(FACE.shape, dtype=np.float32)
    dark = np.zeros(FACE.shape, dtype=np.float32)
    for sign in (-1, 1):
        add_blob(rosy, FACE, (sign * 39.0, 30.0, 15.0, 13.0), 1.0)
        add_blob(dark, FACE, (sign * (anatomy.eye_x - 3), 11.0, 11.0, 5.0), 0.20)
        add_blob(dark, FACE, (sign * anatomy.eye_x, -9.0, 13.0, 4.0), 0.12)
        add_blob(dark, FACE, (sign * 14.5, -1.0, 4.0, 6.0), 0.18)
        add_blob(dark, FACE, (sign * 0.235 * anatomy.nose_width, base - 2.6, 2.7, 1.5), 2.6)
    add_blob(rosy, FACE, (0.0, base - 8.0, 9.0, 7.0), 0.9)
    add_blob(rosy, FACE, (0.0, anatomy.chin_y - 14, 14.0, 8.0), 0.4)
    add_blob(dark, FACE, (0.0, base + 2.5, 10.0, 3.2), 0.22)
    blotch = noise(seed, FACE.shape, (28.0, 28.0)) + 0.5 * noise(seed + 1, FACE.shape, (9.0, 9.0))
    pores = noise(seed + 2, FACE.shape, (2.2, 2.2))
    rosy += 0.12 * blotch
    dark += 0.018 * blotch + 0.016 * pores
    if anatomy.stubble > 0:
        beard = ramp(FACE.y, 30.0, 58.0) * ramp(np.abs(FACE.x) + 0.5 * FACE.y, 38.0, 58.0)
        beard = np.maximum(beard, blob(FACE, 0.0, base + 9, 17.0, 5.0)) * ramp(depth, -4.0, 9.0)
        beard *= 1 - blob(FACE, 0.0, mouth + 1, 17.0, 6.0)
        dark += 0.34 * anatomy.stubble * beard * (1 + 0.22 * noise(seed + 3, FACE.shape, (1.6, 1.6)))
        rosy -= 0.5 * anatomy.stubble * beard
    if anatomy.freckles > 0.05:
        spots = ramp(noise(seed + 4, FACE.shape, (4.0, 4.0)), 1.2, 2.0) * ramp(rosy, 0.1, 0.8)
        dark += 0.30 * anatomy.freckles * spots
    if anatomy.age > 55:
        spots = ramp(noise(seed + 5, FACE.shape, (8.0, 8.0)), 1.9, 2.5)
        dark += 0.14 * spots * (anatomy.age - 55) / 25
    shade = np.exp(-dark)[..., None] * (
        1 + dark[..., None] * np.array([0.10, -0.04, -0.10], dtype=np.float32)
    )
    flush = anatomy.blush * (0.35 + 0.65 * light) * np.array([0.03, -0.13, -0.10], dtype=np.float32)
    albedo = np.asarray(anatomy.skin, dtype=np.float32) * shade * (1 + rosy[..., None] * flush)
    return np.asarray(np.clip(albedo, 0.004, 1.0), dtype=np.float32)


def _gloss(anatomy: Anatomy) -> Field:
    """Where the skin is oily: forehead, nose, cheekbones, chin."""
    gloss = np.full(FACE.shape, 0.35, dtype=np.float32)
    for spot in ((0.0, -48.0, 24.0, 12.0), (0.0, 22.0, 6.0, 18.0), (0.0, anatomy.chin_y - 14, 10.0, 7.0)):
        add_blob(gloss, FACE, spot, 0.6)
    for sign in (-1, 1):
        add_blob(gloss, FACE, (sign * 40.0, 20.0, 12.0, 7.0), 0.5)
    return gloss * (1 + 0.25 * noise(anatomy.texture_seed + 6, FACE.shape, (2.5, 2.5)))
