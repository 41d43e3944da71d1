"""How far each brow stands above its eye, read from the pixels of the rest photo.

No model of the brows that may be used commercially is at hand, so the brow is looked for as the darkest
ridge above the eye in the level view of the face, where the same distance in millimetres is about the same
number of rows. The paper measured from the pupil; here it is the middle between the corners of the eye.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from grading.cohort import LabelledRecording
from grading.errors import PermanentError
from grading.eyes import find_eyes
from grading.face import Photo, find_face
from grading.framing import VIEW, view
from grading.photos import load_photo
from grading.recipes import REST

# In rows of the view, where the eyes are 128 pixels (about 62 mm) apart: brows stand 11 to 32 mm above the
# eye, nearer to it lie lashes and the lid's crease, further away hair.
_NEAREST, _FURTHEST = 22, 66
_HALF_WIDTH = 12
"""Columns to either side of the eye's centre that are averaged."""
_THICKNESS = 5.0
"""Standard deviation in rows of the smoothing: half a brow."""
_FAINTEST = 0.05
"""Least strength of a ridge (of log grey levels) that counts; skin without a brow stays under it."""
_LEAD = 1.25
"""How much stronger than any other ridge in reach the brow must be, or there is a doubt which is the brow."""


@dataclass(frozen=True)
class BrowDistances:
    """How far the brows stand above the middle of the eyes, in shares of the distance between the eyes."""

    right: float
    left: float

    @property
    def difference(self) -> float:
        """The difference of both sides in % of their mean, 0 where they are equal."""
        return 200 * abs(self.right - self.left) / (self.right + self.left)


def brow_distances(level: Photo) -> BrowDistances | None:
    """The distances in a level view (512, 512, 3) uint8 as `grading.framing.view` makes it.

    None where on either side no ridge is strong enough (no brow, or hair over it), or a second one is almost
    as strong.
    """
    # logarithms, so that a brow counts the same in light and dark faces
    grey = np.log1p(level.mean(axis=2))
    right, left = (_distance(grey, VIEW.midline + sign * VIEW.distance // 2) for sign in (-1, 1))
    if right is None or left is None:
        return None
    return BrowDistances(right / VIEW.distance, left / VIEW.distance)


def measure_brows(recordings: Sequence[LabelledRecording]) -> tuple[BrowDistances | None, ...]:
    """The distances in each recording's rest photo; None where there is no clear face or no clear brow."""
    return tuple(_in_photo(recording) for recording in recordings)


def _in_photo(recording: LabelledRecording) -> BrowDistances | None:
    try:
        photo = load_photo(recording.photos[REST])
        return brow_distances(view(photo, find_eyes(photo, find_face(photo))))
    except PermanentError:
        return None


def _distance(grey: NDArray[np.float64], column: int) -> float | None:
    """Rows from the eye line up to the brow above this column, to a fraction of a row."""
    profile = grey[:, column - _HALF_WIDTH : column + _HALF_WIDTH + 1].mean(axis=1)
    ridge = _THICKNESS**2 * gaussian_filter1d(profile, _THICKNESS, order=2)
    # from the eye upwards
    reach = ridge[VIEW.eye_line - _FURTHEST : VIEW.eye_line - _NEAREST + 1][::-1]
    peaks, found = find_peaks(reach, height=_FAINTEST)
    if not len(peaks):
        return None
    best = int(found["peak_heights"].argmax())
    if np.sum(found["peak_heights"] * _LEAD > found["peak_heights"][best]) > 1:
        return None
    peak = int(peaks[best])
    before, top, after = reach[peak - 1 : peak + 2]
    return _NEAREST + peak + float((before - after) / (2 * (before - 2 * top + after)))
