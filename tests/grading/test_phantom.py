"""Phantoms: scores that follow from parameters, and pictures that show them.

Not covered here: how well the detector finds faces over a large sample (`benchmarks/phantom_detection.py`).
"""

from dataclasses import replace
from functools import cache

import dlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from grading.phantom import (
    HEALTHY,
    Palsy,
    PhantomError,
    draw_photo,
    random_anatomy,
    random_palsy,
    recovered,
    true_scores,
)
from grading.phantom.anatomy import linear, skin_tone
from grading.phantom.camera import CENTRE_Y, FRAME
from grading.phantom.expression import JAW_OPENING, Half, halves
from grading.phantom.palsy import ANGLE_SPAN, BROW_SPAN, COMMISSURE_SPAN, FISSURE_SPAN
from grading.protocols import JENA9
from grading.scales import BALANCED, EFACE, PREDICTED_ITEMS

Photo = NDArray[np.uint8]
seeds = st.integers(0, 2**32 - 1)


@cache
def picture(palsy: Palsy, pose: str, anatomy_seed: int = 3, photo_seed: int = 5) -> Photo:
    return draw_photo(
        random_anatomy(np.random.default_rng(anatomy_seed)), palsy, pose, np.random.default_rng(photo_seed)
    )


def change(first: Photo, second: Photo) -> tuple[float, float]:
    """Mean grey-level difference in the face on the person's right and left, away from the midline."""
    difference = np.abs(first.astype(np.int16) - second.astype(np.int16)).mean(axis=2)[200:720]
    return float(difference[:, 150:310].mean()), float(difference[:, 410:570].mean())


@given(seeds)
def test_scores_lie_in_their_items_ranges(seed: int) -> None:
    scores = true_scores(random_palsy(np.random.default_rng(seed)))
    assert list(scores) == [item.id for item in PREDICTED_ITEMS]
    EFACE.check(scores)


def test_healthy_is_balanced_throughout() -> None:
    assert set(true_scores(HEALTHY).values()) == {BALANCED}


@pytest.mark.parametrize(
    ("parameter", "value", "item", "score"),
    [
        ("brow_offset", -4.0, "R1", 50.0),
        ("fissure", 1.3, "R2", 50.0),
        ("fissure", 0.4, "R2", 200.0),
        ("fold_depth", 0.0, "R3", 0.0),
        ("fold_angle", 25.0, "R4", 200.0),
        ("commissure_offset", -9.0, "R5", 0.0),
        ("brow_lift", 0.25, "M1", 25.0),
        ("gentle_closure", 0.5, "M2", 50.0),
        ("full_closure", 0.0, "M3", 0.0),
        ("smile", 0.1, "M4", 10.0),
        ("smile_fold_depth", 1.5, "M5", 150.0),
        ("smile_fold_angle", -12.5, "M6", 50.0),
        ("lower_lip", 0.4, "M7", 40.0),
    ],
)
def test_one_parameter_moves_one_item(parameter: str, value: float, item: str, score: float) -> None:
    scores = true_scores(Palsy("L", **{parameter: value}))
    assert scores.pop(item) == pytest.approx(score)
    assert set(scores.values()) == {BALANCED}


@given(seeds)
def test_scores_can_be_read_off_what_is_drawn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    anatomy, palsy = replace(random_anatomy(rng), asymmetry=(0.0, 0.0, 0.0)), random_palsy(rng, "R")

    def drawn(pose: str) -> tuple[Half, Half]:
        return halves(anatomy, palsy, pose)

    (
        (affected, healthy),
        (lifted, full_lift),
        (dozing, _),
        (squeezing, _),
        (smiling, full_smile),
        (teeth, full_teeth),
    ) = (drawn(pose) for pose in ("REST", "BROW", "EYESOFT", "EYETIGHT", "SMILE", "TEETH"))
    read = {
        "R1": 100 + 100 * (affected.brow_lift - healthy.brow_lift) / BROW_SPAN,
        "R2": 100 - 100 * (affected.fissure / healthy.fissure - 1) / FISSURE_SPAN,
        "R3": 100 * affected.fold_depth / healthy.fold_depth,
        "R4": 100 + 100 * (affected.fold_angle - healthy.fold_angle) / ANGLE_SPAN,
        "R5": 100 + 100 * (affected.corner_lift - healthy.corner_lift) / COMMISSURE_SPAN,
        "M1": 100 * (lifted.brow_lift - affected.brow_lift) / (full_lift.brow_lift - healthy.brow_lift),
        "M2": 100 * (1 - dozing.fissure / affected.fissure),
        "M3": 100 * (1 - squeezing.fissure / affected.fissure),
        "M4": 100
        * (smiling.corner_lift - affected.corner_lift)
        / (full_smile.corner_lift - healthy.corner_lift),
        "M5": 100 * smiling.fold_depth / full_smile.fold_depth,
        "M6": 100 + 100 * (smiling.fold_angle - full_smile.fold_angle) / ANGLE_SPAN,
        "M7": 100 * (teeth.lower_lip_drop - JAW_OPENING) / (full_teeth.lower_lip_drop - JAW_OPENING),
    }
    assert read == pytest.approx(true_scores(palsy))


