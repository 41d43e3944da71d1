"""Parts of a score lie where they belong on the photo, on one scale, in colours that say which way."""

import numpy as np
import pytest
from numpy.typing import NDArray

from grading.contributions import Contributions, Part
from grading.explanation import explain, main_photo
from grading.eyes import Eyes
from grading.face import FaceBox
from grading.framing import PAPER_PREPROCESSING, PREPROCESSING, VIEW, Preprocessing, cut, split, view
from grading.overlay import UNIT, Placement, density, paint, scale_end

FACE = FaceBox(150, 210, 450, 510)
EYES = Eyes(right=(240.0, 300.0), left=(360.0, 330.0))


def found(places: NDArray[np.float64], item: str = "M1") -> Contributions:
    return Contributions(item, 100.0, True, (Part("network", "BROW", places),))


def positions() -> NDArray[np.uint8]:
    """A photo whose red and green say where a pixel lies: its column and row over three."""
    rows, columns = np.mgrid[:700, :600]
    return np.stack([columns // 3, rows // 3, np.zeros_like(rows)], axis=-1).astype(np.uint8)


CASES = [
    (preprocessing, tile, row, column)
    for preprocessing in (PREPROCESSING, PAPER_PREPROCESSING)
    for tile in range(preprocessing.tiles)
    for row, column in ((5, 2), (8, 4), (10, 7))
]


@pytest.mark.parametrize(("preprocessing", "tile", "row", "column"), CASES)
def test_a_place_lies_on_the_view_where_its_crop_shows_it(
    preprocessing: Preprocessing, tile: int, row: int, column: int
) -> None:
    height, width = preprocessing.frame.shape
    places = np.zeros((preprocessing.tiles, height // 16, width // 16))
    places[tile, row, column] = -5.0
    values = density(found(places), Placement(preprocessing.frame, FACE, EYES))
    crop = split(cut(positions(), FACE, EYES, preprocessing), preprocessing.tiles)[tile]
    in_crop = crop[16 * row + 6 : 16 * row + 10, 16 * column + 6 : 16 * column + 10, :2].mean(axis=(0, 1))
    strongest = values < 0.8 * values.min()
    in_view = view(positions(), EYES)[strongest][:, :2].mean(axis=0)
    assert in_view == pytest.approx(in_crop, abs=1.5)


@pytest.mark.parametrize("preprocessing", [PREPROCESSING, PAPER_PREPROCESSING])
@pytest.mark.parametrize("grid", [16, 8])
def test_the_density_adds_up_to_the_points(preprocessing: Preprocessing, grid: int) -> None:
    height, width = preprocessing.frame.shape
    places = np.zeros((preprocessing.tiles, height // grid, width // grid))
    places[:, 96 // grid, 64 // grid] = 3.0
    places[:, 160 // grid, 96 // grid] = -7.0
    values = density(found(places), Placement(preprocessing.frame, FACE, EYES))
    assert values.sum() / UNIT**2 == pytest.approx(-4.0 * preprocessing.tiles, rel=0.02)


def test_the_first_tile_is_the_right_side_on_the_left_of_the_picture() -> None:
    places = np.zeros((2, 22, 10))
    places[0, 8, 3] = 1.0
    values = density(found(places), Placement(PREPROCESSING.frame, FACE, EYES))
    assert values[:, : VIEW.midline].sum() > 0
    assert not values[:, VIEW.midline :].any()


@pytest.mark.parametrize(("largest", "end"), [(0.0, 1), (1.0, 1), (1.2, 2), (4.1, 5), (5.1, 10), (37.0, 50)])
def test_the_scale_ends_at_a_round_number(largest: float, end: float) -> None:
    assert scale_end(np.full((4, 4), -largest)) == end


def test_colours_say_which_way_and_nothing_is_painted_where_nothing_is_added() -> None:
    picture = np.full((512, 512, 3), 120, dtype=np.uint8)
    values = np.zeros((512, 512))
    values[0], values[1] = 5.0, -5.0
    painted = paint(picture, values, 5.0).astype(int)
    assert (painted[2:] == 120).all()
    assert painted[0, 0, 0] > painted[0, 0, 2]
    assert painted[1, 0, 0] < painted[1, 0, 2]


def test_an_item_is_shown_on_its_own_photo_or_else_on_one_that_was_read() -> None:
    places = np.zeros((2, 2, 2))
    both = (Part("network", "REST", places), Part("movement", "BROW", places))
    assert main_photo(Contributions("M1", 0.0, True, both)) == "BROW"
    assert main_photo(Contributions("M7", 0.0, True, both)) == "REST"


@pytest.mark.parametrize("side", ["R", "L", None])
def test_the_picture_holds_the_photo_and_a_legend_beside_it(side: str | None) -> None:
    picture = np.full((512, 512, 3), 120, dtype=np.uint8)
    places = np.zeros((2, 22, 10))
    places[1, 8, 3] = -60.0
    made = explain(found(places), picture, Placement(PREPROCESSING.frame, FACE, EYES), side, "A notice")
    assert made.shape == (512, 848, 3)
    assert (made[:20, :512] == 120).all()
    corners = {"R": made[480:502, 10:32].mean(), "L": made[480:502, 480:502].mean()}
    assert min(corners, key=corners.__getitem__) == side or side is None
    assert (made[:, 512:] != 255).any()
    plain = explain(found(places), picture, Placement(PREPROCESSING.frame, FACE, EYES), side)
    assert (made != plain).any()
