"""Training a bundle, with the errors of grouped cross-validation beside it.

Source: Raj et al., Sections 4.4 and 5.1 (one linear SVR per item, 11-fold cross-validation in which the
recordings of a person stay together).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np

from grading.backbones import Backbone
from grading.bundle import SIDE, BackboneId, Bundle, Head, ItemError, TrainingSet
from grading.cohort import Cohort
from grading.contributions import balanced_reference
from grading.crossvalidation import (
    CrossValidation,
    Learned,
    TrainingError,
    Trials,
    check_trainable,
    cross_validate,
    labels_of,
    pool,
)
from grading.features import Progress, UnusablePhoto, cohort_maps
from grading.held_out import held_out
from grading.kernels import primal
from grading.maps import Cases
from grading.novelty import learn_novelty
from grading.pose_learning import learn_pose_check
from grading.protocols import JENA9
from grading.recipes import Block, Recipe, halves
from grading.regression import Floats
from grading.scales import SCALES, Item
from grading.uncertainty import measure


@dataclass(frozen=True)
class Settings:
    """What to train and how.

    ``commissioning`` stays true unless the labels were given by raters to patients. ``folds`` is the number
    of cross-validation folds, fewer where there are fewer persons.
    """

    name: str = "facialis"
    version: str = "1"
    created: date = field(default_factory=date.today)
    commissioning: bool = True
    recipe: Recipe = field(default_factory=halves)
    folds: int = 11


@dataclass(frozen=True, eq=False)
class Trained:
    """A bundle, the cross-validation behind its errors, and the photos that could not be used for it."""

    bundle: Bundle
    results: CrossValidation
    unusable: tuple[UnusablePhoto, ...]


def labelled_items(cohorts: Sequence[Cohort], scale_id: str) -> tuple[Item, ...]:
    """The items of a scale that the cohorts label and their photos can show, in the scale's order.

    An item is left with those of its photos that the cohorts' protocol has.

    Raises `TrainingError` where there are none.
    """
    scale = SCALES[scale_id]
    labelled = {item for cohort in cohorts for one in cohort.recordings for item in one.labels}
    shown = [
        replace(item, poses=tuple(pose for pose in item.poses if pose in JENA9.by_code))
        for item in scale.items
    ]
    items = tuple(item for item in shown if item.id in labelled and item.poses)
    if not items:
        expected = ", ".join(item.id for item in shown if item.poses)
        raise TrainingError(f"no recording has a label of {scale.name}: add columns such as {expected}")
    return items


def train(
    cohorts: Sequence[Cohort],
    backbone: Backbone,
    settings: Settings,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Fit one linear SVR per item on all cohorts together.

    The bundle's errors are measured per cohort by cross-validation split by person: the same person in two
    cohorts falls into one fold. ``progress`` counts photos.

    Raises `TrainingError` where cohorts share a name, an item has labels of fewer than two persons or but one
    label, or the affected side of a patient is missing and the recipe asks for it.
    """
    cohort, index = pool(cohorts)
    recipe = settings.recipe
    check_trainable(cohorts, recipe)
    maps = cohort_maps(cohort, backbone, recipe, cache=cache, progress=progress)
    trials = Trials(cohorts, maps, recipe)
    results = cross_validate(trials, (backbone.name, backbone.layer), settings.folds)
    side = _side_head(trials) if results.side else None
    bundle = Bundle(
        name=settings.name,
        version=settings.version,
        created=settings.created,
        commissioning=settings.commissioning,
        protocol=JENA9.id,
        backbone=BackboneId(backbone.name, backbone.layer, backbone.weight_hash),
        recipe=recipe,
        training=tuple(
            _training_set(one, int((~maps.usable[index == number]).sum()))
            for number, one in enumerate(cohorts)
        ),
        folds=results.folds,
        errors=tuple(error for item_id in recipe.blocks for error in _item_errors(item_id, results)),
        uncertainties=measure(results),
        novelty=learn_novelty(maps.maps, maps.usable),
        side=side,
        side_right=round(results.side.right_share, 4) if results.side else None,
        heads=tuple(_item_head(trials, item_id) for item_id in recipe.blocks),
        pose_check=learn_pose_check(cohorts, maps, settings.folds),
        held_out=held_out(results),
    )
    return Trained(bundle, results, maps.unusable)


def _item_head(trials: Trials, item_id: str) -> Head:
    blocks = trials.recipe.blocks[item_id]
    labels = labels_of(trials.recordings, item_id)
    rows = np.flatnonzero(trials.readable(blocks) & ~np.isnan(labels))
    head = _head(item_id, trials, trials.learn(item_id, rows, labels), blocks)
    learned, weights = trials.to_learn(rows)
    cases = Cases(trials.cases.rows[learned], trials.cases.left[learned])
    labels = labels[cases.rows]
    reference = balanced_reference(head, blocks, trials.kernels.maps, cases, weights, labels)
    return replace(head, reference=reference)


def _side_head(trials: Trials) -> Head:
    known = np.array([recording.side is not None for recording in trials.recordings])
    rows = np.flatnonzero(known & trials.readable(trials.recipe.side))
    return _head(SIDE, trials, trials.learn_side(rows), trials.recipe.side)


def _head(name: str, trials: Trials, learned: Learned, blocks: Sequence[Block]) -> Head:
    cases = Cases(trials.cases.rows[learned.cases], trials.cases.left[learned.cases])
    weights = primal(learned.fitted, trials.kernels.maps, cases, blocks, learned.scales)
    return Head(name, tuple(one.astype(np.float32) for one in weights), learned.fitted.bias)


def _item_errors(item_id: str, results: CrossValidation) -> list[ItemError]:
    result = results.items[item_id]
    miss = np.abs(result.predicted - result.labels)
    healthy, cohort = results.healthy[result.rows], results.cohort[result.rows]
    errors = []
    for number, name in enumerate(results.cohorts):
        here = cohort == number
        groups = (
            ("all", here, result.median_all),
            ("patients", here & ~healthy, result.median),
            ("healthy", here & healthy, result.median),
        )
        errors += [
            ItemError(
                item_id,
                name,
                group,
                int(rows.sum()),
                _mean(miss[rows]),
                _mean(np.abs(median - result.labels)[rows]),
            )
            for group, rows, median in groups
            if rows.any()
        ]
    return errors


def _mean(values: Floats) -> float:
    return round(float(values.mean()), 2)


def _training_set(cohort: Cohort, unusable: int) -> TrainingSet:
    healthy = sum(recording.healthy for recording in cohort.recordings)
    return TrainingSet(
        name=cohort.name,
        description=cohort.description,
        recordings=len(cohort.recordings),
        people=len({recording.person for recording in cohort.recordings}),
        patients=len(cohort.recordings) - healthy,
        healthy=healthy,
        unusable=unusable,
    )
