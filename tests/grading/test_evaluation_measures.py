"""Figures of merit on errors that are known, and their intervals against the plain formulas."""

import math

import numpy as np
import pytest

from grading.agreement import icc_2_1, weighted_kappa
from grading.bootstrap import bootstrap
from grading.evaluation import item_outcomes
from grading.evaluation.answers import answered
from grading.evaluation.measures import average, icc_of_pairs, kappa_of_pairs, measure
from tests.grading.validations import validated

RNG = np.random.default_rng(2)
LABELS = RNG.uniform(0, 100, 30)
PREDICTED = np.clip(LABELS + RNG.normal(0, 12, 30), 0, 100)
PERSONS = [f"p{number // 2}" for number in range(30)]


def test_errors_are_in_points_shares_of_the_own_range_and_below_the_constant_median() -> None:
    # the median of the two other labels is 100, 60 and 80 where 20, 100 and 60 was right
    (r1,) = item_outcomes(validated({"R1": ([20, 100, 60], [60, 90, 60])}, [False] * 3))
    found = measure(r1.of("patients"), draws=0)
    assert (found.recordings, found.persons) == (3, 3)
    assert found.mae.value == pytest.approx(50 / 3)
    assert found.sd == pytest.approx(np.std([40, 10, 0], ddof=1))
    assert found.median_mae == pytest.approx((60 + 60 + 0) / 3)
    assert found.share.value == pytest.approx(100 * 50 / 3 / 200)
    assert found.below.value == pytest.approx(100 * (1 - 50 / 120))
    assert found.icc.value == pytest.approx(icc_2_1([[60, 20], [90, 100], [60, 60]]))


def test_a_perfect_prediction_has_no_error_and_an_icc_of_one() -> None:
    (m4,) = item_outcomes(validated({"M4": (LABELS, LABELS)}, [False] * 30, persons=PERSONS))
    found = measure(m4.of("patients"), draws=50)
    assert (found.mae.value, found.below.value) == (0, 100)
    assert (found.mae.interval.low, found.mae.interval.high) == (0, 0)
    assert found.icc.value == pytest.approx(1)


def test_always_answering_the_median_is_no_better_than_the_median() -> None:
    (m4,) = item_outcomes(validated({"M4": (LABELS, LABELS)}, [False] * 30))
    (constant,) = item_outcomes(validated({"M4": (LABELS, m4.median)}, [False] * 30))
    found = measure(constant.of("patients"), draws=0)
    assert found.below.value == pytest.approx(0)
    assert found.icc.value < 0.1


def test_intervals_are_those_of_the_plain_formulas_resampled_by_person() -> None:
    (m4,) = item_outcomes(validated({"M4": (LABELS, PREDICTED)}, [False] * 30, persons=PERSONS))
    found = measure(m4.of("patients"), draws=300)
    ratings = np.column_stack([PREDICTED, LABELS])
    icc = bootstrap(lambda rows: icc_2_1(ratings[rows]), PERSONS, draws=300)
    mae = bootstrap(lambda rows: float(np.abs(PREDICTED - LABELS)[rows].mean()), PERSONS, draws=300)
    for estimate, plain in ((found.icc, icc), (found.mae, mae), (found.share, mae)):
        assert (estimate.interval.low, estimate.interval.high) == pytest.approx((plain.low, plain.high))
        assert estimate.interval.low < estimate.value < estimate.interval.high


def test_weighted_icc_and_kappa_are_the_plain_ones_of_the_rows_drawn() -> None:
    times = RNG.multinomial(30, np.full(30, 1 / 30), size=20).astype(np.float64)
    grades, given = RNG.integers(1, 7, 30).astype(float), RNG.integers(1, 7, 30).astype(float)
    answers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    iccs, kappas = icc_of_pairs(PREDICTED, LABELS, times), kappa_of_pairs(given, grades, answers, times)
    for drawn, icc, kappa in zip(times.astype(int), iccs, kappas, strict=True):
        rows = np.repeat(np.arange(30), drawn)
        assert icc == pytest.approx(icc_2_1(np.column_stack([PREDICTED[rows], LABELS[rows]])))
        assert kappa == pytest.approx(weighted_kappa(given[rows], grades[rows], answers))


def test_labels_that_are_all_equal_tell_no_icc_and_no_gain() -> None:
    (r1,) = item_outcomes(validated({"R1": ([100] * 4, [90, 100, 95, 100])}, [True] * 4))
    found = measure(r1.of("healthy"), draws=20)
    assert found.mae.value == 3.75
    assert math.isnan(found.icc.value)
    assert math.isnan(found.below.value)


def test_a_group_without_recordings_has_no_figures() -> None:
    items = item_outcomes(validated({"R1": ([90, 100], [90, 100])}, [True] * 2))
    assert math.isnan(measure(items[0].of("patients"), draws=20).mae.value)
    found = average(items, "patients", draws=20)
    assert (found.recordings, found.persons) == (0, 0)
    assert all(math.isnan(one) for one in (found.mae.value, found.share.value, found.least_below))


def test_each_item_weighs_the_same_in_its_own_range_however_many_recordings_it_has() -> None:
    validation = validated(
        {
            "R1": ([50, 150, 100, 80], [70, 130, 120, 60]),
            "M4": ([50, math.nan, math.nan, 30], [60, 0, 0, 40]),
        },
        [False] * 4,
        folds=[0, 0, 1, 1],
    )
    found = average(item_outcomes(validation), "patients", draws=0)
    assert found.recordings == 4
    assert found.mae.value == pytest.approx((20 + 10) / 2)
    assert found.share.value == pytest.approx((10 + 10) / 2)
    assert found.sd_items == pytest.approx(np.std([20, 10], ddof=1))
    assert found.sd_folds == pytest.approx(0)


def test_grades_are_met_where_the_nearest_answer_is_the_label() -> None:
    labels, predicted = [1, 2, 3, 4, 6], [1.4, 2.5, 2.0, 4.2, 3.6]
    (grade,) = item_outcomes(validated({"HB": (labels, predicted)}, [False] * 5))
    found = answered(grade.of("patients"), draws=20)
    # 1, then 3 (just between, the worse), 2, 4 and 4
    assert found.exact.value == pytest.approx(40)
    assert found.near.value == pytest.approx(80)
    assert found.kappa.value == pytest.approx(weighted_kappa([1, 3, 2, 4, 4], labels, range(1, 7)))
    assert found.exact.interval.low <= 40 <= found.exact.interval.high
