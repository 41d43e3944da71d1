"""Finding the one face in a photo and cutting it out."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from grading.face import (
    BlankPhotoError,
    FaceBox,
    NoFaceError,
    Preprocessing,
    SeveralFacesError,
    crop_face,
    find_face,
    view_crop,
)
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
        find_face(scene, Preprocessing(detector_sides=(480,)))
    box = find_face(scene, Preprocessing(detector_sides=(480, 1400)))
    assert 600 <= box.left < box.right <= 600 + face.shape[1]


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


def test_a_crop_keeps_the_aspect_ratio_and_is_black_outside_the_photo() -> None:
    photo = np.full((100, 60, 3), 200, dtype=np.uint8)
    photo[40:60, 20:40] = 50
    crop = crop_face(photo, FaceBox(0, 20, 60, 80), Preprocessing(margin=0.5, size=240))
    assert crop.shape == (240, 240, 3)
    # the square of 20 pixels stays a square, twice as large
    assert np.all(crop[105:135, 105:135] == 50)
    assert np.all(crop[90:150, [90, 150]] == 200)
    assert np.all(crop[[90, 150], 90:150] == 200)
    assert crop[:, :50].max() == 0


def test_a_box_beside_the_photo_gives_a_black_crop() -> None:
    photo = np.full((50, 50, 3), 200, dtype=np.uint8)
    assert crop_face(photo, FaceBox(500, 500, 560, 560)).max() == 0


def test_the_view_shows_more_around_the_face_than_the_crop() -> None:
    photo = np.full((400, 400, 3), 200, dtype=np.uint8)
    box = FaceBox(150, 150, 250, 250)
    photo[box.top : box.bottom, box.left : box.right] = 50
    view, crop = view_crop(photo, box, 256), crop_face(photo, box)
    assert view.shape == (256, 256, 3)
    assert (view < 100).mean() < 0.6 * (crop < 100).mean()


@pytest.mark.cohort
def test_every_pose_of_a_real_face_is_found(cohort: Path) -> None:
    for number in range(1, 10):
        photo = load_photo(cohort / "S001" / "T1" / f"{number}.jpg")
        assert find_face(photo).width > photo.shape[1] / 4
