"""Agreement statistics against published worked examples, and what must hold for any ratings.

Not covered: that the interval's level is exact for small samples; the percentile interval's is not.
"""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from grading.agreement import (
    bland_altman,
    fleiss_kappa,
    icc_2_1,
    icc_2_k,
    rater_agreement,
    weighted_kappa,
)
from grading.bootstrap import NO_INTERVAL, Interval, Rows, bootstrap

Floats = NDArray[np.float64]

SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Shrout and Fleiss 1979, Table 2: six targets, four judges."""

FLEISS_DIAGNOSES = """
444444 222555 233335 555555 222444 113333 333355 113334 114444 555555 144444 124444 222333 144444 224445
333335 111455 111112 224444 133555 555555 244444 224555 114444 144445 222224 111155 224444 133333 555555
"""
"""Fleiss 1971: thirty patients, six psychiatrists, five diagnoses."""

PEAK_FLOW = [
    [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427],
    [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451],
]
"""Bland and Altman 1986: first readings of the large and the mini Wright meter, l/min."""

ANXIETY = [
    [3, 6, 4, 6, 2, 4, 2, 4, 3, 3, 2, 3, 3, 3, 2, 2, 1, 3, 3, 4],
    [2, 1, 4, 4, 3, 2, 1, 6, 1, 1, 1, 2, 3, 3, 1, 1, 3, 3, 2, 2],
]
"""Raters 2 and 3 of the anxiety example that comes with R's irr, which prints the kappas tested here."""

tables = arrays(
    np.float64,
    st.tuples(st.integers(2, 8), st.integers(2, 5)),
    elements=st.integers(0, 200).map(float),
)


def test_icc_of_the_published_table() -> None:
    assert icc_2_1(SHROUT_FLEISS) == pytest.approx(0.29, abs=0.005)
    assert icc_2_k(SHROUT_FLEISS) == pytest.approx(0.62, abs=0.005)


def test_icc_finds_the_variances_that_made_the_ratings() -> None:
    rng = np.random.default_rng(0)
    targets, raters = rng.normal(100, 20, (4000, 1)), rng.normal(0, 10, (1, 40))
    ratings = targets + raters + rng.normal(0, 15, (4000, 40))
    spread = np.var(raters, ddof=1)
    assert icc_2_1(ratings) == pytest.approx(400 / (400 + spread + 225), abs=0.02)
    assert icc_2_k(ratings) == pytest.approx(400 / (400 + (spread + 225) / 40), abs=0.02)


def test_raters_who_agree_have_an_icc_of_one_and_a_constant_offset_lowers_it() -> None:
    scores = np.array([20.0, 50, 80, 110])
    assert icc_2_1(np.stack([scores, scores], axis=1)) == 1
    assert icc_2_1(np.stack([scores, scores + 30], axis=1)) < 0.8


@given(tables)
def test_icc_is_at_most_one_and_follows_spearman_brown(ratings: Floats) -> None:
    single, mean = icc_2_1(ratings), icc_2_k(ratings)
    raters = ratings.shape[1]
    assert math.isnan(single) or single <= 1 + 1e-12
    if not math.isnan(mean) and single > -0.9 / (raters - 1):
        assert mean == pytest.approx(raters * single / (1 + (raters - 1) * single), rel=1e-6, abs=1e-9)


