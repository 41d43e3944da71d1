"""The mouth: curves of the lips from both halves' movements, their relief and colour, and the teeth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.phantom.anatomy import Anatomy
from grading.phantom.canvas import FACE, RESOLUTION, Board, bell, noise, paint, ramp
from grading.phantom.expression import Half
from grading.phantom.light import Light
from grading.phantom.types import Field

SOFT = 0.55 / RESOLUTION
UPPER_TEETH = (0.0, 8.4, 14.8, 22.0, 28.0, 33.0)
LOWER_TEETH = (0.0, 5.3, 10.8, 17.0, 23.5, 29.5)
"""Where one tooth ends and the next begins, mm from the midline."""


@dataclass(frozen=True, eq=False)
class Lips:
    """Per column of ``part``, heights in mm: the four edges from above, and how full the lips are (0 at the
    corners, 1 in the middle)."""

    part: Board
    top: Field
    inner_top: Field
    inner_bottom: Field
    bottom: Field
    full: Field
    pucker: float

    @property
    def seam(self) -> Field:
        """Between the inner edges; where the lips meet when the mouth is closed."""
        return np.asarray((self.inner_top + self.inner_bottom) / 2, dtype=np.float32)


def lips(anatomy: Anatomy, halves: tuple[Half, Half]) -> Lips:
    """The lips' edges in a pose. A stronger half draws the middle of the mouth to its side."""
    right, left = halves
    shift = 0.30 * (left.corner_out - right.corner_out)
    reach_right = anatomy.mouth_width / 2 + right.corner_out + shift
    reach_left = anatomy.mouth_width / 2 + left.corner_out - shift
    part = FACE.part(
        shift - reach_right - 14, shift + reach_left + 14, anatomy.mouth_y - 26, anatomy.mouth_y + 32
    )
    offset = part.x - shift
    t = np.where(offset < 0, offset / reach_right, offset / reach_left).astype(np.float32)
    away = np.minimum(np.abs(t), 1.0)
    side = ramp(t, -0.6, 0.6)

    def blend(name: str) -> Field:
        return np.asarray((1 - side) * getattr(right, name) + side * getattr(left, name), dtype=np.float32)

    pucker = 0.5 * (right.pucker + left.pucker)
    middle = anatomy.mouth_y - 0.22 * (right.corner_lift + left.corner_lift)
    corner = anatomy.mouth_y - 0.8 - np.where(t < 0, right.corner_lift, left.corner_lift)
    lift, drop = blend("upper_lip_lift"), blend("lower_lip_drop")
    stretch = 1.0 - 0.012 * (right.corner_out + left.corner_out)
    seam = (
        middle
        + (corner - middle) * away**1.7
        + 0.6 * np.exp(-((t / 0.18) ** 2))
        - 0.5 * np.exp(-(((away - 0.4) / 0.2) ** 2))
    )
    open_by = (1 - away**2.4).clip(0, 1)
    opening = ramp(np.max(drop), 0.0, 0.5)
    inner_top = seam - lift * open_by
    inner_bottom = np.where(opening > 0, seam + drop * open_by, inner_top)
    full = (1 - away**2.3).clip(0, 1)
    bow = 1 + 0.12 * np.exp(-(((away - 0.22) / 0.13) ** 2)) - 0.17 * np.exp(-((t / 0.09) ** 2))
    upper = anatomy.upper_lip * stretch * (1 + 0.35 * pucker) * full**0.95 * bow
    lower = anatomy.lower_lip * stretch * (1 + 0.25 * pucker) * full**0.75
    return Lips(
        part,
        np.asarray(inner_top - upper, np.float32),
        np.asarray(inner_top, np.float32),
        np.asarray(inner_bottom, np.float32),
        np.asarray(inner_bottom + lower, np.float32),
        np.asarray(full * ramp(np.abs(t), 1.02, 0.96), np.float32),
        pucker,
    )


