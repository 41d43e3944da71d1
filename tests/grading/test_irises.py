"""Irises in drawn views and in a phantom: what is measured, and what is refused as unsure."""

import cv2
import numpy as np
import pytest

from grading.eyes import find_eyes
from grading.face import find_face
from grading.framing import VIEW, view
from grading.irises import Iris, find_irises
from tests.grading.conftest import Series
from tests.grading.drawn_eyes import BROWN, eyes


def known(iris: Iris | None) -> tuple[float, float, float]:
    assert iris is not None
    return iris.x, iris.y, iris.radius


@pytest.mark.parametrize("colour", [BROWN, (130, 150, 165)], ids=["brown", "pale blue"])
def test_irises_under_lids_are_measured_to_a_fraction_of_a_pixel(colour: tuple[int, int, int]) -> None:
    irises = find_irises(eyes(12.3, 12.3, (3.4, -1.2), colour=colour))
    for iris, sign in ((irises.right, -1), (irises.left, 1)):
        x, y, radius = known(iris)
        assert x == pytest.approx(VIEW.midline + sign * 64 + 3.4, abs=0.3)
        assert y == pytest.approx(VIEW.eye_line - 1.2, abs=0.6)
        assert radius == pytest.approx(12.3, rel=0.03)


def test_a_closed_eye_has_none_and_the_other_is_still_found() -> None:
    irises = find_irises(eyes(None, 12.0))
    assert irises.right is None
    assert known(irises.left)[2] == pytest.approx(12, rel=0.03)


def test_what_is_unsure_is_refused() -> None:
    blurred = cv2.GaussianBlur(eyes(12.0, 12.0, upper_lid=4), (0, 0), 5)
    unequal = eyes(10.5, 13.5)
    for level in (blurred, unequal, np.zeros((VIEW.height, VIEW.width, 3), dtype=np.uint8)):
        irises = find_irises(level)
        assert irises.right is None
        assert irises.left is None


@pytest.mark.journey
def test_a_phantom_shows_its_irises_at_rest_and_none_behind_healthy_lids(photos: Series) -> None:
    irises = {}
    for pose in ("REST", "EYETIGHT"):
        photo = photos[pose]
        irises[pose] = find_irises(view(photo, find_eyes(photo, find_face(photo))))
    assert known(irises["REST"].right)[2] == pytest.approx(known(irises["REST"].left)[2], rel=0.05)
    assert None in (irises["EYETIGHT"].right, irises["EYETIGHT"].left)
