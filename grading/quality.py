"""Whether a photo is fit to be graded: what is measured of it, and the flags that this raises.

Everything is measured on the face brought level and to a fixed distance between the eyes (`EyeFrame`): so
neither the camera's resolution nor the place of the face in the photo matters. How the limits were chosen,
and what they find and miss, is measured by benchmarks/quality.py.

Sources: ISO/IEC 19794-5:2011 (size and pose of a frontal face), as others quote it: provisional, its text was
not seen.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from grading.eyes import Eyes
from grading.face import FaceBox, Photo
from grading.framing import EyeFrame, Preprocessing, covered, cut
from grading.gates import GATES, LIMITS, Flag, Limits, Severity

Grey = NDArray[np.floating]
Mask = NDArray[np.bool_]

FACE_FRAME = EyeFrame(width=256)
FACE = Preprocessing(FACE_FRAME, twin=False)
"""The whole face, on which light and blur are measured."""

BURNT = 250
"""Level (of 255) from which a channel counts as clipped: compression scatters what was clipped at 255."""

BLACK = 10
"""Level up to which a pixel counts as black, if no channel is above it."""

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""OpenCV blurs numbers of this precision three times as fast as those of twice as many bits."""
_OVAL_CENTRE = (185, 128)
_OVAL_RADII = (125, 95)
_FINE, _MIDDLE, _COARSE = 1.4, 2.8, 5.6
_SHAPE, _SHAPE_STEP = (9.7, 21.6), 4
_REACH = 12


@dataclass(frozen=True)
class Measures:
    """What is measured of a photo.

    ``eye_distance``: pixels of the photo between the centres of the eyes.
    ``sharpness``: energy of the finer edges over that of the coarser ones, from 0; about 1.6 when sharp.
    ``burnt``, ``black``: shares (0-1) of the face's pixels that are clipped, see `BURNT` and `BLACK`.
    ``contrast``: grey levels (0-255) between the darkest and the brightest twentieth of the face.
    ``roll``, ``yaw``: degrees by which the head leans to a shoulder and looks to a side, from 0.
    """

    eye_distance: float
    sharpness: float
    burnt: float
    black: float
    contrast: float
    roll: float
    yaw: float


def photo_flags(photo: Photo, face: FaceBox, eyes: Eyes, limits: Limits = LIMITS) -> tuple[Flag, ...]:
    """What is wrong with a photo (H, W, 3) uint8 RGB whose face and eyes were found; empty if it is good."""
    return flags_of(measure(photo, face, eyes), limits)


def flags_of(measures: Measures, limits: Limits = LIMITS) -> tuple[Flag, ...]:
    """The flags that ``measures`` raise, in the order of `GATES`, each once with its graver severity."""
    flags = []
    for gate in GATES:
        sign = -1 if gate.low else 1
        value = sign * getattr(measures, gate.measure)
        warn, reject = (sign * limit for limit in getattr(limits, gate.measure))
        if value > reject:
            flags.append(Flag(gate.code, Severity.REJECT))
        elif value > warn:
            flags.append(Flag(gate.code, Severity.WARN))
    return tuple(flags)


def measure(photo: Photo, face: FaceBox, eyes: Eyes) -> Measures:
    """Measure a photo (H, W, 3) uint8 RGB whose face and eyes were found."""
    crop = cut(photo, face, eyes, FACE)
    grey = crop @ _LUMA
    seen = _seen(photo, eyes)
    # Along the last axis NumPy would take one pixel at a time.
    brightest = np.maximum.reduce([crop[..., channel] for channel in range(3)])[seen]
    dark, bright = np.percentile(grey[seen], (5, 95)) if seen.any() else (0.0, 0.0)
    return Measures(
        eye_distance=eyes.distance,
        sharpness=sharpness(grey, seen),
        burnt=_share(brightest >= BURNT),
        black=_share(brightest <= BLACK),
        contrast=float(bright - dark),
        roll=abs(eyes.roll),
        yaw=abs(eyes.yaw),
    )


def sharpness(grey: Grey, seen: Mask) -> float:
    """How much of the detail within ``seen`` is fine, of a level face (H, W) in grey levels; 0 for none.

    The energy of the slopes is compared in two bands an octave apart. Both grow alike with contrast, so their
    ratio tells only how abrupt the edges are; skin without edges adds to neither, which is why closed eyes
    and smooth skin do not count as blur. Strong blur takes the coarser band too and would leave the traces of
    JPEG compression against nothing: then the fine band is compared with the shape of the whole face. A hand
    that shook blurs along one direction: the less sharp of the two counts.
    """
    fine, middle, coarse = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (_FINE, _MIDDLE, _COARSE))
    shape = coarse[::_SHAPE_STEP, ::_SHAPE_STEP]
    narrow, broad = (cv2.GaussianBlur(shape, (0, 0), sigma / _SHAPE_STEP) for sigma in _SHAPE)
    ratios = []
    for axis in (0, 1):
        finer = _slopes(fine - middle, seen, axis)
        coarser = max(
            _slopes(middle - coarse, seen, axis),
            _slopes(narrow - broad, seen[::_SHAPE_STEP, ::_SHAPE_STEP], axis) / _SHAPE_STEP**2,
        )
        ratios.append(finer / coarser if coarser > 0 else 0.0)
    return min(ratios)


def _slopes(band: Grey, seen: Mask, axis: int) -> float:
    """The mean square slope within ``seen``, per pixel."""
    return float(np.mean(np.gradient(band, axis=axis)[seen] ** 2)) if seen.any() else 0.0


def _seen(photo: Photo, eyes: Eyes) -> Mask:
    """Where the level crop shows the face's oval, away from what lies outside the photo."""
    rows, columns = np.ogrid[: FACE_FRAME.height, : FACE_FRAME.width]
    down = (rows - _OVAL_CENTRE[0]) / _OVAL_RADII[0]
    across = (columns - _OVAL_CENTRE[1]) / _OVAL_RADII[1]
    inside = covered(photo, eyes, FACE_FRAME).astype(np.uint8)
    within = cv2.erode(inside, np.ones((2 * _REACH + 1, 2 * _REACH + 1), dtype=np.uint8)) > 0
    return np.asarray(within & (down**2 + across**2 < 1))


def _share(pixels: Mask) -> float:
    return float(pixels.mean()) if pixels.size else 0.0
