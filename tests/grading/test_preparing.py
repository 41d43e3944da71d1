"""What is told of photos and what rejects them, by the rules of a department."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.spoiling import blurred, rolled
from grading.eyes import find_eyes
from grading.face import NoFaceError, find_face
from grading.framing import PAPER_PREPROCESSING, PREPROCESSING
from grading.gates import LIMITS, SENTENCES, Flag, Limits, Rules, Severity, UnfitPhotoError
from grading.preparing import prepare_photo, series_flags

Photos = dict[str, NDArray[np.uint8]]
MARKS = (
    (-0.7, 0.7),
    (0.75, 1.0),
    (-0.25, -0.6),
    (0.5, 0.5),
    (0.3, -0.5),
    (-0.6, 1.2),
    (-0.9, 0.4),
    (0.8, 0.3),
)
"""Places right of and below the middle between the eyes, in distances between them."""
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def tilted(photos: Photos) -> NDArray[np.uint8]:
    photo = photos["SMILE"]
    return rolled(14)(photo, find_eyes(photo, find_face(photo)), RNG)


def test_a_prepared_photo_says_where_the_face_is(photos: Photos) -> None:
    prepared = prepare_photo(photos["SMILE"], "SMILE")
    assert prepared.pose == "SMILE"
    assert prepared.crop.shape == (352, 320, 3)
    assert prepared.face.inside(photos["SMILE"])
    assert prepared.flags == ()


def test_a_photo_that_fails_a_gate_is_refused_with_what_to_do(tilted: NDArray[np.uint8]) -> None:
    with pytest.raises(UnfitPhotoError, match="keep it and the camera upright") as caught:
        prepare_photo(tilted, "SMILE")
    assert caught.value.code == "face.tilted"


def test_every_reason_is_told_at_once(tilted: NDArray[np.uint8]) -> None:
    soft = blurred(0.06)(tilted, find_eyes(tilted, find_face(tilted)), RNG)
    with pytest.raises(UnfitPhotoError) as caught:
        prepare_photo(soft, "SMILE")
    assert [flag.code for flag in caught.value.flags] == ["photo.blurred", "face.tilted"]
    assert all(flag.sentence in str(caught.value) for flag in caught.value.flags)


def test_a_department_may_let_such_photos_pass(tilted: NDArray[np.uint8]) -> None:
    lenient = prepare_photo(tilted, "SMILE", rules=Rules(severities={"face.tilted": Severity.WARN}))
    assert "face.tilted" in [flag.code for flag in lenient.flags]
    silent = prepare_photo(tilted, "SMILE", rules=Rules(severities={"face.tilted": Severity.OFF}))
    assert "face.tilted" not in [flag.code for flag in silent.flags]
    wide = prepare_photo(tilted, "SMILE", rules=Rules(Limits(roll=(20, 30))))
    assert "face.tilted" not in [flag.code for flag in wide.flags]


def test_a_department_may_be_stricter(photos: Photos) -> None:
    photo = photos["REST"]
    soft = blurred(0.03)(photo, find_eyes(photo, find_face(photo)), RNG)
    assert Flag("photo.blurred") in prepare_photo(soft, "REST").flags
    with pytest.raises(UnfitPhotoError):
        prepare_photo(soft, "REST", rules=Rules(severities={"photo.blurred": Severity.REJECT}))


def test_a_cut_off_face_is_flagged(photos: Photos) -> None:
    box = prepare_photo(photos["REST"], "REST").face
    cut = photos["REST"][: box.bottom + 5]
    assert Flag("face.cut_off") in prepare_photo(cut, "REST").flags


def test_a_photo_without_a_face_is_refused() -> None:
    with pytest.raises(NoFaceError):
        prepare_photo(np.random.default_rng(0).integers(0, 256, (99, 99, 3), dtype=np.uint8), "REST")


def test_a_photo_of_a_series_that_is_mirrored_is_flagged_where_sides_can_be_compared(photos: Photos) -> None:
    # moles and scars, so that the sides of the drawn face differ as those of real ones do
    marked = {pose: photo.copy() for pose, photo in photos.items()}
    for photo in marked.values():
        eyes = find_eyes(photo, find_face(photo))
        for across, down in MARKS:
            x, y = (np.array(eyes.middle) + eyes.distance * np.array([across, down])).astype(int)
            photo[y - 8 : y + 9, x - 8 : x + 9] //= 5
    marked["BROW"] = np.ascontiguousarray(marked["BROW"][:, ::-1])
    crops = {pose: prepare_photo(photo, pose).crop for pose, photo in marked.items()}
    assert series_flags(crops, PREPROCESSING, LIMITS) == {"BROW": (Flag("photo.mirrored"),)}
    assert series_flags(crops, PREPROCESSING, Limits(mirrored=1.0)) == {}
    whole = {pose: prepare_photo(photo, pose, PAPER_PREPROCESSING).crop for pose, photo in marked.items()}
    assert series_flags(whole, PAPER_PREPROCESSING, LIMITS) == {}


def test_a_flag_is_stored_with_what_it_leaves_open() -> None:
    assert str(Flag("face.tilted")) == "face.tilted"
    assert str(Flag("pose.wrong", detail="PUCKER")) == "pose.wrong.PUCKER"
    assert Flag("pose.wrong", detail="PUCKER").sentence == SENTENCES["pose.wrong"]
