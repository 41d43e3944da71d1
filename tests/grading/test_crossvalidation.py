"""Out-of-fold scores are those of one linear SVR per fold on the features themselves."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.svm import SVR

from grading.crossvalidation import TrainingError, Trials, cross_validate
from grading.maps import Cases, block_features
from grading.recipes import Recipe, halves, paper
from grading.scales import find_item
from tests.grading.drawn_maps import drawn_cohort

CUT = ("drawn", "conv")


def joined(trials: Trials, recipe: Recipe, item_id: str, learned: np.ndarray) -> np.ndarray:
    """The features (m, d) of all cases, each block scaled to its weight over the ``learned`` cases."""
    columns = []
    for block in recipe.blocks[item_id]:
        cases = Cases(trials.cases.rows, trials.cases.left)
        features = (
            block_features(block, trials.kernels.maps, cases).reshape(len(cases), -1).astype(np.float64)
        )
        size = (features[learned] ** 2).sum(axis=1).mean()
        columns.append(features * np.sqrt(block.weight / size))
    features = np.hstack(columns)
    return features / np.sqrt((features[learned] ** 2).sum(axis=1).mean())


@pytest.mark.parametrize("recipe", [paper(), halves()], ids=["paper", "halves"])
@pytest.mark.parametrize("item_id", ["R3", "M1", "M4"])
def test_learning_through_gram_matrices_is_learning_on_the_features(recipe: Recipe, item_id: str) -> None:
    recipe = replace(recipe, regression=replace(recipe.regression, calibrated=False))
    cohort, maps = drawn_cohort(recipe)
    trials = Trials([cohort], maps, recipe)
    item = find_item(item_id)
    labels = np.array([recording.labels[item_id] for recording in cohort.recordings])
    rows = np.arange(6, 36)
    learned = trials.learn(item_id, rows, labels)
    cases, weights = trials.to_learn(rows)

    features = joined(trials, recipe, item_id, cases)
    settings = recipe.regression
    peer = SVR(kernel="linear", C=settings.c, epsilon=settings.epsilon, tol=1e-9)
    scaled = (labels[cases % len(trials)] - item.low) / item.span
    peer.fit(features[cases], scaled, sample_weight=weights)

    # the kernel's own unit is the mean of the mixed kernel's diagonal
    unit = np.trace(trials.kernels.mixed(recipe.blocks[item_id], learned.scales, cases, cases)) / len(cases)
    expected = np.zeros(len(cases))
    expected[peer.support_] = peer.dual_coef_[0]
    assert learned.fitted.coefficients * unit / item.span == pytest.approx(expected, abs=2e-3 * settings.c)
    everybody = np.arange(len(trials.cases))
    predicted = peer.predict(features) * item.span + item.low
    assert learned.predict(everybody) == pytest.approx(predicted, abs=1e-3 * item.span)


def test_every_recording_is_predicted_by_a_model_that_never_saw_the_person() -> None:
    recipe = paper()
    cohort, maps = drawn_cohort(recipe)
    trials = Trials([cohort], maps, recipe)
    results = cross_validate(trials, CUT, folds=5)
    result = results.items["R3"]
    persons = results.persons[result.rows]
    assert len({(person, fold) for person, fold in zip(persons, result.fold, strict=True)}) == len(
        set(persons)
    )
    labels = np.array([recording.labels["R3"] for recording in cohort.recordings])
    item = find_item("R3")
    for fold in range(5):
        unseen = result.rows[result.fold == fold]
        learned = trials.learn("R3", result.rows[result.fold != fold], labels)
        expected = np.clip(learned.predict(unseen), item.low, item.high)
        assert result.predicted[result.fold == fold] == pytest.approx(expected, abs=1e-9)


def test_the_signal_is_found_and_its_side_is_told() -> None:
    recipe = halves()
    cohort, maps = drawn_cohort(recipe, recordings=72)
    results = cross_validate(Trials([cohort], maps, recipe), CUT)
    assert results.side is not None
    assert results.side.right_share > 0.8
    patients = ~results.healthy
    for result in results.items.values():
        miss, median = (
            np.abs(guess - result.labels)[patients].mean() for guess in (result.predicted, result.median)
        )
        assert miss < 0.7 * median


def test_cross_validating_again_deals_anew_and_repeats_itself() -> None:
    recipe = paper()
    trials = Trials([drawn_cohort(recipe)[0]], drawn_cohort(recipe)[1], recipe)
    one, again, other = (cross_validate(trials, CUT, 5, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.items["M1"].predicted, again.items["M1"].predicted)
    assert not np.array_equal(one.items["M1"].fold, other.items["M1"].fold)


def test_an_unusable_photo_costs_only_the_items_that_read_it() -> None:
    recipe = paper()
    usable = np.ones((36, len(recipe.poses)), dtype=np.bool_)
    usable[4, recipe.poses.index("SMILE")] = False
    cohort, maps = drawn_cohort(recipe, usable=usable)
    items = cross_validate(Trials([cohort], maps, recipe), CUT, 5).items
    assert len(items["R3"].rows) == 36
    assert 4 not in items["M4"].rows
    assert len(items["M4"].rows) == 35


def test_the_median_is_that_of_the_same_cohort_and_group_in_the_other_folds() -> None:
    recipe = paper()
    cohort, maps = drawn_cohort(recipe, recordings=72)
    parts = [
        replace(cohort, name="one", recordings=cohort.recordings[:36]),
        replace(cohort, name="other", recordings=cohort.recordings[36:]),
    ]
    results = cross_validate(Trials(parts, maps, recipe), CUT, 5)
    result = results.items["M1"]
    for row in range(72):
        others = (result.fold != result.fold[row]) & (results.cohort == results.cohort[row])
        assert result.median_all[row] == np.median(result.labels[others])
        alike = others & (results.healthy == results.healthy[row])
        assert result.median[row] == np.median(result.labels[alike])


def test_cohorts_without_recordings_or_with_one_name_are_refused() -> None:
    recipe = paper()
    cohort, maps = drawn_cohort(recipe)
    with pytest.raises(TrainingError, match="name of its own"):
        Trials([cohort, cohort], maps, recipe)
    with pytest.raises(TrainingError, match="one or more cohort folders"):
        Trials([], maps, recipe)
