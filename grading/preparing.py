"""From a photo to what the model sees of it: the face and its eyes found, and the crop cut by them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.eyes import Eyes, find_eyes
from grading.face import FaceBox, Photo, find_face
from grading.framing import PREPROCESSING, Preprocessing, cut, leaves_photo


@dataclass(frozen=True, eq=False)
class PreparedPhoto:
    """A photo with its face found and cut out.

    ``crop`` is (H, W * tiles, 3) uint8, see `cut`. ``flags``: `face.cut_off` where the face lies so near the
    photo's edge that part of the crop is black.
    """

    pose: str
    face: FaceBox
    eyes: Eyes
    crop: Photo
    flags: tuple[str, ...]


def prepare_photo(
    photo: NDArray[np.uint8], pose: str, preprocessing: Preprocessing = PREPROCESSING
) -> PreparedPhoto:
    """Find and cut out the face of a photo (H, W, 3) uint8 RGB that shows ``pose``.

    Raises `BlankPhotoError`, `NoFaceError` or `SeveralFacesError`.
    """
    face = find_face(photo, preprocessing.detector_sides)
    eyes = find_eyes(photo, face)
    flags = ("face.cut_off",) if leaves_photo(photo, face, eyes, preprocessing.frame) else ()
    return PreparedPhoto(pose, face, eyes, cut(photo, face, eyes, preprocessing), flags)
