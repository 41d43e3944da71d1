"""Hair: a mass behind the head, a cap over it, both combed with strands."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter, map_coordinates

from grading.phantom.anatomy import Anatomy
from grading.phantom.canvas import WHOLE, Board, bell, noise, paint, ramp
from grading.phantom.head import inside
from grading.phantom.light import Light
from grading.phantom.types import Field

HAIR = WHOLE.part(-112, 112, -135, 190)
SWELL = {"short": 6.0, "parted": 9.0, "tied": 3.5, "bob": 10.0, "long": 9.0, "curly": 17.0, "balding": 2.0}
"""How far hair stands off the skull, mm, by style."""
BURNS = {
    "short": 12.0,
    "parted": 6.0,
    "tied": -14.0,
    "bob": 40.0,
    "long": 60.0,
    "curly": 4.0,
    "balding": 10.0,
}
"""Where hair ends in front of the ear, mm below the pupils."""
BACK_LENGTH = {"bob": 92.0, "long": 175.0}
PARTING = {"parted": 22.0, "bob": 18.0, "long": 4.0}
"""Where the parting lies, mm to the right of the middle."""


@dataclass(frozen=True, eq=False)
class Mass:
    """Hair over ``board``: ``alpha`` 0-1, ``strands`` (brightness of each strand, about 1)."""

    board: Board
    alpha: Field
    strands: Field


def paint_back_hair(image: NDArray[np.float32], anatomy: Anatomy, light: Light) -> None:
    """Hair that hangs behind the neck, over ``image`` (the whole board)."""
    back = _masses(anatomy)[0]
    if back is not None:
        _paint(image, back, anatomy, light, dim=0.55)


def paint_front_hair(image: NDArray[np.float32], anatomy: Anatomy, light: Light) -> None:
    """Hair that covers the skull, over ``image`` (the whole board)."""
    _paint(image, _masses(anatomy)[1], anatomy, light, dim=1.0)


def _paint(image: NDArray[np.float32], mass: Mass, anatomy: Anatomy, light: Light, dim: float) -> None:
    lx, ly, _ = light.towards
    x, y = mass.board.x, mass.board.y
    bright = 0.75 + 0.5 * ramp(x * lx + (y + 60) * ly, -40.0, 60.0)
    sheen = 0.10 * bell(y, -88.0 + 25 * abs(lx), 12.0) * bell(x, 60 * lx, 45.0) * dim
    strands = mass.strands
    colour = np.asarray(anatomy.hair_colour, dtype=np.float32) * np.asarray(light.colour, dtype=np.float32)
    body = (dim * bright * strands)[..., None] * colour * (light.key + light.fill)
    body = body + (sheen * np.clip(strands, 0, 3) ** 2)[..., None] * (0.35 + 0.65 * colour)
    paint(image[mass.board.slices], np.asarray(body, dtype=np.float32), mass.alpha)


@lru_cache(maxsize=4)
def _masses(anatomy: Anatomy) -> tuple[Mass | None, Mass]:
    """Back and front hair of ``anatomy``."""
    style = anatomy.hair_style
    strands = _strands(anatomy)
    wisps = (0.7 if style == "curly" else 1.4) * (strands - 1) / strands.std()
    depth = inside(HAIR, anatomy)
    outer = depth + SWELL[style] * anatomy.hair_volume * ramp(HAIR.y, 30.0, -40.0)
    if style == "curly":
        outer = outer + 1.8 * noise(anatomy.texture_seed + 71, HAIR.shape, (20.0, 20.0))
    line = _hairline(anatomy)
    front = ramp(outer + 0.15 * wisps, -0.8, 0.8) * ramp(line + wisps, -2.6, 2.6)
    # hair is thin at its edges and darker where it turns away
    edge = (1 - 0.22 * ramp(line, 8.0, 0.0)) * (1 - 0.5 * ramp(outer, 16.0, 0.0))
    cap = _mass(front, strands * edge)
    return _back(anatomy, depth, wisps, strands), cap


def _mass(alpha: Field, strands: Field) -> Mass:
    """The mass cut to the rectangle in which there is hair."""
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    x, y = HAIR.x[0, columns], HAIR.y[rows, 0]
    board = HAIR.part(float(x[0]), float(x[-1]), float(y[0]), float(y[-1]))
    here = board.within(HAIR)
    return Mass(board, alpha[here].astype(np.float32), strands[here].astype(np.float32))


def _hairline(anatomy: Anatomy) -> Field:
    """How far above the hairline each pixel lies (mm, negative on the skin)."""
    style, top = anatomy.hair_style, anatomy.hairline
    side = np.abs(HAIR.x) / (anatomy.head_width / 2)
    recess = {"short": 4.0, "parted": 3.0}.get(style, 1.5) * (0.4 + anatomy.masculinity)
    ear = BURNS[style]
    places = [0.0, 0.30, 0.52, 0.70, 0.82, 0.90, 0.96, 1.02, 1.3]
    levels = [
        -top,
        -top,
        -top - recess,
        -top + 9,
        -top + 22,
        -22.0,
        -4.0 + 0.4 * ear,
        ear,
        ear,
    ]
    level = PchipInterpolator(places, levels)(side)
    if style == "balding":
        level = level - 85.0 * ramp(side, 0.96, 0.40)
    if style in ("parted", "bob", "long"):
        level = level - 7.0 * bell(HAIR.x, PARTING[style], 9.0) + 5.0 * bell(HAIR.x, -30.0, 22.0)
    return np.asarray(
        np.minimum((level - HAIR.y) * (1 - 0.65 * ramp(side, 0.5, 0.85)), 60.0), dtype=np.float32
    )


def _back(anatomy: Anatomy, depth: Field, wisps: Field, strands: Field) -> Mass | None:
    """Hair behind the neck, for the styles that have it."""
    length = BACK_LENGTH.get(anatomy.hair_style)
    if length is None:
        return None
    wide = 12.0 * (0.6 + 0.4 * anatomy.hair_volume)
    x, y = HAIR.x, HAIR.y
    half = anatomy.head_width / 2 + wide - 14.0 * ramp(y, 70.0, 150.0) + 1.6 * np.sin(y / 19.0)
    curtain = np.minimum(half - np.abs(x), length - y - 0.002 * x**2)
    curtain = np.where(y < 0, np.minimum(curtain, depth + wide * ramp(y, -60.0, 0.0)), curtain) + 0.8 * wisps
    return _mass(ramp(curtain, -1.2, 1.2), strands * (0.65 + 0.35 * ramp(curtain, 0.0, 14.0)))


def _strands(anatomy: Anatomy) -> Field:
    """Brightness of the strands over `HAIR`: noise fine across the combing direction and long along it."""
    seed, style = anatomy.texture_seed, anatomy.hair_style
    if style == "curly":
        curls = noise(seed + 74, HAIR.shape, (9.0, 9.0)) + 0.8 * noise(seed + 75, HAIR.shape, (4.0, 4.0))
        return np.asarray(
            np.clip(1 + 0.30 * gaussian_filter(np.abs(curls) - 0.8, 0.7), 0.15, 2.5), np.float32
        )
    if style in PARTING:
        # combed away from the parting: each strand leaves it level and falls in a parabola
        away = np.abs(HAIR.x - PARTING[style])
        across, along = HAIR.y - 0.0165 * away**2 + 330.0, away + 0.3 * (HAIR.y + 150)
    else:
        # swept back: strands fan out from behind the forehead
        away = np.sqrt(HAIR.x**2 + (HAIR.y + 10.0) ** 2)
        across, along = 90.0 * np.arctan2(HAIR.x, -(HAIR.y + 10.0)) + 285.0, away
    length = 26.0 if style in ("short", "balding") else 90.0
    across = across + 1.2 * np.sin(along / 9.0 + 0.02 * across)
    sheet = noise(seed + 76, (1400, 260), (1.7, length)) + 0.9 * noise(
        seed + 77, (1400, 260), (6.0, 1.4 * length)
    )
    sheet = sheet + 0.7 * noise(seed + 78, (1400, 260), (22.0, 2.0 * length))
    places = np.stack([np.clip(across * 2.4, 0, 1399), np.clip(along, 0, 259) * np.ones_like(across)])
    combed = map_coordinates(sheet, places, order=1, mode="nearest")
    return np.asarray(np.clip(1 + 0.22 * combed, 0.2, 2.2), dtype=np.float32)
