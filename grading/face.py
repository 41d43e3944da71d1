"""Finding the one face in a photo.

Source: Raj et al., Section 4.2 (dlib's frontal face detector).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from threading import Lock

import dlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from grading.errors import PermanentError

Photo = NDArray[np.uint8]

BLANK_SPREAD = 3.0
"""Standard deviation of grey levels (of 255) below which a photo shows nothing: noise stays under it."""


class BlankPhotoError(PermanentError):
    """A photo is black, white or of one colour throughout."""

    code = "photo.blank"


class NoFaceError(PermanentError):
    """No upright frontal face was found in a photo."""

    code = "photo.no_face"


class SeveralFacesError(PermanentError):
    """More than one face was found in a photo."""

    code = "photo.several_faces"


DETECTOR_SIDES = (480, 960)
"""Long sides in pixels to which a photo is scaled down for the detector, tried in turn."""


@dataclass(frozen=True)
class FaceBox:
    """A face's box in photo pixels, right and bottom exclusive; it may reach over the photo's edge."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    def inside(self, photo: Photo) -> bool:
        """Whether the whole box lies within the photo (H, W, 3)."""
        height, width = photo.shape[:2]
        return self.left >= 0 and self.top >= 0 and self.right <= width and self.bottom <= height


def find_face(photo: Photo, sides: tuple[int, ...] = DETECTOR_SIDES) -> FaceBox:
    """The box of the only face in a photo (H, W, 3) uint8 RGB.

    The detector runs on a copy scaled down to the first of ``sides`` (long side in pixels); when it finds
    none, on the next larger one.

    Raises `BlankPhotoError`, `NoFaceError` or `SeveralFacesError`.
    """
    image = Image.fromarray(photo)
    for number, (small, scale) in enumerate(_scaled(image, sides)):
        if number == 0 and _spread(small) < BLANK_SPREAD:
            raise BlankPhotoError("the photo shows nothing (it is black or of one colour): take it again")
        with _detector() as detector:
            boxes = list(detector(small, 0))
        if len(boxes) > 1:
            raise SeveralFacesError(
                f"{len(boxes)} faces were found in the photo: crop it so that only the patient is seen"
            )
        if boxes:
            box = boxes[0]
            return FaceBox(
                round(box.left() * scale),
                round(box.top() * scale),
                round((box.right() + 1) * scale),
                round((box.bottom() + 1) * scale),
            )
    raise NoFaceError("no face was found in the photo: it must show one upright face from the front")


def _scaled(image: Image.Image, sides: tuple[int, ...]) -> Iterator[tuple[Photo, float]]:
    """The image at each long side, never enlarged, and the factor that leads back to its own pixels."""
    longest = max(image.size)
    for side in sorted({min(side, longest) for side in sides}):
        scale = longest / side
        width, height = (max(1, round(length / scale)) for length in image.size)
        # a large photo is first reduced by a whole factor, which takes a third of the time
        small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.0)
        yield np.asarray(small), scale


def _spread(photo: Photo) -> float:
    """Standard deviation of the grey levels, each the mean of its pixel's colours."""
    red, green, blue = (photo[..., colour].astype(np.float32) for colour in range(3))
    return float((red + green + blue).std()) / 3


_idle: list[dlib.fhog_object_detector] = []
_making = Lock()


@contextmanager
def _detector() -> Iterator[dlib.fhog_object_detector]:
    """A detector that no other thread uses: it holds buffers."""
    try:
        detector = _idle.pop()
    except IndexError:
        with _making:
            detector = deepcopy(_unused_detector())
    yield detector
    _idle.append(detector)


@cache
def _unused_detector() -> dlib.fhog_object_detector:
    """What is copied: a copy takes a millisecond, a new detector half a second."""
    return dlib.get_frontal_face_detector()
