"""Eyes found, and crops laid by them: level, of one size, halves shown alike."""

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from grading.eyes import BOXES, Eyes, find_eyes
from grading.face import FaceBox, find_face
from grading.framing import PREPROCESSING, BoxFrame, EyeFrame, Preprocessing, covered, cut, split, view
from grading.photos import load_photo
from grading.preparing import prepare_photo

Photos = dict[str, NDArray[np.uint8]]
FRAME = EyeFrame(height=60, width=40, distance=20, eye_line=20, midline=30)


def dotted(turn: float = 0.0, scale: float = 1.0) -> tuple[NDArray[np.uint8], Eyes]:
    """A grey photo with a white dot at each eye and a black one below the right eye, and the eyes."""
    photo = np.full((400, 400, 3), 128, dtype=np.uint8)
    across = np.array([math.cos(math.radians(turn)), math.sin(math.radians(turn))]) * 40 * scale
    down = np.array([-across[1], across[0]])
    centre = np.array([200.0, 180.0])
    for place, level in ((centre - across, 255), (centre + across, 255), (centre - across + 1.5 * down, 0)):
        x, y = place.round().astype(int)
        reach = round(6 * scale)
        photo[y - reach : y + reach + 1, x - reach : x + reach + 1] = level
    right, left = centre - across, centre + across
    return photo, Eyes((right[0], right[1]), (left[0], left[1]))


@pytest.mark.parametrize("turn", [0, 12, -30])
@pytest.mark.parametrize("scale", [0.6, 1, 2])
def test_the_eyes_come_to_the_same_place_whatever_the_roll_and_size(turn: float, scale: float) -> None:
    photo, eyes = dotted(turn, scale)
    crop = cut(photo, FaceBox(0, 0, 1, 1), eyes, Preprocessing(FRAME, twin=True))
    right, left = split(crop, 2)
    assert eyes.roll == pytest.approx(turn, abs=1)
    # both eyes lie ten pixels outside the midline; the dot below the right eye is seen on its side alone
    assert right[20, 20].min() > 230
    assert left[20, 20].min() > 230
    assert right[35, 20].max() < 40
    assert left[35, 20].min() > 100


def test_outside_the_photo_a_crop_is_black() -> None:
    photo = np.full((50, 50, 3), 200, dtype=np.uint8)
    eyes = Eyes((10.0, 5.0), (40.0, 5.0))
    assert view(photo, eyes)[:100].max() == 0


def test_a_crop_wholly_outside_the_photo_is_black() -> None:
    photo = np.full((50, 50, 3), 200, dtype=np.uint8)
    assert view(photo, Eyes((4010.0, 5.0), (4040.0, 5.0))).max() == 0


@pytest.mark.parametrize(("distance", "roll"), [(40, 0), (100, 25), (150, -15), (300, 8)])
def test_every_pixel_of_a_crop_is_what_lies_there_in_the_photo(distance: float, roll: float) -> None:
    rows, columns = np.mgrid[:900, :800]
    photo = np.stack([columns / 4, rows / 4, np.full_like(rows, 200)], axis=-1).round().astype(np.uint8)
    across = np.array([math.cos(math.radians(roll)), math.sin(math.radians(roll))]) * distance
    middle = np.array([390.0, 400.0])
    crop = view(photo, Eyes(tuple(middle - across / 2), tuple(middle + across / 2)))
    down, right = (np.mgrid[:512, :512] + 0.5 - np.array([208, 256])[:, None, None]) / 128
    x, y = (middle[axis] + right * across[axis] + down * [-across[1], across[0]][axis] for axis in (0, 1))
    inside = (x > 4) & (x < 796) & (y > 4) & (y < 896)
    assert inside.mean() > 0.4
    for colour, place in enumerate((x, y)):
        assert np.abs(crop[..., colour] - place / 4)[inside].max() < 2
    outside = (x < -4) | (x > 804) | (y < -4) | (y > 904)
    assert crop[outside].max(initial=0) == 0


