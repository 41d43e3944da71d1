"""How the skin of one tile lies in another: a displacement for every place of a crop.

Two pairs of tiles are compared: a half of the face at rest and in a movement, and the two halves of one
photo. Dense inverse search (Kroeger et al. 2016, as in OpenCV) follows the skin from the one to the other, on
grey values whose contrast was evened out locally (CLAHE), so that light and skin tone matter little. Crops
are laid by the eyes, so the head's own shift, roll and distance are gone.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from grading.face import Photo

CELL = 8
"""Pixels of the crop that one displacement stands for, in each direction."""

# The scale on which the search ends, in halvings of the crop, and the pixels from one patch of 8 to the next.
# Skin is the same at rest and in movement, down to its pores; the halves of a face are alike only in the
# large. Other scales did worse; a smaller stride for movement took twice as long (docs/method.md).
_MOVEMENT = (0, 6)
_ASYMMETRY = (2, 3)

SETTINGS = f"dis {_MOVEMENT} {_ASYMMETRY}"
"""Changes whenever the same tiles give other displacements."""


def movement(rest: Photo, moved: Photo) -> NDArray[np.float32]:
    """Where a half of the face went since rest: displacements (2, H / 8, W / 8) in crop pixels, to the right
    and down, of two tiles (H, W, 3) uint8.

    Raises ValueError for tiles of different shapes or of less than 16 pixels.
    """
    return _follow(rest, moved, *_MOVEMENT)


def asymmetry(tile: Photo, twin: Photo) -> NDArray[np.float32]:
    """Where the skin of a half of the face lies, seen from the same places of its ``twin``, the other half.

    Displacements as those of `movement`, which also tells what is raised.
    """
    return _follow(twin, tile, *_ASYMMETRY)


def displacement_shape(height: int, width: int) -> tuple[int, int, int]:
    """The shape of the displacements between tiles of this many pixels."""
    return 2, height // CELL, width // CELL


def _follow(start: Photo, end: Photo, scale: int, stride: int) -> NDArray[np.float32]:
    if start.shape != end.shape or min(start.shape[:2]) < 2 * CELL:
        raise ValueError(f"tiles of {start.shape} and {end.shape} cannot be compared")
    # Not kept between calls: it holds buffers and may not be shared between threads.
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(scale)
    search.setPatchStride(stride)
    flow = search.calc(_even(start), _even(end), np.zeros((*start.shape[:2], 2), np.float32))
    height, width = displacement_shape(*start.shape[:2])[1:]
    cells = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cells.transpose(2, 0, 1), dtype=np.float32)


def _even(tile: Photo) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(grey), dtype=np.uint8)
