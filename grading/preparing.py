"""From a photo to what the network sees of it: the face, found and cut out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.face import PREPROCESSING, FaceBox, Photo, Preprocessing, crop_face, find_face


@dataclass(frozen=True, eq=False)
class PreparedPhoto:
    """A photo with its face found and cut out.

    ``crop`` is (size, size, 3) uint8. ``flags``: `face.small` where the face has fewer pixels than the crop,
    `face.cut_off` where it lies so near the photo's edge that part of the crop is black.
    """

    pose: str
    face: FaceBox
    crop: Photo
    flags: tuple[str, ...]


def prepare_photo(
    photo: NDArray[np.uint8], pose: str, preprocessing: Preprocessing = PREPROCESSING
) -> PreparedPhoto:
    """Find and cut out the face of a photo (H, W, 3) uint8 RGB that shows ``pose``.

    Raises `BlankPhotoError`, `NoFaceError` or `SeveralFacesError`.
    """
    face = find_face(photo, preprocessing)
    square = face.square(preprocessing.margin)
    flags = []
    if square.width < preprocessing.size:
        flags.append("face.small")
    if not square.inside(photo):
        flags.append("face.cut_off")
    return PreparedPhoto(pose, face, crop_face(photo, face, preprocessing), tuple(flags))
