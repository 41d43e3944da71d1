"""Brow distances on drawn views: what is measured, and where there is a doubt."""

import numpy as np
import pytest
from numpy.typing import NDArray

from grading.brows import BrowDistances, brow_distances
from grading.framing import VIEW

SKIN, BROW = 190, 70


def face(right: list[int], left: list[int]) -> NDArray[np.uint8]:
    """A level view with dark bars of ten rows, so many rows above the eye line, on either side."""
    view = np.full((512, 512, 3), SKIN, dtype=np.uint8)
    middle = VIEW.midline
    for rows, columns in ((right, slice(0, middle)), (left, slice(middle, 512))):
        for above in rows:
            top = VIEW.eye_line - above - 5
            view[top : top + 10, columns] = BROW
    return view


def test_brows_are_found_where_they_are_drawn() -> None:
    found = brow_distances(face([40], [46]))
    assert found is not None
    assert found.right * VIEW.distance == pytest.approx(40, abs=0.8)
    assert found.left * VIEW.distance == pytest.approx(46, abs=0.8)
    assert found.difference == pytest.approx(200 * 6 / 86, abs=1)


def test_equal_brows_do_not_differ() -> None:
    found = brow_distances(face([40], [40]))
    assert found is not None
    assert found.difference == pytest.approx(0, abs=1e-6)
    assert BrowDistances(0.3, 0.3).difference == 0


@pytest.mark.parametrize(
    ("right", "left"), [([], [40]), ([40], []), ([30, 55], [40])], ids=["none", "none left", "two alike"]
)
def test_no_brow_or_two_are_not_measured(right: list[int], left: list[int]) -> None:
    assert brow_distances(face(right, left)) is None
