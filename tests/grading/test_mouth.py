"""Corners of drawn mouths: found where the line between the lips ends, and refused where there is none."""

import cv2
import numpy as np
import pytest

from grading.face import Photo
from grading.framing import VIEW
from grading.landmarks import LIP, find_points
from grading.mouth import find_mouth

SKIN = (185, 145, 125)
MIDDLE = (256, 346)


def face(right: tuple[int, int] | None, left: tuple[int, int] | None, line: int = 70) -> Photo:
    """A level view with a curved line between the lips from corner to corner, of the grey level ``line``."""
    drawn = np.full((VIEW.height, VIEW.width, 3), SKIN, dtype=np.uint8)
    for corner in (right, left):
        if corner:
            x, y = np.linspace(MIDDLE[0], corner[0], 30), np.linspace(0, 1, 30) ** 2
            curve = np.stack([x, MIDDLE[1] + y * (corner[1] - MIDDLE[1])], axis=1)
            cv2.polylines(drawn, [(curve * 16).astype(np.int32)], False, (line, 50, 50), 3, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(drawn, (0, 0), 1)


@pytest.mark.parametrize(
    ("right", "left"),
    [((204, 346), (308, 346)), ((228, 344), (284, 348)), ((200, 362), (318, 330))],
    ids=["even", "pursed", "hanging to one side"],
)
def test_the_corners_are_where_the_line_ends(right: tuple[int, int], left: tuple[int, int]) -> None:
    mouth = find_mouth(face(right, left))
    assert mouth is not None
    assert mouth.right == pytest.approx(right, abs=3.5)
    assert mouth.left == pytest.approx(left, abs=3.5)
    assert mouth.line == pytest.approx(MIDDLE[1], abs=2)


def test_without_a_clear_line_on_both_sides_there_is_no_mouth() -> None:
    assert find_mouth(face(None, None)) is None
    assert find_mouth(face((204, 346), None)) is None
    assert find_mouth(face((204, 346), (308, 346), line=182)) is not None
    assert find_mouth(np.full((VIEW.height, VIEW.width, 3), SKIN, dtype=np.uint8)) is None


def test_the_points_of_the_lips_begin_beside_the_corners() -> None:
    places, found = find_points(face((200, 362), (318, 330)))
    assert {"R-corner", "L-corner"} <= found
    assert not {name for name in found if "lip" in name or "teeth" in name}
    assert places["R-lip-top"][0] == pytest.approx((256 + places["R-corner"][0]) / 2)
    assert places["R-lip-top"][1] > places["L-lip-top"][1]
    assert places[LIP][1] > MIDDLE[1]
