"""Scores beside labels: groups and their constant medians, folding, and scores derived from items."""

import math

import numpy as np
import pytest

from grading.evaluation import item_outcomes, sub_score_outcomes
from grading.scales import STATIC_ITEMS, SUNNYBROOK
from tests.grading.validations import validated

STATIC = [item.id for item in STATIC_ITEMS]


def test_a_group_is_measured_against_its_own_median_and_everybody_against_that_of_all() -> None:
    validation = validated({"R1": ([60, 70, 80, 100, 100], [60] * 5)}, [False] * 3 + [True] * 2)
    (r1,) = item_outcomes(validation)
    assert r1.of("patients").median.tolist() == [75, 70, 65]
    assert r1.of("healthy").median.tolist() == [100, 100]
    assert r1.of("all").median[0] == np.median([70, 80, 100, 100])
    assert [len(r1.of(group)) for group in ("patients", "healthy", "all")] == [3, 2, 5]


def test_folding_takes_both_sides_of_balanced_alike_and_leaves_other_items_alone() -> None:
    validation = validated({"R1": ([150, 40], [160, 50]), "HB": ([3, 4], [3, 5])}, [False] * 2)
    r1, grade = item_outcomes(validation)
    assert r1.folded().labels.tolist() == [50, 40]
    assert (r1.folded().low, r1.folded().high) == (0, 100)
    assert grade.folded() is grade


def test_a_sub_score_needs_all_its_items_and_has_the_median_of_the_other_folds() -> None:
    labels = np.array([[60, 140], [100, 100], [80, math.nan], [20, 20]], dtype=float)
    items = dict.fromkeys(STATIC[:-1], (labels[:, 0], labels[:, 0]))
    items[STATIC[-1]] = (labels[:, 1], labels[:, 1])
    (static,) = sub_score_outcomes(validated(items, [False] * 4))
    assert (static.id, static.name, static.low, static.high) == ("static", "Static, folded", 0, 100)
    assert static.rows.tolist() == [0, 1, 3]
    assert static.labels == pytest.approx([60, 100, 20])
    assert static.median == pytest.approx([60, 40, 80])
    assert np.array_equal(static.predicted, static.labels)


def test_sub_scores_that_lack_an_item_are_left_out() -> None:
    assert sub_score_outcomes(validated({"R1": ([1, 2], [1, 2])}, [False] * 2)) == ()


def test_sunnybrook_is_composed_of_the_answers_that_predictions_come_nearest_to() -> None:
    items = {item.id: ([item.normal] * 2, [item.normal] * 2) for item in SUNNYBROOK.items}
    items["SBV1"] = ([5, 3], [4.6, 2.6])
    items["SBS1"] = ([0, 2], [0.4, 1.4])
    found = {outcomes.id: outcomes for outcomes in sub_score_outcomes(validated(items, [False] * 2))}
    assert list(found) == ["rest", "voluntary", "synkinesis", "composite"]
    composite = found["composite"]
    assert (composite.low, composite.high, composite.normal) == (-15, 100, 100)
    assert composite.labels.tolist() == [100, 90]
    assert composite.predicted.tolist() == [100, 91]
