"""Folds and wrinkles: grooves in the relief that age leaves and that each movement deepens."""

import numpy as np
from numpy.typing import NDArray

from grading.phantom.anatomy import Anatomy
from grading.phantom.canvas import FACE, add_blob, bell, curve, near, ramp
from grading.phantom.expression import Half
from grading.phantom.types import Field

Points = list[tuple[float, float]]


def shape_half(relief: Field, albedo: NDArray[np.float32], anatomy: Anatomy, half: Half, sign: int) -> None:
    """All folds of one half of the face into arrays over `FACE`; ``sign`` -1 is the picture's left half."""
    age = float(np.clip((anatomy.age - 25) / 50, 0, 1))
    _cheek(relief, anatomy, half, sign)
    _nasolabial(relief, albedo, anatomy, half, sign)
    _forehead(relief, anatomy, half, sign, 0.10 * age**1.5 + 0.75 * half.forehead * (0.75 + 0.4 * age))

    def groove(points: Points, depth: float, width: float) -> None:
        if depth > 0.02:
            _groove(relief, albedo, curve([(sign * x, y) for x, y in points]), depth, width)

    outer = anatomy.eye_x + anatomy.eye_width / 2 + 3
    feet = 0.16 * age**1.5 + 0.85 * half.squeeze
    for start, end, bow in ((-5.0, -12.0, -1.0), (-1.0, -3.5, 0.4), (3.0, 6.0, 1.6), (7.0, 13.0, 2.0)):
        groove(
            [(outer + 0.5, start), (outer + 6.5, (start + end) / 2 + 0.3 * bow), (outer + 12.5, end)],
            feet,
            0.75,
        )
    bags = 0.22 * age + 0.55 * half.squeeze
    groove([(anatomy.eye_x - 12, 7.5), (anatomy.eye_x - 2, 12.5), (anatomy.eye_x + 10, 11.0)], bags, 1.0)
    brow = -(anatomy.brow_y + half.brow_lift)
    frown = 0.12 * age**1.5 + 0.95 * half.brow_knit
    groove([(5.0, brow + 6), (5.8, brow - 1), (4.4, brow - 8)], frown, 1.0)
    for row in range(3):
        y = 2.0 + 5.2 * row
        groove([(0.8, y - 2.0), (5.0, y + 0.4), (9.0, y + 4.4)], 0.85 * half.snarl, 0.85)
    corner_x = anatomy.mouth_width / 2 + half.corner_out
    corner_y = anatomy.mouth_y - half.corner_lift
    marionette = 0.28 * age**1.3 + 0.95 * half.depressed
    groove(
        [(corner_x + 1.5, corner_y + 1), (corner_x + 4.0, corner_y + 8), (corner_x + 2.5, corner_y + 17)],
        marionette,
        1.2,
    )
    groove(
        [
            (corner_x - 0.5, corner_y - 0.5),
            (corner_x + 1.2, corner_y + 0.2),
            (corner_x + 2.8, corner_y + 1.4),
        ],
        0.7,
        0.9,
    )
    for number in range(5):
        turn = np.radians(-62 + 31 * number)
        near_lip = (corner_x * 0.55 + 4.5 * np.cos(turn), anatomy.mouth_y + 13.5 * np.sin(turn))
        far = (near_lip[0] + 7.5 * np.cos(turn), near_lip[1] + 7.5 * np.sin(turn))
        groove(
            [near_lip, ((near_lip[0] + far[0]) / 2, (near_lip[1] + far[1]) / 2), far], 0.6 * half.pucker, 0.8
        )
    chin = anatomy.chin_y - 13
    for number in range(3):
        x = 3.0 + 5.0 * number
        groove([(x, chin - 6), (x + 1.0, chin - 2), (x - 0.5, chin + 3)], 0.55 * half.depressed, 0.9)


