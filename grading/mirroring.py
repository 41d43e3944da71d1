"""Photos that were mirrored left to right, told from the rest of their series.

Some cameras and programs mirror a portrait. The side of a palsy is then wrong, and no single photo tells.
A series does: what differs between the sides of a face (hair, moles, its shape, the light) stays where it is
from photo to photo, while a movement, even of one side only, comes and goes.
"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from grading.face import Photo
from grading.framing import EyeFrame, split
from grading.gates import LIMITS, Limits
from grading.parallel import map_threads

Vector = NDArray[np.float64]

HALF = EyeFrame()
"""The half of a face that the default crops show."""

COMMON = 0.55
"""The share of the photos' left-right patterns that has to be common to them, whichever way they face."""

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # OpenCV blurs doubles at a third of the speed
_FINE, _COARSE = 3.0, 40.0  # pixels of the crop
_STEP = 2
_DARKEST = 8.0  # grey levels: keeps the noise of black hair from filling the logarithm
_DUST = 1e-6  # what rounding leaves of a face whose sides are the same


def mirrored_photos(
    crops: Mapping[str, Photo], frame: EyeFrame = HALF, limits: Limits = LIMITS
) -> tuple[str, ...]:
    """The poses whose photos look mirrored against the majority of their series, in the order of ``crops``.

    ``crops`` are by pose code, each (H, 2 * W, 3) uint8: half a face as ``frame`` has it cut, and its twin.
    Where as many photos face one way as the other, those that agree with the first are taken as right. Fewer
    than three photos tell nothing, nor do photos of a face that is too alike on both sides to have a pattern
    in common: the answer is empty. It is also empty where the whole series is mirrored.
    """
    if len(crops) < 3:
        return ()
    patterns = np.stack(map_threads(lambda crop: _pattern(crop, frame.midline), crops.values()))
    alike = patterns @ patterns.T
    # The leading eigenvector turns each photo so that together they agree best; its own sign is free.
    shares, directions = np.linalg.eigh(alike)
    if shares[-1] < COMMON * len(crops):
        return ()
    turns = np.where(directions[:, -1] < 0, -1.0, 1.0)
    if (turns.sum(), turns[0]) < (0, 1):
        turns = -turns
    return tuple(
        pose
        for pose, pattern, turn in zip(crops, patterns, turns, strict=True)
        if _correlation(pattern, turns @ patterns - turn * pattern) < -limits.mirrored
    )


def _pattern(crop: Photo, midline: int) -> Vector:
    """How the person's right side differs from the left one, as a vector of length 1 (0 if it does not).

    A head that turned a little shifts everything sideways, and a lamp at one side darkens the other; what
    such a shift or slope explains is taken out.
    """
    tiles = split(crop, 2)
    right, left = (_relief(tile, midline) for tile in tiles)
    difference = right - left
    steps = np.gradient(right + left, axis=1)
    rows, columns = np.mgrid[-1 : 1 : difference.shape[0] * 1j, -1 : 1 : difference.shape[1] * 1j]
    causes = (steps, steps * columns, rows, columns, np.ones_like(rows))
    explained = np.stack([cause.ravel() for cause in causes], axis=1)
    rest = difference.ravel() - explained @ np.linalg.lstsq(explained, difference.ravel(), rcond=None)[0]
    rest[np.any([~_thinned(tile, midline).any(axis=2) for tile in tiles], axis=0).ravel()] = 0
    length = float(np.linalg.norm(rest))
    return rest / length if length > _DUST else np.zeros_like(rest)


def _relief(tile: Photo, midline: int) -> Vector:
    """The tile's (H, W, 3) features in logarithmic grey levels, without fine detail and broad shading."""
    fine = cv2.GaussianBlur(np.log(tile @ _LUMA + np.float32(_DARKEST)), (0, 0), _FINE)[::_STEP, ::_STEP]
    band = fine - cv2.GaussianBlur(fine, (0, 0), _COARSE / _STEP)
    return np.asarray(band[:, : midline // _STEP], dtype=np.float64)


def _thinned(image: NDArray[Any], midline: int) -> NDArray[Any]:
    """Every second pixel of a tile up to the face's midline: beyond it the tiles show the same again."""
    return image[::_STEP, : midline // _STEP * _STEP : _STEP]


def _correlation(one: Vector, other: Vector) -> float:
    """The cosine between two patterns; 0 where one of them is empty."""
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths > 0 else 0.0