def test_what_a_crop_shows_of_a_photo_is_known_without_cutting_it() -> None:
    photo = np.full((50, 60, 3), 200, dtype=np.uint8)
    for eyes in (
        Eyes((10.0, 5.0), (40.0, 5.0)),
        Eyes((2.0, 30.0), (30.0, 45.0)),
        Eyes((90.0, 90.0), (120.0, 90.0)),
    ):
        crop = cut(photo, FaceBox(0, 0, 1, 1), eyes, Preprocessing(EyeFrame(), twin=False))
        assert np.mean((crop[..., 0] > 100) == covered(photo, eyes, EyeFrame())) > 0.97


def test_the_papers_crop_is_the_square_around_the_box() -> None:
    photo = np.full((100, 60, 3), 200, dtype=np.uint8)
    photo[40:60, 20:40] = 50
    eyes = Eyes((20.0, 40.0), (40.0, 40.0))
    crop = cut(photo, FaceBox(0, 20, 60, 80), eyes, Preprocessing(BoxFrame(0.5, 240), twin=False))
    assert crop.shape == (240, 240, 3)
    assert np.all(crop[105:135, 105:135] == 50)
    assert np.all(crop[90:150, [90, 150]] == 200)
    assert crop[:, :50].max() == 0
    beside = cut(photo, FaceBox(500, 500, 560, 560), eyes, Preprocessing(BoxFrame(), twin=True))
    assert beside.shape == (224, 448, 3)
    assert beside.max() == 0


def test_a_photo_four_times_as_large_gives_nearly_the_same_crop(photos: Photos) -> None:
    photo = photos["REST"]
    eyes = find_eyes(photo, find_face(photo))
    large = np.asarray(Image.fromarray(photo).resize((photo.shape[1] * 4, photo.shape[0] * 4)))
    grown = Eyes(*((4 * x + 1.5, 4 * y + 1.5) for x, y in (eyes.right, eyes.left)))
    crops = [
        cut(*of, PREPROCESSING).astype(float)
        for of in ((photo, FaceBox(0, 0, 1, 1), eyes), (large, FaceBox(0, 0, 1, 1), grown))
    ]
    assert np.abs(crops[0] - crops[1]).mean() < 3


def test_the_eyes_of_a_phantom_are_found_open_and_closed(photos: Photos) -> None:
    open_eyes, closed = (find_eyes(photos[pose], find_face(photos[pose])) for pose in ("REST", "EYETIGHT"))
    for eyes in (open_eyes, closed):
        assert eyes.right[0] < eyes.left[0]
        assert abs(eyes.roll) < 10
    assert closed.distance == pytest.approx(open_eyes.distance, rel=0.15)


@pytest.mark.journey
def test_noise_that_nobody_sees_moves_averaged_eyes_less_than_half_as_far(photos: Photos) -> None:
    moves: dict[int, list[float]] = {1: [], BOXES: []}
    for number, photo in enumerate(photos.values()):
        noise = np.random.default_rng(number).normal(0, 1, photo.shape)
        noisy = np.clip(np.rint(photo + noise), 0, 255).astype(np.uint8)
        face = find_face(photo)
        for boxes, moved in moves.items():
            before, after = (find_eyes(one, face, boxes) for one in (photo, noisy))
            moved += [math.dist(before.right, after.right), math.dist(before.left, after.left)]
    assert np.mean(moves[BOXES]) < 0.5 * np.mean(moves[1])


def test_a_photo_is_prepared_with_eyes_read_as_often_as_its_preprocessing_says(photos: Photos) -> None:
    photo = photos["REST"]
    face = find_face(photo)
    once = prepare_photo(photo, "REST", Preprocessing(EyeFrame(), twin=True))
    assert once.eyes == find_eyes(photo, face, 1)
    often = prepare_photo(photo, "REST")
    assert often.eyes == find_eyes(photo, face, PREPROCESSING.eye_boxes) != once.eyes
    assert math.dist(often.eyes.middle, once.eyes.middle) < 0.05 * once.eyes.distance


@pytest.mark.cohort
def test_the_eyes_of_a_real_face_keep_their_place_in_the_face(cohort: Path) -> None:
    shares = []
    for number in range(1, 10):
        photo = load_photo(cohort / "S001" / "T1" / f"{number}.jpg")
        face = find_face(photo)
        eyes = find_eyes(photo, face)
        shares.append(((eyes.middle[1] - face.top) / face.height, eyes.distance / face.width))
    assert np.std(shares, axis=0).max() < 0.08
    assert 0.1 < np.mean(shares, axis=0)[0] < 0.45
