"""Whether a photo is fit to be graded, and if not, why and what to do.

Everything is measured on the face brought level and to a fixed distance between the eyes (`EyeFrame`): so
neither the camera's resolution nor the place of the face in the photo matters. How the limits were chosen,
and what they find and miss, is measured by benchmarks/quality.py.

Sources: ISO/IEC 19794-5:2011 (size and pose of a frontal face), as others quote it: provisional, its text was
not seen.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from grading.eyes import Eyes
from grading.face import FaceBox, Photo
from grading.framing import EyeFrame, Preprocessing, cut

Grey = NDArray[np.float64]
Mask = NDArray[np.bool_]

FACE = Preprocessing(EyeFrame(width=256), twin=False)
"""The whole face, on which light and blur are measured."""

BURNT = 250
"""Level (of 255) from which a channel counts as clipped: compression scatters what was clipped at 255."""

BLACK = 10
"""Level up to which a pixel counts as black, if no channel is above it."""

_LUMA = np.array([0.299, 0.587, 0.114])
_OVAL_CENTRE = (185, 128)
_OVAL_RADII = (125, 95)
_FINE, _MIDDLE, _COARSE = 1.4, 2.8, 5.6
_REACH = 12


class Severity(StrEnum):
    """What a flag means for the photo that bears it."""

    WARN = "warn"
    """It is graded, and the grading says so."""

    REJECT = "reject"
    """It cannot be graded: a score would tell of the photo, not of the face."""


@dataclass(frozen=True)
class Flag:
    """One thing that is wrong with a photo: a stable code, how bad it is, and what to do."""

    code: str
    severity: Severity
    sentence: str


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


@dataclass(frozen=True)
class Limits:
    """For each field of `Measures`, in its unit: from where on a photo is warned of, and rejected.

    ``eye_distance``, ``sharpness`` and ``contrast`` must not be below their limits, the others not above.
    ``mirrored``: correlation (0-1) with the turned left-right pattern of the rest of its series from which a
    photo counts as mirrored, see `grading.mirroring`.
    """

    eye_distance: tuple[float, float] = (90.0, 60.0)
    sharpness: tuple[float, float] = (0.65, 0.2)
    burnt: tuple[float, float] = (0.2, 0.7)
    black: tuple[float, float] = (0.1, 0.5)
    contrast: tuple[float, float] = (40.0, 20.0)
    roll: tuple[float, float] = (5.0, 10.0)
    yaw: tuple[float, float] = (7.0, 15.0)
    mirrored: float = 0.2


LIMITS = Limits()


@dataclass(frozen=True)
class Gate:
    """A measure that is held against its limits. ``low``: whether too little of it is what is wrong."""

    code: str
    measure: str
    low: bool
    sentence: str


GATES = (
    Gate("face.small", "eye_distance", True, "The face has few pixels; take photos from nearer."),
    Gate("photo.blurred", "sharpness", True, "The face is blurred; focus on the eyes and hold still."),
    Gate("photo.overexposed", "burnt", False, "Parts of the face are burnt out; use less light or exposure."),
    Gate(
        "photo.underexposed", "black", False, "Parts of the face are black; light it evenly from the front."
    ),
    Gate("photo.flat", "contrast", True, "The face shows few shades; use more light and clean the lens."),
    Gate("face.tilted", "roll", False, "The head leans to one shoulder; keep it and the camera upright."),
    Gate("face.turned", "yaw", False, "The face looks to one side; let it look straight into the camera."),
)
SENTENCES = {gate.code: gate.sentence for gate in GATES}


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
            flags.append(Flag(gate.code, Severity.REJECT, gate.sentence))
        elif value > warn:
            flags.append(Flag(gate.code, Severity.WARN, gate.sentence))
    return tuple(flags)


def measure(photo: Photo, face: FaceBox, eyes: Eyes) -> Measures:
    """Measure a photo (H, W, 3) uint8 RGB whose face and eyes were found."""
    crop = cut(photo, face, eyes, FACE)
    grey = crop @ _LUMA
    seen = _seen(photo, face, eyes)
    skin = crop[seen]
    dark, bright = np.percentile(grey[seen], (5, 95)) if seen.any() else (0.0, 0.0)
    return Measures(
        eye_distance=eyes.distance,
        sharpness=sharpness(grey, seen),
        burnt=_share(skin.max(axis=1) >= BURNT),
        black=_share(skin.max(axis=1) <= BLACK),
        contrast=float(bright - dark),
        roll=abs(eyes.roll),
        yaw=abs(eyes.yaw),
    )


def sharpness(grey: Grey, seen: Mask) -> float:
    """How much of the detail within ``seen`` is fine, of a level face (H, W) in grey levels; 0 for none.

    The energy of the slopes is compared in two bands an octave apart. Both grow alike with
    contrast, so their ratio tells only how abrupt the edges are; skin without edges adds to neither, which is
    why closed eyes and smooth skin do not count as blur. A hand that shook blurs along one direction: the
    less sharp of the two counts.
    """
    fine, middle, coarse = (ndimage.gaussian_filter(grey, sigma) for sigma in (_FINE, _MIDDLE, _COARSE))
    ratios = []
    for axis in (0, 1):
        finer, coarser = (
            float(np.sum(np.gradient(band, axis=axis)[seen] ** 2))
            for band in (fine - middle, middle - coarse)
        )
        ratios.append(finer / coarser if coarser > 0 else 0.0)
    return min(ratios)


def _seen(photo: Photo, face: FaceBox, eyes: Eyes) -> Mask:
    """Where the level crop shows the face's oval, away from what lies outside the photo."""
    rows, columns = np.ogrid[: FACE.frame.shape[0], : FACE.frame.shape[1]]
    down = (rows - _OVAL_CENTRE[0]) / _OVAL_RADII[0]
    across = (columns - _OVAL_CENTRE[1]) / _OVAL_RADII[1]
    inside = cut(np.full(photo.shape[:2], 255, dtype=np.uint8), face, eyes, FACE)
    within = ndimage.minimum_filter(inside, size=2 * _REACH + 1) > 0
    return np.asarray(within & (down**2 + across**2 < 1))


def _share(pixels: Mask) -> float:
    return float(pixels.mean()) if pixels.size else 0.0
