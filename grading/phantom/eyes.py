"""Eyes and lids: first as relief under the lamp, then the eyeball and the lashes painted over it."""

import numpy as np
from numpy.typing import NDArray

from grading.phantom.anatomy import Anatomy
from grading.phantom.canvas import FACE, RESOLUTION, Board, add_blob, bell, near, paint, ramp, strokes
from grading.phantom.expression import UPPER_SHARE, Half
from grading.phantom.light import Light
from grading.phantom.types import Field

IRIS_RADIUS = 6.0
SOFT = 0.55 / RESOLUTION
"""Half the width in mm over which an edge fades."""


def shape_lids(relief: Field, albedo: NDArray[np.float32], anatomy: Anatomy, half: Half, sign: int) -> None:
    """Lid crease, lid rim and closed lid into ``relief`` and ``albedo`` over `FACE`; ``sign`` -1 is the
    picture's left eye."""
    across = np.linspace(-0.02, 1.05, 22, dtype=np.float32)
    open_top = UPPER_SHARE * anatomy.fissure
    above = max(open_top + anatomy.lid_crease, half.upper_lid + 1.3)
    shut = float(ramp(half.fissure, anatomy.fissure, 0.0))
    _, low = _edges(anatomy, half, across)
    lower_at_rest = (1 - UPPER_SHARE) * anatomy.fissure
    crease_y = _bottom(anatomy, lower_at_rest, across) - (above + lower_at_rest) * _arch(across, 0.46)
    crease = np.stack([_place(anatomy, across, sign), crease_y], axis=1)
    part, distance, along = near(FACE, crease, 4.0)
    taper = np.sin(np.pi * np.clip(0.12 + 0.80 * along, 0, 1))
    depth = (1.25 - 0.75 * shut) * taper
    relief[part.within(FACE)] -= depth * bell(distance, 0.0, 0.85)
    albedo[part.within(FACE)] *= (1 - 0.30 * (1 - 0.6 * shut) * taper * bell(distance, 0.0, 0.6))[..., None]
    rim = np.stack([_place(anatomy, across, sign), low + 1.0], axis=1)
    part, distance, along = near(FACE, rim, 4.0)
    relief[part.within(FACE)] += 0.55 * np.sin(np.pi * along) * bell(distance, 0.0, 1.0)
    add_blob(relief, FACE, (sign * anatomy.eye_x, -1.0, 9.0, 5.5), 1.6 * shut)
    add_blob(relief, FACE, (sign * anatomy.eye_x, half.lower_lid + 5.0, 12.0, 2.4), 1.1 * half.squeeze)


def paint_eye(image: NDArray[np.float32], anatomy: Anatomy, half: Half, sign: int, light: Light) -> None:
    """The eyeball in its opening, lid margins and lashes, over ``image`` (the lit skin over `FACE`)."""
    part = FACE.part(*_reach(anatomy, sign), -22, 20)
    view = image[part.within(FACE)]
    across = (sign * part.x - (anatomy.eye_x - anatomy.eye_width / 2)) / anatomy.eye_width
    top, bottom = _edges(anatomy, half, across)
    within = ramp(across, 0.0, 0.02) * ramp(across, 1.0, 0.98)
    opening = within * ramp(part.y - top, -SOFT, SOFT) * ramp(bottom - part.y, -SOFT, SOFT)
    paint(view, _eyeball(part, anatomy, half, sign, light, top, bottom, across), opening)
    skin = np.asarray(anatomy.skin, dtype=np.float32)
    wet = within * bell(part.y - bottom, 0.15, 0.34) * ramp(bottom - top, 0.8, 3.0)
    paint(view, tuple(0.9 * skin * (1.0, 0.78, 0.74) + 0.02), 0.55 * wet)
    liner = bell(part.y - top, -0.30, 0.52) * ramp(across, -0.02, 0.10) * ramp(across, 1.06, 0.96)
    paint(view, tuple(0.12 * skin * (1.0, 0.8, 0.75) + 0.003), 0.92 * liner)
    under = bell(part.y - bottom, 0.75, 0.40) * ramp(across, 0.25, 0.7) * ramp(across, 1.05, 0.9)
    paint(view, tuple(0.35 * skin), 0.40 * under)
    paint(view, (0.012, 0.009, 0.008), 0.85 * strokes(part, _lashes(anatomy, half, sign)))


def _reach(anatomy: Anatomy, sign: int) -> tuple[float, float]:
    """Leftmost and rightmost mm of an eye's surroundings."""
    middle, far = sign * anatomy.eye_x, anatomy.eye_width / 2 + 7
    return middle - far, middle + far


def _place(anatomy: Anatomy, across: Field, sign: int) -> Field:
    """x in mm of a share ``across`` the eye, 0 at the inner corner."""
    return np.asarray(sign * (anatomy.eye_x - anatomy.eye_width / 2 + across * anatomy.eye_width), np.float32)


def _arch(across: Field, sharpness: float) -> Field:
    inner = np.clip(across, 0.0, 1.0) ** 0.90
    return np.asarray((4 * inner * (1 - inner)) ** sharpness, dtype=np.float32)


