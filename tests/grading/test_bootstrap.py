"""Resampling persons for all draws at once; tests/grading/test_agreement.py tells of one after the other."""

import numpy as np
import pytest
from numpy.typing import NDArray

from grading.bootstrap import bootstrap, bootstrap_weighted

VALUES = np.random.default_rng(5).normal(50, 10, 40)
PERSONS = [f"p{number // 2}" for number in range(40)]


def test_all_draws_at_once_give_the_interval_of_one_after_the_other() -> None:
    one = bootstrap(lambda rows: float(VALUES[rows].mean()), PERSONS, draws=200, seed=3)
    other = bootstrap_weighted(lambda times: (times @ VALUES) / times.sum(axis=1), PERSONS, draws=200, seed=3)
    assert (one.low, one.high) == pytest.approx((other.low, other.high))
    assert one.low < VALUES.mean() < one.high


def test_a_person_is_drawn_with_all_recordings_or_not_at_all() -> None:
    seen: list[NDArray[np.float64]] = []

    def watch(times: NDArray[np.float64]) -> NDArray[np.float64]:
        seen.append(times)
        return times.sum(axis=1)

    bootstrap_weighted(watch, PERSONS, draws=50)
    (times,) = seen
    assert times.shape == (50, 40)
    assert np.array_equal(times[:, ::2], times[:, 1::2])
    assert (times[:, ::2].sum(axis=1) == 20).all()
