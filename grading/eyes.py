"""Finding the two eyes in a face: what levels, scales and halves it.

dlib's five-point model places the corners of both eyes by an ensemble of regression trees (Kazemi and
Sullivan 2014). It is in the public domain (CC0) and holds on closed and palsied eyes, since the corners stay
where the lids move. The 68-point model that lies beside it in the same package forbids commercial use and is
used only where an administrator sets it (`grading.landmark_models`).
"""

import math
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np

from grading.errors import PermanentError
from grading.face import FaceBox, Photo

_PACKAGE = "face_recognition_models"
_MODEL = Path("models", "shape_predictor_5_face_landmarks.dat")

# degrees of yaw per nose offset in eye distances, and per relative difference of the widths of the eyes
_NOSE_WEIGHT = 52.0
_WIDTH_WEIGHT = 106.0

BOXES = 9
"""Over how many boxes the eyes are averaged; about a third of a millisecond each."""
_REACH = 0.06
"""Share of the face's size by which other boxes lie beside its own, and differ from it in size, at most."""
_STEPS = 1.2207440846057596 ** -np.arange(1.0, 4.0)
"""Of a sequence that fills place and size evenly, however many boxes: powers of the root of x⁴ = x + 1."""


class EyeModelError(PermanentError):
    """The model that finds the eyes is not installed."""

    code = "eyes.model"


@dataclass(frozen=True)
class Eyes:
    """The centres of both eyes in photo pixels, as (x, y); each is the middle between its corners.

    ``right`` is the person's right eye, on the left of the picture. ``yaw``: degrees by which the face looks
    to the side, positive towards the right of the picture; an estimate, see benchmarks/quality.py.
    """

    right: tuple[float, float]
    left: tuple[float, float]
    yaw: float = 0.0

    @property
    def distance(self) -> float:
        """Pixels from one centre to the other."""
        return math.dist(self.right, self.left)

    @property
    def middle(self) -> tuple[float, float]:
        """The point half-way between the eyes, (x, y)."""
        return (self.right[0] + self.left[0]) / 2, (self.right[1] + self.left[1]) / 2

    @property
    def roll(self) -> float:
        """Degrees by which the head is turned in the picture, clockwise positive."""
        return math.degrees(math.atan2(self.left[1] - self.right[1], self.left[0] - self.right[0]))


def find_eyes(photo: Photo, face: FaceBox, boxes: int = BOXES) -> Eyes:
    """The eyes of the face in ``face`` of a photo (H, W, 3) uint8 RGB.

    The model's points are whole pixels, and noise that nobody sees moves them by several, as does a box that
    lies a pixel further. What it finds from several ``boxes`` about the face's own is averaged
    (benchmarks/steadiness.py); with one it is read from the face's own alone.

    Raises `EyeModelError` where the model's package is not installed.
    """
    read = [[(point.x, point.y) for point in _model()(photo, box).parts()] for box in _around(face, boxes)]
    points = [(float(x), float(y)) for x, y in np.mean(read, axis=0)]
    # the model's order: corners of the person's left eye, of the right one, and the base of the nose
    left, right, nose = points[:2], points[2:4], points[4]
    eyes = Eyes(right=_middle(*right), left=_middle(*left))
    return replace(eyes, yaw=_yaw(eyes, math.dist(*right), math.dist(*left), nose))


def _around(face: FaceBox, count: int) -> list[dlib.rectangle]:
    """The face's own box, or ``count`` boxes about it that differ evenly in place and size."""
    if count == 1:
        return [dlib.rectangle(face.left, face.top, face.right - 1, face.bottom - 1)]
    shares = (0.5 + np.arange(1, count + 1)[:, None] * _STEPS) % 1
    boxes = []
    for across, down, larger in _REACH * (2 * shares - 1):
        middle_x = (face.left + face.right) / 2 + across * face.width
        middle_y = (face.top + face.bottom) / 2 + down * face.height
        width, height = (1 + larger) * face.width, (1 + larger) * face.height
        left, top = round(middle_x - width / 2), round(middle_y - height / 2)
        right, bottom = round(middle_x + width / 2), round(middle_y + height / 2)
        boxes.append(dlib.rectangle(left, top, right - 1, bottom - 1))
    return boxes


def _yaw(eyes: Eyes, right_width: float, left_width: float, nose: tuple[float, float]) -> float:
    """Degrees of yaw, from the widths of the eyes and the base of the nose, all in photo pixels.

    A face that turns carries its nose to the side it looks to, and the eye on that side narrows. The weights
    are fitted to photos turned by a known angle (benchmarks/quality.py); together the two err less than each.
    """
    if eyes.distance == 0 or right_width + left_width == 0:
        return 0.0
    across = (eyes.left[0] - eyes.right[0]) / eyes.distance, (eyes.left[1] - eyes.right[1]) / eyes.distance
    offset = (nose[0] - eyes.middle[0]) * across[0] + (nose[1] - eyes.middle[1]) * across[1]
    narrowing = (right_width - left_width) / (right_width + left_width)
    return _NOSE_WEIGHT * offset / eyes.distance + _WIDTH_WEIGHT * narrowing


def _middle(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


@cache
def _model() -> dlib.shape_predictor:
    # The package's own __init__ needs a setuptools that is no longer there, so it is found, not imported.
    spec = find_spec(_PACKAGE)
    for folder in spec.submodule_search_locations or () if spec else ():
        file = Path(folder) / _MODEL
        if file.is_file():
            return dlib.shape_predictor(str(file))
    raise EyeModelError(f"the eye finder's model is missing: install the package {_PACKAGE}")
