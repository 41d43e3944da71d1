"""Gram matrices are the inner products of the blocks' features, whatever way they are computed."""

import numpy as np
import pytest

import grading.maps
from grading.kernels import Kernels, primal
from grading.maps import Cases, block_features
from grading.recipes import Block, halves
from grading.regression import DualFit
from tests.grading.drawn_maps import CHANNELS, HEIGHT, drawn_cohort

RECIPE = halves()
MAPS = drawn_cohort(RECIPE, recordings=14)[1].maps
# every recording with either side as affected, as cross-validation has them
CASES = Cases(np.tile(np.arange(14), 2), np.repeat([False, True], 14))
BLOCKS = (
    Block("network", "whole", {"REST": 1.0}),
    Block("network", "affected", {"SMILE": 1.0, "REST": -1.0}, (0.45, 1.0)),
    Block("network", "difference", {"REST": 0.5, "BROW": 0.5}, (0.0, 0.55)),
    Block("network", "mean", {"BROW": 1.0}),
    Block("movement", "affected", {"SMILE": 1.0}),
    Block("movement", "difference", {"BROW": 1.0}, (0.0, 0.55), 3.0),
)


def features(block: Block, cases: Cases = CASES) -> np.ndarray:
    return block_features(block, MAPS, cases).reshape(len(cases), -1).astype(np.float64)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_gram_matrix_is_that_of_the_features(block: Block) -> None:
    rows, columns = np.array([3, 17, 20, 0]), np.array([27, 3, 5])
    expected = features(block)[rows] @ features(block)[columns].T
    found = Kernels(MAPS, CASES).block(block).between(rows, columns)
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("block", BLOCKS)
def test_a_gram_matrix_is_the_same_in_many_small_chunks(
    block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = np.arange(len(CASES))
    whole = Kernels(MAPS, CASES).block(block).between(everybody, everybody)
    monkeypatch.setattr(grading.maps, "_CHUNK", 1)
    monkeypatch.setattr(grading.maps, "_LEAST", 1)
    chunked = Kernels(MAPS, CASES).block(block).between(everybody, everybody)
    np.testing.assert_allclose(chunked, whole, rtol=1e-5, atol=1e-5 * np.abs(whole).max())


def test_blocks_are_mixed_by_their_weight_at_equal_size() -> None:
    rows = np.arange(4, 20)
    kernels = Kernels(MAPS, CASES)
    scales = kernels.scales(BLOCKS, rows)
    for block, scale in zip(BLOCKS, scales, strict=True):
        squares = (features(block)[rows] ** 2).sum(axis=1)
        assert scale == pytest.approx(block.weight / squares.mean(), rel=1e-5)
    joined = np.hstack([np.sqrt(scale) * features(b) for b, scale in zip(BLOCKS, scales, strict=True)])
    mixed = kernels.mixed(BLOCKS, scales, np.arange(5), rows)
    assert mixed == pytest.approx(joined[:5] @ joined[rows].T, abs=1e-5 * len(BLOCKS))


def test_the_weight_of_a_block_does_not_change_its_gram_matrix() -> None:
    kernels = Kernels(MAPS, CASES)
    light = Block("network", "difference", {"REST": 1.0}, weight=0.1)
    heavy = Block("network", "difference", {"REST": 1.0}, weight=5.0)
    assert kernels.block(light) is kernels.block(heavy)
    assert kernels.block(light) is not kernels.block(Block("network", "difference", {"BROW": 1.0}))


def test_features_that_are_all_zero_have_size_one() -> None:
    cases = Cases(np.arange(3), np.zeros(3, dtype=np.bool_))
    still = Block("movement", "whole", {"REST": 0.0})
    assert Kernels(MAPS, cases).scales([still], np.arange(3)) == [1.0]


def test_primal_weights_predict_what_the_kernel_predicts() -> None:
    rng = np.random.default_rng(2)
    rows = np.arange(3, 24)
    kernels = Kernels(MAPS, CASES)
    scales = kernels.scales(BLOCKS, rows)
    # some cases are no support vectors
    fitted = DualFit(rng.normal(size=len(rows)) * (rng.uniform(size=len(rows)) < 0.7), 12.0)
    learned = Cases(CASES.rows[rows], CASES.left[rows])
    weights = primal(fitted, MAPS, learned, BLOCKS, scales)
    assert weights[0].shape[:2] == (CHANNELS, HEIGHT)
    everybody = np.arange(len(CASES))
    expected = fitted.predict(kernels.mixed(BLOCKS, scales, everybody, rows))
    parts = [features(block) @ one.ravel() for block, one in zip(BLOCKS, weights, strict=True)]
    assert np.sum(parts, axis=0) + fitted.bias == pytest.approx(expected, abs=1e-4)