def fold_line(anatomy: Anatomy, half: Half, sign: int) -> NDArray[np.float32]:
    """(N, 2): the nasolabial fold (mm). The straight line between its ends lies ``half.fold_angle`` off the
    vertical; a drawn corner of the mouth carries its lower end along, never its direction."""
    turn = np.radians(half.fold_angle)
    start = np.array([anatomy.nose_width / 2 + 3.0, anatomy.nose_length - 8.0])
    start += np.array([0.35 * half.corner_out + 0.5, -0.20 * half.corner_lift - 1.5 * half.snarl])
    length = 33.0
    end = start + length * np.array([np.sin(turn), np.cos(turn)])
    outwards = np.array([np.cos(turn), -np.sin(turn)])
    middle = (start + end) / 2 + 2.6 * outwards
    return curve([(sign * x, y) for x, y in (start, middle, end)])


def _nasolabial(relief: Field, albedo: NDArray[np.float32], anatomy: Anatomy, half: Half, sign: int) -> None:
    line = fold_line(anatomy, half, sign)
    part, distance, along = near(FACE, line, 16.0)
    here = part.within(FACE)
    taper = np.sin(np.pi * np.clip(0.10 + 0.86 * along, 0, 1)) ** 0.8
    depth = half.fold_depth
    step = line[-1] - line[0]
    across = (part.x - line[0, 0]) * step[1] - (part.y - line[0, 1]) * step[0]
    lateral = ramp(sign * across / float(np.hypot(*step)), -2.5, 2.5)
    relief[here] -= 1.25 * depth * taper * bell(distance, 0.0, 1.7)
    relief[here] += 1.9 * depth * taper * lateral * bell(distance, 5.0, 4.0)
    albedo[here] *= (1 - 0.17 * depth * taper * bell(distance, 0.0, 1.2))[..., None]


def _cheek(relief: Field, anatomy: Anatomy, half: Half, sign: int) -> None:
    """The bunched cheek."""
    spot = (sign * (anatomy.eye_x + 6.0), 27.0 - 0.4 * half.corner_lift, 11.0, 8.0)
    add_blob(relief, FACE, spot, half.cheek)


def _forehead(relief: Field, anatomy: Anatomy, half: Half, sign: int, depth: float) -> None:
    """Lines across one half of the forehead, fading over the midline."""
    if depth <= 0.02:
        return
    rng = np.random.default_rng(anatomy.texture_seed + 41)
    x = np.linspace(0.0, 46.0, 16, dtype=np.float32)
    for row in range(4):
        level = -(anatomy.brow_y + 9.0 + 6.8 * row + 0.5 * half.brow_lift + float(rng.normal(0, 0.7)))
        wave = 1.6 * np.sin(x / 9.0 + float(rng.uniform(0, 6))) - 1.5 * np.sin(np.pi * x / 50)
        line = np.stack([sign * x, level + wave + 0.0016 * x * x], axis=1).astype(np.float32)
        part, distance, _ = near(FACE, line, 3.5)
        middle = ramp(sign * part.x, -3.0, 3.0) * ramp(sign * part.x, 44.0, 28.0)
        relief[part.within(FACE)] -= (
            depth * (0.7 + 0.3 * float(rng.random())) * middle * bell(distance, 0.0, 1.0)
        )


def _groove(
    relief: Field, albedo: NDArray[np.float32], line: NDArray[np.float32], depth: float, width: float
) -> None:
    """A wrinkle along ``line`` (mm), ``depth`` and ``width`` in mm, running out at both ends."""
    part, distance, along = near(FACE, line, 3.5 * width)
    here = part.within(FACE)
    taper = np.sin(np.pi * np.clip(0.08 + 0.84 * along, 0, 1))
    relief[here] -= depth * taper * bell(distance, 0.0, width)
    albedo[here] *= (1 - 0.10 * min(depth, 1.2) * taper * bell(distance, 0.0, 0.8 * width))[..., None]
