"""Scores that a regressor draws towards normal are stretched by what cross-validation finds missing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from grading.calibration import STEEPEST, slope
from grading.regression import DualFit, Regression, Target

SCALE = Target(0, 200)
EXACT = Regression(epsilon=0.0, c=100.0)


def faces(signal: float, count: int = 60, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features (count, 400) whose first column tells the label, all others nothing, and labels (count,)."""
    rng = np.random.default_rng(seed)
    deviation = rng.uniform(-1, 1, count)
    features = rng.normal(size=(count, 400)) / 20
    features[:, 0] = signal * deviation
    return features, 100 + 80 * deviation


def found(features: NDArray[np.float64], labels: NDArray[np.float64], persons: list[str]) -> float:
    return slope(
        features @ features.T,
        labels,
        np.array(persons),
        np.ones(len(labels), dtype=np.bool_),
        100.0,
        SCALE,
        EXACT,
        np.ones(len(labels)),
    )


def test_scores_that_come_out_short_are_stretched() -> None:
    features, labels = faces(signal=0.5)
    everybody = [str(row) for row in range(len(labels))]
    assert 1.1 < found(features, labels, everybody) <= STEEPEST


def test_a_clear_signal_needs_no_stretching() -> None:
    features, labels = faces(signal=100.0)
    everybody = [str(row) for row in range(len(labels))]
    assert found(features, labels, everybody) == pytest.approx(1.0, abs=0.02)


def test_noise_is_never_stretched_beyond_the_limit_nor_drawn_together() -> None:
    features, labels = faces(signal=0.0)
    everybody = [str(row) for row in range(len(labels))]
    assert 1.0 <= found(features, labels, everybody) <= STEEPEST


def test_few_patients_or_one_person_tell_nothing() -> None:
    features, labels = faces(signal=1.0)
    assert found(features, labels, ["one"] * len(labels)) == 1.0
    assert found(features[:10], labels[:10], [str(row) for row in range(10)]) == 1.0


def test_copies_of_a_person_do_not_hide_the_loss() -> None:
    # the same face twice would be predicted perfectly if its copy were learned from
    features, labels = faces(signal=1.0)
    twice, persons = np.vstack([features, features]), [str(row) for row in range(len(labels))] * 2
    once = [str(row) for row in range(len(labels))]
    assert found(twice, np.tile(labels, 2), persons) == pytest.approx(found(features, labels, once), abs=0.15)


def test_stretching_leaves_the_normal_score_where_it_is() -> None:
    fitted = DualFit(np.array([1.0, -2.0]), 90.0)
    kernel = np.array([[10.0, 0.0], [3.0, 4.0]])
    before, after = fitted.predict(kernel), fitted.stretched(1.2, 100.0).predict(kernel)
    assert after - 100 == pytest.approx(1.2 * (before - 100))
