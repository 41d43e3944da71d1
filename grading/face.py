"""Finding the one face in a photo and cutting it out as the network wants it.

Source: Raj et al., Section 4.2 (dlib's frontal face detector, the face box zero-padded to a square with its
aspect ratio kept, resized to 224 x 224).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

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


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes a crop; kept in the bundle, so that a model sees the crops it was trained on.

    ``detector_sides``: long sides in pixels to which the photo is scaled down for the detector, tried in
    turn. ``margin``: what is added to the face box on each side, as a share of its width, so that raised
    brows and the chin stay inside. ``size``: side of the square crop in pixels.
    """

    detector_sides: tuple[int, ...] = (480, 960)
    margin: float = 0.15
    size: int = 224


PREPROCESSING = Preprocessing()


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

    def square(self, margin: float) -> "FaceBox":
        """The square around the same centre; its side is the box's longer one, plus ``margin`` twice."""
        side = round(max(self.width, self.height) * (1 + 2 * margin))
        left = round((self.left + self.right - side) / 2)
        top = round((self.top + self.bottom - side) / 2)
        return FaceBox(left, top, left + side, top + side)

    def inside(self, photo: Photo) -> bool:
        """Whether the whole box lies within the photo (H, W, 3)."""
        height, width = photo.shape[:2]
        return self.left >= 0 and self.top >= 0 and self.right <= width and self.bottom <= height


def find_face(photo: Photo, preprocessing: Preprocessing = PREPROCESSING) -> FaceBox:
    """The box of the only face in a photo (H, W, 3) uint8 RGB.

    The detector runs on a copy scaled down to the first of ``detector_sides``; when it finds none, on the
    next larger one.

    Raises `BlankPhotoError`, `NoFaceError` or `SeveralFacesError`.
    """
    image = Image.fromarray(photo)
    for number, (small, scale) in enumerate(_scaled(image, preprocessing.detector_sides)):
        if number == 0 and float(small.mean(axis=2).std()) < BLANK_SPREAD:
            raise BlankPhotoError("the photo shows nothing (it is black or of one colour): take it again")
        boxes = list(_detector()(small, 0))
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


def crop_face(photo: Photo, box: FaceBox, preprocessing: Preprocessing = PREPROCESSING) -> Photo:
    """The face as the network wants it: (size, size, 3) uint8, black where the margin leaves the photo."""
    return _cut(photo, box.square(preprocessing.margin), preprocessing.size)


def view_crop(photo: Photo, box: FaceBox, size: int = 512) -> Photo:
    """The whole head for people to look at: (size, size, 3) uint8, black outside the photo.

    Its margin does not depend on the model's, so the same face looks the same beside every model.
    """
    return _cut(photo, box.square(margin=0.4), size)


def _scaled(image: Image.Image, sides: tuple[int, ...]) -> Iterator[tuple[Photo, float]]:
    """The image at each long side, never enlarged, and the factor that leads back to its own pixels."""
    longest = max(image.size)
    for side in sorted({min(side, longest) for side in sides}):
        scale = longest / side
        width, height = (max(1, round(length / scale)) for length in image.size)
        yield np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)), scale


@cache
def _detector() -> dlib.fhog_object_detector:
    return dlib.get_frontal_face_detector()


def _cut(photo: Photo, square: FaceBox, size: int) -> Photo:
    """The square region of a photo, zeros where it leaves the photo, resized with antialiasing."""
    height, width = photo.shape[:2]
    region = np.zeros((square.height, square.width, 3), dtype=np.uint8)
    top, bottom = max(square.top, 0), min(square.bottom, height)
    left, right = max(square.left, 0), min(square.right, width)
    if top < bottom and left < right:
        region[top - square.top : bottom - square.top, left - square.left : right - square.left] = photo[
            top:bottom, left:right
        ]
    return np.asarray(Image.fromarray(region).resize((size, size), Image.Resampling.BICUBIC))
