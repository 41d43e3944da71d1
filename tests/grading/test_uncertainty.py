"""Prediction intervals hold what they promise on errors of known distribution, and say when they cannot."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.crossvalidation import CrossValidation
from grading.evaluation.coverage import coverage_table
from grading.evaluation.measures import Estimate
from grading.scales import PREDICTED_ITEMS
from grading.uncertainty import FEWEST, by_score, cross_half_widths, interval, measure
from tests.grading.validations import validated

DISTRIBUTIONS = {
    "normal": lambda rng, n: rng.normal(0, 8, n),
    "skewed": lambda rng, n: rng.exponential(8, n) - 8,
    "heavy tails": lambda rng, n: np.clip(8 * rng.standard_t(3, n), -90, 90),
}


def drawn(errors: np.ndarray, healthy_error: float = 1.0, folds: int = 11) -> CrossValidation:
    """As many patients as ``errors`` (n,) with those in R1, and half as many healthy people."""
    count = len(errors)
    labels = np.full(count + count // 2, 100.0)
    predicted = labels + np.append(errors, np.full(count // 2, healthy_error))
    healthy = [False] * count + [True] * (count // 2)
    return validated({"R1": (labels, predicted)}, healthy, folds=[n % folds for n in range(len(labels))])


@pytest.mark.journey
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_nine_of_ten_new_errors_lie_within_the_half_width(name: str) -> None:
    rng = np.random.default_rng(2)
    draw = DISTRIBUTIONS[name]
    covered, measured = [], []
    for _ in range(200):
        (found,) = measure(drawn(draw(rng, 80)))
        covered.append(np.mean(np.abs(draw(rng, 200)) <= found.half_width))
        measured.append(found.coverage)
    # the conformal promise: on average over calibrations at least the level, and little more
    assert 0.895 <= np.mean(covered) <= 0.93
    assert np.mean(measured) == pytest.approx(np.mean(covered), abs=0.02)


def test_healthy_people_do_not_make_patients_intervals_narrow() -> None:
    errors = np.random.default_rng(3).normal(0, 10, 60)
    one, other = (measure(drawn(errors, healthy_error=error))[0] for error in (0.1, 50.0))
    assert one == other
    assert one.recordings == 60


def test_a_fold_has_no_part_in_its_own_interval() -> None:
    misses = np.array([1.0] * 20 + [50.0] * 20)
    folds = np.array([0] * 20 + [1] * 20)
    assert cross_half_widths(misses, folds, np.array([0, 1, 2])).tolist() == [50.0, 1.0, 50.0]
    assert math.isnan(cross_half_widths(misses[:20], folds[:20], np.array([0]))[0])


def test_a_model_that_fails_on_one_fold_does_not_cover_it() -> None:
    errors = np.where(np.arange(66) % 11 == 0, 60.0, 5.0)
    (found,) = measure(drawn(errors))
    assert found.coverage == pytest.approx(10 / 11, abs=0.01)


@pytest.mark.parametrize(("count", "told"), [(FEWEST - 1, 0), (FEWEST, 1)])
def test_too_few_patients_tell_nothing(count: int, told: int) -> None:
    assert len(measure(drawn(np.linspace(-5, 5, count)))) == told


def test_few_residuals_give_the_widest_of_them() -> None:
    # nine tenths of eleven need the tenth of ten: the largest
    (found,) = measure(drawn(np.arange(1.0, 11.0)))
    assert found.half_width == 10.0


def test_the_detectable_change_is_that_of_the_residuals_without_their_bias() -> None:
    errors = np.random.default_rng(4).normal(0, 8, 300)
    plain, biased = measure(drawn(errors))[0], measure(drawn(errors + 20))[0]
    assert plain.mdc == pytest.approx(biased.mdc, abs=0.02)
    assert plain.mdc == pytest.approx(2.77 * 8, rel=0.1)
    assert biased.half_width > plain.half_width


def test_a_sub_score_is_more_certain_than_its_items_where_their_errors_are_independent() -> None:
    rng = np.random.default_rng(5)
    items = {}
    for item in PREDICTED_ITEMS:
        labels = np.full(60, 60.0)
        items[item.id] = (labels, labels + rng.normal(0, 10, 60))
    found = by_score(measure(validated(items, [False] * 60, folds=[n % 11 for n in range(60)])))
    assert found.keys() == items.keys() | {"static", "dynamic"}
    assert found["static"].half_width == pytest.approx(found["R1"].half_width / math.sqrt(5), rel=0.35)
    assert found["dynamic"].mdc < found["M1"].mdc


@given(st.floats(0, 200), st.floats(0, 300))
def test_an_interval_holds_its_score_and_stays_in_the_range(score: float, half: float) -> None:
    low, high = interval(score, half, 0.0, 200.0)
    assert 0 <= low <= score <= high <= 200
    assert high - low <= 2 * half + 1e-9


def test_the_table_of_coverage_counts_patients_and_healthy_people_apart() -> None:
    validation = drawn(np.random.default_rng(6).normal(0, 8, 110), healthy_error=40.0)
    table = coverage_table([validation], draws=20)
    (row,) = [dict(zip(table.columns, one, strict=True)) for one in table.rows]
    covered, healthy = row["Covered %"], row["Healthy covered %"]
    assert isinstance(covered, Estimate)
    assert isinstance(healthy, Estimate)
    assert covered.value == pytest.approx(100 * measure(validation)[0].coverage, abs=0.01)
    assert healthy.value == 0
    assert row["Mean width"] == pytest.approx(2 * measure(validation)[0].half_width, rel=0.1)
    assert row["Recordings"] == 110


def test_the_width_is_that_after_cutting_to_the_range() -> None:
    labels = np.full(22, 100.0)
    predicted = np.where(np.arange(22) % 2, 100.0, 80.0)
    validation = validated({"M1": (labels, predicted)}, [False] * 22, folds=[n % 11 for n in range(22)])
    table = coverage_table([validation], draws=0)
    # half of them reach from 80 to 100, the others from 60
    assert table.rows[0][table.columns.index("Mean width")] == pytest.approx(30.0)