def test_random_palsies_reach_both_sides_of_balanced_with_unrelated_items() -> None:
    rng = np.random.default_rng(0)
    table = np.array([list(true_scores(random_palsy(rng)).values()) for _ in range(2000)])
    for column, item in zip(table.T, PREDICTED_ITEMS, strict=True):
        assert column.min() < item.low + 10
        assert column.max() > item.high - 10
    related = np.corrcoef(table.T) - np.eye(len(PREDICTED_ITEMS))
    assert np.abs(related).max() < 0.1


@given(seeds, st.floats(0, 1), st.floats(0, 1))
def test_recovery_brings_every_item_nearer_to_balanced(seed: int, one: float, other: float) -> None:
    palsy = random_palsy(np.random.default_rng(seed))
    early, late = (
        true_scores(recovered(palsy, min(one, other))),
        true_scores(recovered(palsy, max(one, other))),
    )
    for item in early:
        assert abs(late[item] - BALANCED) <= abs(early[item] - BALANCED) + 1e-9
    assert recovered(palsy, 0.0) == palsy
    assert set(true_scores(recovered(palsy, 1.0)).values()) == {BALANCED}


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(PhantomError, match="fissure"):
        Palsy("L", fissure=3.0)
    with pytest.raises(PhantomError, match="healthy"):
        Palsy(None, smile=0.5)
    with pytest.raises(PhantomError, match="fraction"):
        recovered(HEALTHY, 1.5)
    with pytest.raises(PhantomError, match="pose"):
        picture(HEALTHY, "WINK")


def test_same_seed_draws_the_same_pixels() -> None:
    palsy = random_palsy(np.random.default_rng(1))
    first = picture(palsy, "SMILE")
    assert first.shape == (900, 720, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, picture.__wrapped__(palsy, "SMILE"))
    assert not np.array_equal(first, picture(palsy, "SMILE", photo_seed=6))


def test_photo_comes_in_the_size_asked_for() -> None:
    anatomy = random_anatomy(np.random.default_rng(3))
    assert draw_photo(anatomy, HEALTHY, "REST", np.random.default_rng(0), width=480, height=600).shape == (
        600,
        480,
        3,
    )


@pytest.mark.journey
@pytest.mark.parametrize(
    ("pose", "palsy"),
    [
        ("REST", Palsy("L", brow_offset=-6.0)),
        ("REST", Palsy("L", fissure=1.5)),
        ("REST", Palsy("L", fold_depth=0.0)),
        ("REST", Palsy("L", fold_angle=20.0)),
        ("REST", Palsy("L", commissure_offset=-7.0)),
        ("BROW", Palsy("L", brow_lift=0.0)),
        ("EYESOFT", Palsy("L", gentle_closure=0.2)),
        ("EYETIGHT", Palsy("L", full_closure=0.2)),
        ("SMILE", Palsy("L", smile_fold_depth=2.0)),
        ("SMILE", Palsy("L", smile_fold_angle=-20.0)),
    ],
)
def test_palsy_shows_on_the_affected_side_only(pose: str, palsy: Palsy) -> None:
    healthy = picture(HEALTHY, pose)
    right, left = change(healthy, picture(palsy, pose))
    assert left > 0.15
    assert right < 0.25 * left
    right, left = change(healthy, picture(replace(palsy, side="R"), pose))
    assert right > 0.15
    assert left < 0.25 * right


@pytest.mark.journey
@pytest.mark.parametrize("pose", [pose.code for pose in JENA9.poses])
def test_worse_palsy_shows_more_in_every_pose(pose: str) -> None:
    worst = Palsy(
        "L", -6.0, 1.5, 0.0, -10.0, -6.0, brow_lift=0.0, gentle_closure=0.1, full_closure=0.1, smile=0.0,
        smile_fold_depth=0.0, smile_fold_angle=-10.0, lower_lip=0.0,
    )  # fmt: skip
    healthy = picture(HEALTHY, pose)
    mild, severe = (sum(change(healthy, picture(palsy, pose))) for palsy in (recovered(worst, 0.7), worst))
    assert 0.15 < mild < severe


def test_every_pose_differs_from_rest_on_a_healthy_face() -> None:
    rest = picture(HEALTHY, "REST")
    for pose in JENA9.poses[1:]:
        assert min(change(rest, picture(HEALTHY, pose.code))) > 0.15


@pytest.mark.journey
def test_detector_finds_one_upright_face_in_the_middle() -> None:
    detector = dlib.get_frontal_face_detector()
    for number, pose in enumerate(JENA9.poses):
        photo = Image.fromarray(
            picture(random_palsy(np.random.default_rng(number)), pose.code, number, number)
        )
        photo.thumbnail((480, 480))
        boxes = list(detector(np.asarray(photo), 0))
        assert len(boxes) == 1
        millimetre = 480 / FRAME[1]
        assert abs(boxes[0].center().x - photo.width / 2) < 15 * millimetre
        assert abs(boxes[0].center().y - (photo.height / 2 + (25 - CENTRE_Y) * millimetre)) < 25 * millimetre


@pytest.mark.parametrize("melanin", [0.0, 1.0])
def test_exposure_suits_lightest_and_darkest_skin(melanin: float) -> None:
    anatomy = replace(
        random_anatomy(np.random.default_rng(1)),
        melanin=melanin,
        skin=linear(skin_tone(melanin, undertone=0.0)),
    )
    photo = draw_photo(anatomy, HEALTHY, "REST", np.random.default_rng(2))
    face = photo[300:600, 240:480].mean(axis=2)
    assert 25 < np.median(face) < 235
