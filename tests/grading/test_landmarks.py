"""Distances between marked points, checked by faces whose distances are known."""

import math

import numpy as np
import pytest

from grading.distances import IRIS_MM, Measure, measure, scale_of_irises
from grading.framing import VIEW
from grading.landmarks import LIP, POINTS, LandmarkError, Place, check_points, find_points
from tests.grading.drawn_eyes import eyes

BLANK = np.full((VIEW.height, VIEW.width, 3), 128, dtype=np.uint8)
BEGIN, _ = find_points(BLANK)


def face(**moved: Place) -> dict[str, Place]:
    """An even face, in which points are then moved."""
    return BEGIN | {name.replace("_", "-"): place for name, place in moved.items()}


def named(measures: tuple[Measure, ...]) -> dict[str, Measure]:
    return {one.id: one for one in measures}


def turned(points: dict[str, Place], degrees: float) -> dict[str, Place]:
    angle, middle = math.radians(degrees), VIEW.midline
    cos, sin = math.cos(angle), math.sin(angle)
    return {
        name: (
            middle + cos * (x - middle) - sin * (y - middle),
            middle + sin * (x - middle) + cos * (y - middle),
        )
        for name, (x, y) in points.items()
    }


def test_an_even_face_measures_the_same_on_both_sides() -> None:
    for one in measure(face(), 0.5):
        assert one.right == pytest.approx(one.left)
        # lips that meet show nothing to be divided by
        assert one.percent == (None if one.id == "teeth" else pytest.approx(0, abs=1e-9))


def test_in_an_empty_photo_no_point_is_said_to_be_found() -> None:
    places, found = find_points(BLANK)
    assert not found
    assert set(places) == set(POINTS)
    check_points(places)


def test_an_eye_without_a_clear_iris_takes_the_size_of_the_other() -> None:
    places, found = find_points(eyes(None, 13.0))
    assert {"L-iris", "L-limbus"} <= found
    assert not {"R-iris", "R-limbus"} & found
    radii = [math.dist(places[f"{side}-iris"], places[f"{side}-limbus"]) for side in "RL"]
    assert radii == pytest.approx([13, 13], rel=0.03)
    assert places["R-limbus"][0] < places["R-iris"][0]


def test_distances_are_in_millimetres_by_the_irises() -> None:
    points = face()
    scale = scale_of_irises(points)
    radius = math.dist(points["R-iris"], points["R-limbus"])
    assert scale * 2 * radius == pytest.approx(IRIS_MM)
    x, y = points["L-brow"]
    lifted = face(L_brow=(x, y - 6 / scale))
    brow = measure(lifted, scale)[0]
    assert brow.difference == pytest.approx(-6)
    assert brow.left is not None
    assert measure(lifted, scale, "R")[0].percent == pytest.approx(100 * 6 / brow.left)
    assert measure(lifted, scale, "L")[0].percent == pytest.approx(100 * 6 / (brow.left - 6))
    assert measure(lifted, None)[0].right is None


def test_a_drooping_corner_lowers_the_smile_angle_of_its_side_alone() -> None:
    x, y = face()["R-corner"]
    angle = measure(face(R_corner=(x, y + 20)), 1.0)[-1]
    even = measure(face(), 1.0)[-1]
    assert angle.left == even.left
    assert angle.right is not None
    assert even.right is not None
    assert angle.right < even.right


def test_teeth_are_measured_between_the_lips_and_never_less_than_none() -> None:
    x, y = face()["L-teeth-bottom"]
    shown = named(measure(face(L_teeth_bottom=(x, y + 12), R_teeth_bottom=(x - 50, y - 3)), 0.5))["teeth"]
    assert shown.left == pytest.approx(6)
    assert shown.right == 0
    assert shown.percent == pytest.approx(200)


def test_heights_of_lips_and_corners_are_told_from_the_irises() -> None:
    points = face()
    moved = {
        name: (points[name][0], points[name][1] + 8) for name in ("R-corner", "R-lip-top", "R-lip-bottom")
    }
    lower = named(measure(points | moved, 0.5))
    for id_ in ("corner", "lip-top", "lip-bottom"):
        assert lower[id_].difference == pytest.approx(4)
    right, eyes_at = moved["R-corner"][1], points["R-iris"][1]
    assert lower["corner"].right == pytest.approx((right - eyes_at) / 2)


def test_photos_marked_before_there_were_points_of_the_lips_are_measured_without_them() -> None:
    whole = named(measure(face(), 0.5))
    old = {name: place for name, place in face().items() if "lip-" not in name and "teeth" not in name}
    few = named(measure(old, 0.5))
    assert whole.keys() - few.keys() == {"lip-top", "lip-bottom", "teeth"}
    assert all(few[id_] == whole[id_] for id_ in few)


def test_a_tilted_head_changes_no_measure() -> None:
    points = face(R_brow=(190.0, 150.0), L_corner=(310.0, 330.0))
    for level, tilted in zip(measure(points, 0.5), measure(turned(points, 8), 0.5), strict=True):
        if level.id != "angle":
            assert tilted.right == pytest.approx(level.right)
            assert tilted.left == pytest.approx(level.left)
        assert tilted.percent == pytest.approx(level.percent)


def test_points_that_make_no_face_are_refused() -> None:
    for wrong in (
        face(R_brow=(-1.0, 5.0)),
        face(R_brow=(math.nan, 5.0)),
        face(L_iris=face()["R-iris"]),
        {name: place for name, place in face().items() if name != LIP},
    ):
        with pytest.raises(LandmarkError):
            check_points(wrong)
    with pytest.raises(LandmarkError):
        scale_of_irises(face(R_limbus=face()["R-iris"]))
