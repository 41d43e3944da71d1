"""Finding the one face in a photo."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from grading.face import BlankPhotoError, NoFaceError, SeveralFacesError, find_face
from grading.parallel import map_threads
from grading.photos import load_photo

Photos = dict[str, NDArray[np.uint8]]


def resized(photo: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    height, width = photo.shape[:2]
    return np.asarray(Image.fromarray(photo).resize((round(width * factor), round(height * factor))))


def test_the_face_lies_in_the_middle_of_a_photo_of_it(photos: Photos) -> None:
    photo = photos["REST"]
    width = photo.shape[1]
    box = find_face(photo)
    assert box.inside(photo)
    assert box.left < width / 2 < box.right
    assert box.width > width / 4
    assert abs((box.left + box.right) / 2 - width / 2) < width / 8


def test_the_box_is_in_pixels_of_the_photo_whatever_its_size(photos: Photos) -> None:
    small, large = find_face(photos["REST"]), find_face(resized(photos["REST"], 2.5))
    assert large.left / 2.5 == pytest.approx(small.left, abs=0.1 * small.width)
    assert large.width / 2.5 == pytest.approx(small.width, rel=0.1)


def test_a_face_too_small_for_the_first_look_is_found_in_the_second(photos: Photos) -> None:
    scene = np.full((1000, 1400, 3), 120, dtype=np.uint8)
    face = resized(photos["REST"], 0.25)
    scene[300 : 300 + face.shape[0], 600 : 600 + face.shape[1]] = face
    with pytest.raises(NoFaceError):
        find_face(scene, (480,))
    box = find_face(scene, (480, 1400))
    assert 600 <= box.left < box.right <= 600 + face.shape[1]


def test_faces_are_found_in_several_photos_at_once_as_in_each_alone(photos: Photos) -> None:
    alone = [find_face(photo) for photo in photos.values()]
    for _ in range(3):
        assert map_threads(find_face, photos.values()) == alone


def test_two_faces_are_refused(photos: Photos) -> None:
    with pytest.raises(SeveralFacesError, match="2 faces"):
        find_face(np.hstack([photos["REST"], photos["REST"]]))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_photo_of_one_colour_is_blank(level: int) -> None:
    with pytest.raises(BlankPhotoError):
        find_face(np.full((300, 200, 3), level, dtype=np.uint8))


def test_a_dark_photo_with_sensor_noise_is_blank() -> None:
    noise = np.random.default_rng(0).normal(4, 3, (600, 400, 3))
    with pytest.raises(BlankPhotoError):
        find_face(np.clip(noise, 0, 255).astype(np.uint8))


def test_a_photo_without_a_face_is_refused() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    with pytest.raises(NoFaceError, match="one upright face"):
        find_face(photo)


def test_a_single_pixel_is_refused() -> None:
    with pytest.raises(BlankPhotoError):
        find_face(np.zeros((1, 1, 3), dtype=np.uint8))


@pytest.mark.cohort
def test_every_pose_of_a_real_face_is_found(cohort: Path) -> None:
    for number in range(1, 10):
        photo = load_photo(cohort / "S001" / "T1" / f"{number}.jpg")
        assert find_face(photo).width > photo.shape[1] / 4
