"""Displacements between two crops, in crop pixels to the right and down."""

import cv2
import numpy as np
import pytest

from grading.movement import CELL, asymmetry, displacement_shape, movement

HEIGHT, WIDTH = 160, 96


def skin(seed: int = 1) -> np.ndarray:
    """A crop with soft structure everywhere, as skin has."""
    rng = np.random.default_rng(seed)
    coarse = cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH, 3)), (0, 0), 4)
    return np.clip(128 + 600 * coarse, 0, 255).astype(np.uint8)


def shifted(tile: np.ndarray, right: float, down: float) -> np.ndarray:
    matrix = np.array([[1, 0, right], [0, 1, down]], dtype=np.float64)
    return cv2.warpAffine(tile, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)


def inner(moved: np.ndarray) -> np.ndarray:
    return moved[:, 3:-3, 3:-3]


@pytest.mark.parametrize(("right", "down"), [(5.0, 0.0), (-3.0, 0.0), (0.0, 6.0), (2.0, -4.0)])
def test_a_shift_is_found_in_pixels_to_the_right_and_down(right: float, down: float) -> None:
    found = inner(movement(skin(), shifted(skin(), right, down)))
    assert np.median(found[0]) == pytest.approx(right, abs=0.3)
    assert np.median(found[1]) == pytest.approx(down, abs=0.3)


def test_a_face_that_keeps_still_does_not_move() -> None:
    assert np.abs(movement(skin(), skin())).max() < 0.1


def test_only_the_part_that_moved_moves() -> None:
    rest = skin()
    moved = rest.copy()
    moved[HEIGHT // 2 :] = shifted(rest, 0.0, 5.0)[HEIGHT // 2 :]
    found = inner(movement(rest, moved))
    rows = found.shape[1]
    assert np.abs(np.median(found[1, : rows // 3])) < 0.3
    assert np.median(found[1, -rows // 3 :]) == pytest.approx(5, abs=0.5)


def test_light_and_skin_tone_matter_little() -> None:
    moved = shifted(skin(), 4.0, 0.0)
    darker = (0.6 * moved * np.array([1.0, 0.8, 0.7])).astype(np.uint8)
    found = inner(movement(skin(), darker))
    assert np.median(found[0]) == pytest.approx(4, abs=0.4)


def test_one_displacement_stands_for_a_cell() -> None:
    found = movement(skin(), skin(2))
    assert found.shape == displacement_shape(HEIGHT, WIDTH) == (2, HEIGHT // CELL, WIDTH // CELL)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


def test_a_half_that_hangs_lies_lower_than_its_twin_by_as_much() -> None:
    hanging = shifted(skin(), 0.0, 6.0)
    assert np.median(inner(asymmetry(hanging, skin()))[1]) == pytest.approx(6, abs=0.5)
    assert np.median(inner(asymmetry(skin(), hanging))[1]) == pytest.approx(-6, abs=0.5)


def test_equal_halves_are_not_asymmetric() -> None:
    assert np.abs(asymmetry(skin(), skin())).max() < 0.1


def test_tiles_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        movement(skin(), skin()[:, :-8])
    with pytest.raises(ValueError, match="cannot be compared"):
        movement(skin()[:12], skin()[:12])
