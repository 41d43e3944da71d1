"""What a block reads of the maps: which photos, which part of the face, which rows."""

from dataclasses import replace

import numpy as np
import pytest

from grading.maps import Cases, Maps, block_chunks, block_features, block_rows, block_shape
from grading.recipes import Block

RNG = np.random.default_rng(5)
MAPS = Maps(
    ("REST", "BROW"),
    RNG.normal(size=(4, 2, 2, 6, 10, 3)).astype(np.float32),
    RNG.normal(size=(4, 2, 2, 2, 20, 8)).astype(np.float32),
)
# recordings may repeat and come in any order; the third is read with the left side as affected
CASES = Cases(np.array([2, 0, 2]), np.array([False, False, True]))
RIGHT, LEFT = (MAPS.network[:, 0, tile] for tile in range(2))


def test_the_affected_side_is_the_tile_that_the_case_says() -> None:
    found = block_features(Block("network", "affected", {"REST": 1.0}), MAPS, CASES)
    assert np.array_equal(found, np.stack([RIGHT[2], RIGHT[0], LEFT[2]]))


def test_the_difference_is_the_affected_side_less_the_other() -> None:
    found = block_features(Block("network", "difference", {"REST": 1.0}), MAPS, CASES)
    expected = np.stack([RIGHT[2] - LEFT[2], RIGHT[0] - LEFT[0], LEFT[2] - RIGHT[2]])
    assert np.array_equal(found, expected)


def test_whole_and_mean_do_not_ask_for_the_side() -> None:
    whole = block_features(Block("network", "whole", {"REST": 1.0}), MAPS, CASES)
    mean = block_features(Block("network", "mean", {"REST": 1.0}), MAPS, CASES)
    assert np.array_equal(whole, RIGHT[[2, 0, 2]])
    assert mean == pytest.approx(((RIGHT + LEFT) / 2)[[2, 0, 2]])


def test_photos_are_added_up_by_their_factors() -> None:
    found = block_features(Block("network", "whole", {"BROW": 1.0, "REST": -0.5}), MAPS, CASES)
    expected = MAPS.network[:, 1, 0] - 0.5 * MAPS.network[:, 0, 0]
    assert found == pytest.approx(expected[[2, 0, 2]])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [((0.0, 1.0), slice(0, 10)), ((0.0, 0.55), slice(0, 6)), ((0.45, 1.0), slice(4, 10))],
)
def test_a_part_of_the_height_is_read(rows: tuple[float, float], expected: slice) -> None:
    block = Block("network", "whole", {"REST": 1.0}, rows)
    assert block_rows(block, MAPS) == expected
    assert block_shape(block, MAPS) == (6, expected.stop - expected.start, 3)
    assert np.array_equal(block_features(block, MAPS, CASES), RIGHT[[2, 0, 2]][:, :, expected])


def test_movement_is_read_from_its_own_map() -> None:
    block = Block("movement", "affected", {"BROW": 1.0})
    assert block_shape(block, MAPS) == (2, 20, 8)
    assert MAPS.movement is not None
    assert np.array_equal(block_features(block, MAPS, CASES)[2], MAPS.movement[2, 1, 1])
    with pytest.raises(ValueError, match="no movement was computed"):
        block_features(block, replace(MAPS, movement=None), CASES)


def test_chunks_are_every_channel_once_and_read_what_the_whole_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grading.maps._CHUNK", 1)
    monkeypatch.setattr("grading.maps._LEAST", 4 * 10 * 3)
    block = Block("network", "difference", {"REST": 1.0})
    chunks = block_chunks(block, MAPS, CASES)
    assert chunks == [slice(0, 4), slice(4, 6)]
    parts = [block_features(block, MAPS, CASES, channels) for channels in chunks]
    assert np.array_equal(np.concatenate(parts, axis=1), block_features(block, MAPS, CASES))


def test_more_cases_are_read_in_smaller_chunks_but_never_in_slivers() -> None:
    wide = Maps(("REST",), np.zeros((1, 1, 1, 512, 14, 14), dtype=np.float32))
    block = Block("network", "whole", {"REST": 1.0})

    def largest(cases: int) -> int:
        read = Cases(np.zeros(cases, dtype=np.int_), np.zeros(cases, dtype=np.bool_))
        return max(chunk.stop - chunk.start for chunk in block_chunks(block, wide, read))

    assert largest(10) == 512
    assert largest(500) < 512
    assert largest(2000) == largest(10_000) > 1
