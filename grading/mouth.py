"""Finding the corners of the mouth in the level view of a face, as the ends of the line between the lips.

That line is the dark ridge that runs through the mouth whatever the colour of skin and lips, which redness is
not. From the midline it is followed to either side, never steeper than 45 degrees, by dynamic programming;
the mouth ends where the ridge falls for good under a share of its strength in the middle. The edges of the
lips were tried in the same way, by redness and by lightness, and missed by too much (docs/annotating.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from grading.face import Photo
from grading.framing import VIEW

Numbers = NDArray[np.float64]
Place = tuple[float, float]

_ROWS = slice(VIEW.eye_line + 88, VIEW.eye_line + 212)
_REACH = 74
"""Columns to either side of the midline, 36 mm of the face: as wide as a smile goes."""
_MIDDLE = 40
"""Columns to either side that belong to every mouth, by which line and strength are settled."""
_NARROWEST = 15
_BLUR = (1.0, 1.5)
"""Standard deviation of the smoothing in rows and columns."""
_STRONGEST = 0.08
"""A ridge (of log grey levels) counts for no more: the shadow between open lips would outdo all else."""
_END = 0.65
"""Share of the strength in the middle under which the mouth has ended."""
FAINTEST = 0.03
"""Least strength of the ridge in the middle on both sides; see benchmarks/mouth.py."""


@dataclass(frozen=True)
class Mouth:
    """The corners in pixels of the view, (x, y), and the height of the line between the lips at the midline.

    ``strength`` says how sure it is: that of the ridge in its weaker half, in log grey levels.
    """

    right: Place
    left: Place
    line: float
    strength: float


def find_mouth(level: Photo) -> Mouth | None:
    """The mouth in a level view (512, 512, 3) uint8; None where no line between the lips is clear."""
    part = level[_ROWS, VIEW.midline - _REACH : VIEW.midline + _REACH].astype(np.float64)
    grey = np.log(part.mean(axis=2) + 8)
    ridge = _BLUR[0] ** 2 * gaussian_filter(grey, _BLUR, order=(2, 0))
    ridge = np.clip(ridge, -0.02, _STRONGEST)
    # either half from the midline outwards
    halves = ridge[:, :_REACH][:, ::-1], ridge[:, _REACH:]
    inwards = sum(_best(half[:, :_MIDDLE][:, ::-1])[0][-1] for half in halves)
    start = int(np.argmax(inwards))
    (right, right_strength), (left, left_strength) = (_end(half, start) for half in halves)
    strength = min(right_strength, left_strength)
    if strength < FAINTEST:
        return None
    top = _ROWS.start + 0.5
    return Mouth(
        (VIEW.midline - right[0] - 0.5, top + right[1]),
        (VIEW.midline + left[0] + 0.5, top + left[1]),
        top + start,
        strength,
    )


def _end(half: Numbers, start: int) -> tuple[tuple[int, int], float]:
    """Columns from the midline and row at which the line from row ``start`` ends, and its strength."""
    sums, steps = _best(half, start)
    row = int(sums[-1].argmax())
    path = [row]
    for step in steps[::-1]:
        row += int(step[row])
        path.append(row)
    path.reverse()
    along = half[path, np.arange(len(path))]
    strength = float(np.median(along[:_MIDDLE]))
    gain = np.cumsum(along - max(_END * strength, FAINTEST / 2))
    last = _NARROWEST + int(gain[_NARROWEST:].argmax())
    return (last, path[last]), strength


def _best(ridge: Numbers, start: int | None = None) -> tuple[Numbers, NDArray[np.int_]]:
    """For each column and row the strongest line to there, and the step in rows by which it was reached.

    The lines begin in the first column, in row ``start`` or anywhere.
    """
    rows, columns = ridge.shape
    sums = np.full((columns, rows), -np.inf)
    steps = np.zeros((columns - 1, rows), dtype=np.int_)
    begin = slice(None) if start is None else slice(start, start + 1)
    sums[0, begin] = ridge[begin, 0]
    for column in range(1, columns):
        before = np.pad(sums[column - 1], 1, constant_values=-np.inf)
        ways = np.stack([before[:-2] - 0.003, before[1:-1], before[2:] - 0.003])
        steps[column - 1] = ways.argmax(axis=0) - 1
        sums[column] = ways.max(axis=0) + ridge[:, column]
    return sums, steps
