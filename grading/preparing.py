"""From a photo to what the model sees of it: face and eyes found, the photo judged, the crop cut by them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.errors import PermanentError
from grading.eyes import Eyes, find_eyes
from grading.face import FaceBox, Photo, find_face
from grading.framing import PREPROCESSING, EyeFrame, Preprocessing, cut, leaves_photo
from grading.gates import CUT_OFF, MIRRORED, RULES, Flag, Limits, Rules
from grading.mirroring import mirrored_photos
from grading.parallel import map_threads, small_products
from grading.quality import photo_flags


@dataclass(frozen=True, eq=False)
class PreparedPhoto:
    """A photo with its face found and cut out.

    ``crop`` is (H, W * tiles, 3) uint8, see `cut`. ``flags`` are what is told of the photo, none of which
    rejects it; `face.cut_off` among them where the face lies so near the photo's edge that part of the crop
    is black.
    """

    pose: str
    face: FaceBox
    eyes: Eyes
    crop: Photo
    flags: tuple[Flag, ...]


def prepare_photo(
    photo: NDArray[np.uint8],
    pose: str,
    preprocessing: Preprocessing = PREPROCESSING,
    rules: Rules = RULES,
) -> PreparedPhoto:
    """Find, judge and cut out the face of a photo (H, W, 3) uint8 RGB that shows ``pose``.

    Raises `BlankPhotoError`, `NoFaceError`, `SeveralFacesError` or `UnfitPhotoError`.
    """
    face = find_face(photo, preprocessing.detector_sides)
    eyes = find_eyes(photo, face, preprocessing.eye_boxes)
    cut_off = (Flag(CUT_OFF),) if leaves_photo(photo, face, eyes, preprocessing.frame) else ()
    flags = rules.apply((*photo_flags(photo, face, eyes, rules.limits), *cut_off))
    return PreparedPhoto(pose, face, eyes, cut(photo, face, eyes, preprocessing), flags)


def prepare_series(
    photos: Mapping[str, Photo], preprocessing: Preprocessing = PREPROCESSING, rules: Rules = RULES
) -> tuple[dict[str, PreparedPhoto], dict[str, PermanentError]]:
    """Prepare the photos of a series, by pose code, on all cores.

    The second answer says of the others why they cannot be graded: what `prepare_photo` raised.
    """

    def prepare(pose: str) -> PreparedPhoto | PermanentError:
        try:
            return prepare_photo(photos[pose], pose, preprocessing, rules)
        except PermanentError as error:
            return error

    done = dict(zip(photos, map_threads(prepare, photos), strict=True))
    prepared = {pose: one for pose, one in done.items() if isinstance(one, PreparedPhoto)}
    return prepared, {pose: one for pose, one in done.items() if isinstance(one, PermanentError)}


def series_flags(
    crops: Mapping[str, Photo], preprocessing: Preprocessing, limits: Limits
) -> dict[str, tuple[Flag, ...]]:
    """What the photos of a series say of each other, by pose code: which of them look mirrored.

    ``crops`` are by pose code. Sides can only be compared in crops laid by the eyes that have a twin: for
    others the answer is empty.
    """
    frame = preprocessing.frame
    if not (preprocessing.twin and isinstance(frame, EyeFrame)):
        return {}
    with small_products():
        return {pose: (Flag(MIRRORED),) for pose in mirrored_photos(crops, frame, limits)}