def shape_lips(
    relief: Field, albedo: NDArray[np.float32], gloss: Field, anatomy: Anatomy, mouth: Lips
) -> None:
    """The lips' swelling, colour and shine into arrays over `FACE`."""
    part, here = mouth.part, mouth.part.within(FACE)
    y = part.y
    upper = np.clip((mouth.inner_top - y) / np.maximum(mouth.inner_top - mouth.top, 0.2), -0.2, 1.3)
    lower = np.clip((y - mouth.inner_bottom) / np.maximum(mouth.bottom - mouth.inner_bottom, 0.2), -0.2, 1.3)
    on_upper = ramp(upper, 0.0, 0.08) * ramp(upper, 1.06, 0.94) * mouth.full
    on_lower = ramp(lower, 0.0, 0.06) * ramp(lower, 1.05, 0.90) * mouth.full
    swell = 1 + 1.1 * mouth.pucker
    height = 2.3 * swell * np.sqrt(4 * np.clip(upper, 0, 1) * (1 - np.clip(upper, 0, 1))) * on_upper**0.5
    height += 3.4 * swell * np.sqrt(4 * np.clip(lower, 0, 1) * (1 - np.clip(lower, 0, 1))) * on_lower**0.5
    height += 0.7 * bell(y - mouth.top, -0.6, 0.8) * mouth.full**0.5
    height -= 1.9 * bell(y - mouth.seam, 0.0, 0.9) * np.maximum(mouth.full**0.4, 0)
    relief[here] += height
    folds = noise(anatomy.texture_seed + 31, part.shape, (14.0, 2.0))
    relief[here] += 0.10 * folds * (on_upper + on_lower)
    red = np.clip(on_upper + on_lower, 0, 1)
    colour = np.asarray(anatomy.lip_colour, dtype=np.float32) * (1 - 0.05 * folds[..., None])
    colour = colour * (1 - 0.16 * on_upper[..., None])
    view = albedo[here]
    view += 0.80 * red[..., None] * (colour - view)
    view *= (1 - 0.10 * bell(y - mouth.bottom, 2.0, 1.8) * mouth.full)[..., None]
    gloss[here] += 1.1 * on_lower + 0.4 * on_upper


def paint_mouth(image: NDArray[np.float32], anatomy: Anatomy, mouth: Lips, light: Light) -> None:
    """What shows between the lips over ``image`` (the lit skin over `FACE`): their seam, or the teeth."""
    part = mouth.part
    view = image[part.within(FACE)]
    gap = mouth.inner_bottom - mouth.inner_top
    opening = ramp(part.y - mouth.inner_top, -SOFT, SOFT) * ramp(mouth.inner_bottom - part.y, -SOFT, SOFT)
    paint(view, _cavity(part, anatomy, mouth, light), opening * ramp(gap, 0.2, 0.9))
    dark = tuple(0.16 * np.asarray(anatomy.lip_colour))
    closed = (
        bell(part.y - mouth.seam, 0.0, 0.50) * np.clip(3.0 * mouth.full, 0, 1) ** 0.5 * ramp(gap, 1.6, 0.6)
    )
    paint(view, dark, 0.82 * closed)


def _cavity(part: Board, anatomy: Anatomy, mouth: Lips, light: Light) -> NDArray[np.float32]:
    """Colour between the open lips: two rows of teeth, gums, darkness towards the corners."""
    inside = np.broadcast_to(np.asarray((0.045, 0.012, 0.012), dtype=np.float32), (*part.shape, 3)).copy()
    level = anatomy.mouth_y
    x = np.abs(part.x)
    for bounds, edge, root, sign in (
        (LOWER_TEETH, level + 2.9, level + 12.0, -1),
        (UPPER_TEETH, level + 2.0, level - 8.0, 1),
    ):
        tooth = np.clip(np.searchsorted(bounds, x[0], side="right") - 1, 0, len(bounds) - 2)
        start, end = np.take(bounds, tooth), np.take(bounds, tooth + 1)
        place = (2 * (x[0] - start) / (end - start) - 1)[None, :]
        crown = edge - sign * (0.5 * np.abs(place) ** 4 + 0.02 * x)
        neck = root + sign * 1.6 * place**2
        gum = ramp(sign * (neck - part.y), -0.4, 0.4)
        paint(inside, (0.42, 0.17, 0.16), gum * ramp(sign * (crown - part.y), -0.3, 0.3))
        body = ramp(sign * (crown - part.y), -0.3, 0.3) * ramp(sign * (part.y - neck), -0.4, 0.4)
        body = body * ramp(np.abs(place), 1.02, 0.86)
        tone = np.asarray((0.74, 0.68, 0.56), dtype=np.float32) * (1 - 0.10 * (sign < 0))
        shade = (1 - 0.22 * place**2) * (0.85 + 0.15 * ramp(sign * (part.y - neck), 0.0, 5.0))
        paint(inside, tone * shade[..., None], body)
    dim = np.exp(-((x / 25.0) ** 4)) * (0.45 + 0.55 * ramp(part.y - mouth.inner_top, 0.0, 2.8))
    inside *= (dim * (light.key + light.fill))[..., None] * np.asarray(light.colour, dtype=np.float32)
    return inside
