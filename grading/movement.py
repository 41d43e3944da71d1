"""How a face moved between two photos: a displacement for every place of a crop.

Dense inverse search (Kroeger et al. 2016, as in OpenCV) follows the skin from the rest photo to the photo of
a movement, on grey values whose contrast was evened out locally (CLAHE), so that light and skin tone matter
little. Both crops are laid by the eyes, so the head's own shift, roll and distance are gone.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from grading.face import Photo

CELL = 8
"""Pixels of the crop that one displacement stands for, in each direction."""


def movement(rest: Photo, moved: Photo) -> NDArray[np.float32]:
    """Displacements (2, H / 8, W / 8) in crop pixels, to the right and down, of two tiles (H, W, 3) uint8.

    Raises ValueError for tiles of different shapes or of less than 16 pixels.
    """
    if rest.shape != moved.shape or min(rest.shape[:2]) < 2 * CELL:
        raise ValueError(f"tiles of {rest.shape} and {moved.shape} cannot be compared")
    flow = _search().calc(_even(rest), _even(moved), np.zeros((*rest.shape[:2], 2), np.float32))
    height, width = movement_shape(*rest.shape[:2])[1:]
    cells = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cells.transpose(2, 0, 1), dtype=np.float32)


def movement_shape(height: int, width: int) -> tuple[int, int, int]:
    """The shape of `movement` between tiles of this many pixels."""
    return 2, height // CELL, width // CELL


def _even(tile: Photo) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(grey), dtype=np.uint8)


# Not kept between calls: it holds buffers and may not be shared between threads.
def _search() -> cv2.DISOpticalFlow:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
