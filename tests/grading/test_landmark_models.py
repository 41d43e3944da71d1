"""Models of 68 points: which files are taken, and where their points come to lie."""

import math
from pathlib import Path

import dlib
import numpy as np
import pytest

from grading.eyes import find_eyes
from grading.face import Photo, find_face
from grading.framing import VIEW, view
from grading.landmark_models import BUILT_IN, LandmarkModel, LandmarkModelError, dlib_68, find_with, own_model
from grading.landmarks import POINTS, check_points, find_points
from grading.weights import sha256_of
from tests.grading.conftest import Series

BLANK = np.full((VIEW.height, VIEW.width, 3), 128, dtype=np.uint8)


def own(file: Path, sha256: str | None = None) -> LandmarkModel:
    return own_model("Clinic 1", "CC BY 4.0", file, sha256 or sha256_of(file), commercial=True)


@pytest.fixture(scope="module")
def rest(photos: Series) -> Photo:
    """The level view of a phantom at rest."""
    photo = photos["REST"]
    return view(photo, find_eyes(photo, find_face(photo)))


def trained(folder: Path, parts: int) -> Path:
    """A model that dlib learned from one picture, whose points lie on a circle."""
    circle = [
        dlib.point(
            round(256 + 90 * math.cos(6.283 * part / parts)), round(270 + 90 * math.sin(6.283 * part / parts))
        )
        for part in range(parts)
    ]
    box = dlib.rectangle(115, 120, 405, 421)
    options = dlib.shape_predictor_training_options()
    options.tree_depth, options.cascade_depth, options.num_trees_per_cascade_level = 1, 1, 1
    options.oversampling_amount, options.feature_pool_size, options.num_test_splits = 1, 20, 1
    noise = np.random.default_rng(1).integers(0, 255, BLANK.shape, dtype=np.uint8)
    seen = dlib.full_object_detection(box, dlib.points(circle))
    predictor = dlib.train_shape_predictor([noise], [[seen]], options)
    file = folder / f"{parts}.dat"
    predictor.save(str(file))
    return file


@pytest.mark.journey
def test_the_model_of_68_points_places_every_point_near_where_the_phantom_has_it(rest: Photo) -> None:
    own_places, own_found = find_with(BUILT_IN, rest)
    places, found = find_with(dlib_68(), rest)
    check_points(places)
    assert found == set(POINTS) | own_found
    # the irises stay Facialis's own, and both finders agree on the corners of the mouth
    assert places["R-iris"] == own_places["R-iris"]
    for corner in ("R-corner", "L-corner"):
        assert math.dist(places[corner], own_places[corner]) < 0.15 * VIEW.distance
    for side in "RL":
        order = ["brow", "upper", "iris", "lower", "lip-top", "teeth-bottom", "lip-bottom"]
        heights = [places[f"{side}-{point}"][1] for point in order]
        assert heights == sorted(heights)


def test_a_model_of_a_site_s_own_is_used_by_its_checksum(tmp_path: Path) -> None:
    file = trained(tmp_path, 68)
    places, found = find_with(own(file), BLANK)
    # the corners are points 48 and 54 of the circle that it learned
    for side, part in (("R", 48), ("L", 54)):
        expected = (256.5 + 90 * math.cos(6.283 * part / 68), 270.5 + 90 * math.sin(6.283 * part / 68))
        assert places[f"{side}-corner"] == pytest.approx(expected, abs=3)
    assert {"R-corner", "L-lip-top", "lip"} <= found
    assert not {"R-iris", "L-limbus"} & found


def test_files_that_are_another_or_no_model_are_refused_with_what_to_do(tmp_path: Path) -> None:
    five = trained(tmp_path, 5)
    other = tmp_path / "other.dat"
    other.write_bytes(b"no model")
    for model, told in (
        (own(five), "has 5 points, not 68"),
        (own(other), "no model of dlib"),
        (own(five, "0" * 64), "not the file whose SHA-256 is set"),
        (own(tmp_path / "none.dat", "0" * 64), "is missing"),
    ):
        with pytest.raises(LandmarkModelError, match=told):
            find_with(model, BLANK)


def test_the_built_in_finders_need_no_file_and_are_the_only_ones_by_default() -> None:
    assert find_with(BUILT_IN, BLANK) == find_points(BLANK)
    assert BUILT_IN.commercial
    assert not dlib_68().commercial
    assert "for research only" in dlib_68().licence