def _bottom(anatomy: Anatomy, lower: float, across: Field) -> Field:
    """Height of the lower lid's edge (mm) where it lies ``lower`` below the pupil's level at mid-eye."""
    tilt = anatomy.eye_width * np.tan(np.radians(anatomy.eye_tilt))
    corners = 1.2 + 0.5 * tilt - tilt * across
    outer = np.clip(across, 0.0, 1.0) ** 1.12
    return np.asarray(corners + (lower - 1.2) * (4 * outer * (1 - outer)) ** 0.72, dtype=np.float32)


def _edges(anatomy: Anatomy, half: Half, across: Field) -> tuple[Field, Field]:
    """Heights (mm) of the upper and the lower lid's edge; they meet where the fissure is 0."""
    bottom = _bottom(anatomy, half.lower_lid, across)
    return bottom - half.fissure * _arch(across, 0.60), bottom


def _eyeball(
    part: Board,
    anatomy: Anatomy,
    half: Half,
    sign: int,
    light: Light,
    top: Field,
    bottom: Field,
    across: Field,
) -> NDArray[np.float32]:
    """Colour of the eyeball over ``part``: white, caruncle, iris, pupil, lid's shadow, lamp's glint."""
    x, y = part.x - sign * anatomy.eye_x, part.y + 6.8 * half.rolled
    radius = np.sqrt(x * x + y * y)
    ball = np.broadcast_to(np.asarray((0.46, 0.43, 0.40), dtype=np.float32), (*part.shape, 3)).copy()
    paint(ball, (0.52, 0.26, 0.22), 0.75 * np.broadcast_to(ramp(across, 0.15, 0.02), part.shape))
    ball *= (1 - 0.42 * ramp(np.abs(part.x - sign * anatomy.eye_x), 6.5, 16.0))[..., None]
    angle = np.arctan2(y, x)
    fibres = 1 + 0.22 * np.sin(23 * angle + 2 * np.sin(7 * angle)) * ramp(radius, 1.6, 4.0)
    iris = np.asarray(anatomy.iris, dtype=np.float32) * fibres[..., None]
    iris = iris * (0.62 + 0.68 * bell(y, 2.8, 2.0) * bell(radius, 3.6, 1.4))[..., None]
    iris *= (1 - 0.68 * ramp(radius, IRIS_RADIUS - 1.3, IRIS_RADIUS))[..., None]
    paint(ball, iris, ramp(radius, IRIS_RADIUS + 0.35, IRIS_RADIUS - 0.35))
    paint(ball, (0.006, 0.005, 0.005), ramp(radius, 2.25, 1.75))
    shadow = 0.40 + 0.60 * ramp(part.y - top, -0.4, 3.8) * (0.86 + 0.14 * ramp(bottom - part.y, 0.0, 1.2))
    ball *= (shadow * (light.key + light.fill))[..., None] * np.asarray(light.colour, dtype=np.float32)
    glint_x, glint_y = 5.2 * light.towards[0], 5.2 * light.towards[1]
    glint = ramp(np.sqrt((x - glint_x) ** 2 + (1.15 * (y - glint_y)) ** 2), 1.25, 0.75)
    paint(ball, (1.0, 1.0, 1.0), 0.95 * glint)
    paint(ball, (0.8, 0.85, 0.9), 0.22 * bell(x, -glint_x, 1.6) * bell(y, 3.2, 0.8))
    return ball


def _lashes(anatomy: Anatomy, half: Half, sign: int) -> list[tuple[NDArray[np.float32], float]]:
    """Lash lines (mm) with their width: upper ones turn down as the lid closes."""
    rng = np.random.default_rng(anatomy.texture_seed + 11 + sign)
    shut = float(ramp(half.fissure, 0.8 * anatomy.fissure, 0.0))
    long = 4.6 - 2.4 * anatomy.masculinity
    lines = []
    for row, count in ((0, 36 - round(12 * anatomy.masculinity)), (1, 16)):
        across = np.sort(rng.uniform(0.12, 1.0, count)).astype(np.float32)
        reach = rng.uniform(0.6, 1.0, count) * (0.45 + 0.75 * across) * long
        lean = rng.normal(0.0, 0.18, count)
        edges = _edges(anatomy, half, across)[row]
        up = (1.5 * shut - 0.8) if row == 0 else 0.75
        for place, length, tilt, edge in zip(across, reach, lean, edges, strict=True):
            size = length * (1.0 if row == 0 else 0.42)
            out = 1.5 * (place - 0.42) + tilt
            x = float(sign * (anatomy.eye_x + (place - 0.5) * anatomy.eye_width))
            start = np.array([x, float(edge) + (0.6 if row else 0.0)], dtype=np.float32)
            tip = start + size * np.array([sign * 0.55 * out, up], dtype=np.float32)
            bend = (start + tip) / 2 + np.array([sign * 0.10 * size * out, 0.16 * size], dtype=np.float32)
            lines.append(
                (
                    np.stack([start, bend, tip]).astype(np.float32),
                    (0.22 if row == 0 else 0.14) - 0.06 * anatomy.masculinity,
                )
            )
    return lines
