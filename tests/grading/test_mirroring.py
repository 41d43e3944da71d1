"""Which photos of a series are mirrored, told on drawn textures; on real faces: benchmarks/quality.py."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from grading.eyes import find_eyes
from grading.face import Photo, find_face
from grading.framing import PREPROCESSING, cut
from grading.mirroring import mirrored_photos
from grading.photos import load_photo
from grading.protocols import JENA9

# Faces are drawn and found.
pytestmark = pytest.mark.journey

POSES = tuple(JENA9.by_code)


def texture(seed: int, strength: float) -> NDArray[np.float64]:
    """A patch of skin with marks, (352, 160)."""
    marks = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(352, 160)), 5)
    return strength * marks / marks.std()


def series(asymmetry: float = 12.0) -> dict[str, Photo]:
    """Crops of a face whose two halves bear different marks, each photo with changes of its own."""
    shared, right, left = texture(1, 20), texture(2, asymmetry), texture(3, asymmetry)
    crops = {}
    for number, pose in enumerate(POSES):
        halves = [
            130 + shared + side + texture(10 + 2 * number + k, 6) for k, side in enumerate((right, left))
        ]
        grey = np.clip(np.hstack(halves), 0, 255).astype(np.uint8)
        crops[pose] = np.repeat(grey[..., None], 3, axis=2)
    return crops


def mirror(crop: Photo) -> Photo:
    """The crop of the mirrored photo: the halves change places."""
    return np.hstack(np.split(crop, 2, axis=1)[::-1])


def with_mirrored(crops: dict[str, Photo], poses: tuple[str, ...]) -> dict[str, Photo]:
    return {pose: mirror(crop) if pose in poses else crop for pose, crop in crops.items()}


@given(st.sets(st.sampled_from(POSES), max_size=4))
@settings(max_examples=25, deadline=None)
def test_the_fewer_photos_that_face_the_other_way_are_named_in_order(chosen: set[str]) -> None:
    poses = tuple(pose for pose in POSES if pose in chosen)
    assert mirrored_photos(with_mirrored(series(), poses)) == poses


def test_a_series_that_is_mirrored_as_a_whole_cannot_be_told() -> None:
    assert mirrored_photos(with_mirrored(series(), POSES)) == ()


def test_of_two_equal_parts_the_one_with_the_first_photo_is_taken_as_right() -> None:
    crops = dict(list(series().items())[:6])
    assert mirrored_photos(with_mirrored(crops, POSES[3:6])) == POSES[3:6]
    assert mirrored_photos(with_mirrored(crops, POSES[:3])) == POSES[3:6]


def test_two_photos_tell_nothing() -> None:
    crops = dict(list(series().items())[:2])
    assert mirrored_photos(with_mirrored(crops, POSES[:1])) == ()


def test_a_face_with_two_like_halves_raises_no_alarm() -> None:
    alike = {pose: np.hstack([crop[:, :160]] * 2) for pose, crop in series().items()}
    assert mirrored_photos(alike) == ()
    assert mirrored_photos(with_mirrored(alike, POSES[:2])) == ()


@pytest.mark.parametrize("level", [0, 255])
def test_photos_of_one_colour_raise_no_alarm(level: int) -> None:
    crops = {pose: np.full((352, 320, 3), level, dtype=np.uint8) for pose in POSES}
    assert mirrored_photos(crops) == ()


@pytest.mark.cohort
def test_a_mirrored_photo_of_a_real_face_is_found(cohort: Path) -> None:
    crops = {}
    for pose in JENA9.poses:
        photo = load_photo(cohort / "S001" / "T1" / f"{pose.number}.jpg")
        if pose.code == "SMILE":
            photo = np.ascontiguousarray(photo[:, ::-1])
        face = find_face(photo)
        crops[pose.code] = cut(photo, face, find_eyes(photo, face), PREPROCESSING)
    assert mirrored_photos(crops) == ("SMILE",)