@given(tables, st.integers(-500, 500), st.sampled_from([0.5, 2.0, 4.0]), st.randoms())
def test_icc_does_not_depend_on_unit_zero_or_order(
    ratings: Floats, zero: int, unit: float, random: Random
) -> None:
    rows, columns = list(range(ratings.shape[0])), list(range(ratings.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    moved = unit * ratings[np.ix_(rows, columns)] + zero
    assert icc_2_1(moved) == pytest.approx(icc_2_1(ratings), rel=1e-6, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("ratings", [np.full((5, 3), 0.1), [[60.0, 140.0], [140.0, 60.0]]])
def test_icc_without_anything_to_divide_by_is_not_a_number(ratings: Floats) -> None:
    assert math.isnan(icc_2_1(ratings))
    assert math.isnan(icc_2_k(ratings))


@pytest.mark.parametrize(
    ("ratings", "fault"),
    [
        ([[1.0, 2.0]], "two or more targets"),
        ([[1.0], [2.0]], "two or more raters"),
        ([1.0, 2.0], "two or more targets"),
        ([[1.0, math.nan], [2.0, 3.0]], "missing value"),
        ([[1.0, math.inf], [2.0, 3.0]], "missing value"),
    ],
)
def test_icc_refuses_ratings_it_is_not_defined_for(ratings: list[list[float]], fault: str) -> None:
    for icc in (icc_2_1, icc_2_k):
        with pytest.raises(ValueError, match=fault):
            icc(ratings)


def test_weighted_kappa_of_the_published_examples() -> None:
    used = [1, 2, 3, 4, 6]
    assert weighted_kappa(*ANXIETY, used, "linear") == pytest.approx(0.1459075, abs=1e-7)
    assert weighted_kappa(*ANXIETY, used) == pytest.approx(0.2520325, abs=1e-7)


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=40),
    st.sampled_from(["linear", "quadratic"]),
)
def test_weighted_kappa_equals_scikit_learns(pairs: list[tuple[int, int]], weights: str) -> None:
    a, b = zip(*pairs, strict=True)
    ours = weighted_kappa(a, b, range(1, 7), weights)
    if len({*a, *b}) == 1:
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(cohen_kappa_score(a, b, labels=range(1, 7), weights=weights))
        assert ours == pytest.approx(weighted_kappa(b, a, range(1, 7), weights))


@pytest.mark.parametrize(
    ("a", "b", "categories", "fault"),
    [
        ([1, 2], [1], [1, 2], "one length"),
        ([], [], [1, 2], "not empty"),
        ([1, 3], [1, 2], [1, 2], "none of the categories"),
        ([1, math.nan], [1, 2], [1, 2], "none of the categories"),
        ([1, 2], [1, 2], [1, 2, 2], "named twice"),
    ],
)
def test_weighted_kappa_refuses_what_is_no_pair_of_gradings(
    a: list[float], b: list[float], categories: list[float], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        weighted_kappa(a, b, categories)


def test_fleiss_kappa_of_the_published_diagnoses() -> None:
    ratings = [[int(digit) for digit in patient] for patient in FLEISS_DIAGNOSES.split()]
    assert fleiss_kappa(ratings, range(1, 6)) == pytest.approx(0.4302445, abs=1e-7)


def test_fleiss_kappa_of_full_agreement_is_one_unless_one_category_was_used() -> None:
    assert fleiss_kappa([[1, 1, 1], [2, 2, 2]], [1, 2]) == 1
    assert math.isnan(fleiss_kappa([[2, 2, 2], [2, 2, 2]], [1, 2]))


@pytest.mark.parametrize("ratings", [[[1], [2]], [1, 2], np.empty((0, 3))])
def test_fleiss_kappa_refuses_less_than_two_raters_or_one_target(ratings: Floats) -> None:
    with pytest.raises(ValueError, match="two or more raters"):
        fleiss_kappa(ratings, [1, 2])


def test_limits_of_agreement_of_the_published_readings() -> None:
    limits = bland_altman(*PEAK_FLOW)
    assert limits.bias == pytest.approx(-2.1, abs=0.05)
    assert limits.high - limits.bias == pytest.approx(1.96 * 38.8, abs=0.1)
    assert limits.low - limits.bias == pytest.approx(-1.96 * 38.8, abs=0.1)


@pytest.mark.parametrize(
    ("a", "b", "fault"),
    [([1.0], [1.0], "two or more"), ([1.0, 2.0], [1.0], "pairs"), ([1.0, math.nan], [1.0, 2.0], "missing")],
)
def test_limits_of_agreement_refuse_what_is_no_pairs(a: list[float], b: list[float], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        bland_altman(a, b)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    persons = np.repeat(np.arange(40), rng.integers(1, 4, 40))
    covered = 0
    for trial in range(100):
        values = rng.normal(0, 10, 40)[persons] + rng.normal(0, 5, len(persons))

        def mean(rows: Rows, values: Floats = values) -> float:
            return float(values[rows].mean())

        interval = bootstrap(mean, persons, draws=200, seed=trial)
        covered += interval.low <= 0 <= interval.high
    assert 86 <= covered <= 99


def test_a_person_counts_once_however_many_copies_of_a_recording_they_bring() -> None:
    values = np.random.default_rng(2).normal(size=30)

    def width(persons: Floats, values: Floats) -> float:
        interval = bootstrap(lambda rows: float(values[rows].mean()), persons)
        return interval.high - interval.low

    one = width(np.arange(30.0), values)
    assert width(np.repeat(np.arange(30.0), 4), np.repeat(values, 4)) == pytest.approx(one)
    assert width(np.arange(120.0), np.repeat(values, 4)) == pytest.approx(one / 2, rel=0.15)


def test_the_interval_is_the_same_again_and_another_with_another_seed() -> None:
    values = np.random.default_rng(3).normal(size=12)

    def mean(rows: Rows) -> float:
        return float(values[rows].mean())

    persons = [f"P{row}" for row in range(12)]
    assert bootstrap(mean, persons) == bootstrap(mean, persons)
    assert bootstrap(mean, persons) != bootstrap(mean, persons, seed=1)
    wide, narrow = bootstrap(mean, persons, level=0.99), bootstrap(mean, persons, level=0.5)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_draws_without_a_figure_are_left_out_unless_they_are_most() -> None:
    persons = ["a", "b", "c"]
    assert bootstrap(lambda rows: math.nan if 0 in rows else 7.0, persons) == NO_INTERVAL
    assert bootstrap(lambda rows: 7.0 if 0 in rows else math.nan, persons) == Interval(7.0, 7.0)


def test_one_person_has_no_interval() -> None:
    assert bootstrap(lambda rows: 1.0, ["a", "a"]) == NO_INTERVAL
    assert bootstrap(lambda rows: 1.0, []) == NO_INTERVAL


@pytest.mark.parametrize("setting", [{"draws": 0}, {"level": 0.0}, {"level": 1.0}])
def test_the_bootstrap_refuses_settings_that_make_no_interval(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="draws must be"):
        bootstrap(lambda rows: 1.0, ["a", "b"], **setting)


def test_agreement_gathers_the_single_figures() -> None:
    ratings = np.array(SHROUT_FLEISS, dtype=np.float64)
    found = rater_agreement(ratings, list("abcdef"), draws=200)
    assert (found.recordings, found.raters, found.icc) == (6, 4, icc_2_1(ratings))
    assert found.interval.low < found.icc < found.interval.high
    assert found.difference == pytest.approx(
        np.mean([abs(row[i] - row[j]) for row in ratings for i in range(4) for j in range(i)])
    )
    assert (found.weighted_kappa, found.fleiss_kappa) == (None, None)


def test_agreement_on_categories_has_kappas() -> None:
    ratings = np.array(ANXIETY, dtype=np.float64).T
    found = rater_agreement(ratings, [str(row) for row in range(20)], [1, 2, 3, 4, 6], draws=10)
    assert found.weighted_kappa == pytest.approx(0.2520325, abs=1e-7)
    assert found.fleiss_kappa == fleiss_kappa(ratings, [1, 2, 3, 4, 6])


@pytest.mark.parametrize("shape", [(5, 1), (0, 3), (1, 1)])
def test_agreement_of_too_few_ratings_is_not_a_number(shape: tuple[int, int]) -> None:
    found = rater_agreement(np.ones(shape), ["a"] * shape[0], [1, 2])
    assert (found.recordings, found.raters) == shape
    figures = [found.icc, found.interval.low, found.difference, found.weighted_kappa, found.fleiss_kappa]
    assert np.isnan(np.array(figures, dtype=np.float64)).all()


def test_agreement_refuses_persons_of_other_ratings() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        rater_agreement(np.ones((3, 2)), ["a", "b"])
