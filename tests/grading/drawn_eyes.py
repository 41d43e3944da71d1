"""Views of nothing but two eyes, whose irises are known."""

import cv2
import numpy as np

from grading.face import Photo
from grading.framing import VIEW

SKIN, WHITE, BROWN = (190, 150, 130), (225, 220, 215), (70, 50, 40)
FINE = 16


def eyes(
    right: float | None,
    left: float | None,
    place: tuple[float, float] = (0.0, 0.0),
    upper_lid: float = 7.0,
    colour: tuple[int, int, int] = BROWN,
) -> Photo:
    """A level view whose eyes have irises of the radii, moved by ``place``; None draws a closed eye.

    Drawn sixteen times as large, so that an edge lies between pixels as in a photo.
    """
    drawn = np.full((VIEW.height, VIEW.width, 3), SKIN, dtype=np.uint8)
    for sign, radius in ((-1, right), (1, left)):
        if radius is None:
            continue
        x0, y0 = VIEW.midline + sign * VIEW.distance // 2 - 32, VIEW.eye_line - 32
        eye = np.full((64 * FINE, 64 * FINE, 3), SKIN, dtype=np.uint8)
        middle = 32 * FINE
        cv2.ellipse(eye, (middle, middle), (28 * FINE, 14 * FINE), 0, 0, 360, WHITE, -1)
        skin = (eye == SKIN).all(axis=2)
        at = (round((32 + place[0]) * FINE), round((32 + place[1]) * FINE))
        cv2.circle(eye, at, round(radius * FINE), colour, -1)
        cv2.circle(eye, at, 4 * FINE, (10, 10, 10), -1)
        cv2.circle(eye, (at[0] + 2 * FINE, at[1] - 2 * FINE), FINE, (255, 255, 255), -1)
        eye[skin] = SKIN
        eye[: round((32 - upper_lid) * FINE)] = SKIN
        drawn[y0 : y0 + 64, x0 : x0 + 64] = cv2.resize(eye, (64, 64), interpolation=cv2.INTER_AREA)
    return drawn
