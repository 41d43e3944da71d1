"""Training a bundle, with the errors of grouped cross-validation beside it.

Source: Raj et al., Sections 4.4 and 5.1 (one linear SVR per item on the activations of its photo, 11-fold
cross-validation in which a person's recordings stay together).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from grading.backbones import Backbone
from grading.bundle import BackboneId, Bundle, Head, ItemError, TrainingSet
from grading.cohort import Cohort
from grading.errors import PermanentError
from grading.face import PREPROCESSING, Preprocessing
from grading.features import CohortFeatures, Progress, UnusablePhoto, cohort_features
from grading.protocols import JENA9
from grading.regression import Regression, clip, fit, gram
from grading.scales import PREDICTED_ITEMS, Item

Floats = NDArray[np.float64]


class TrainingError(PermanentError):
    """The cohorts do not carry what training needs."""

    code = "training.data"


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
    preprocessing: Preprocessing = PREPROCESSING
    regression: Regression = field(default_factory=Regression)
    folds: int = 11


@dataclass(frozen=True, eq=False)
class Trained:
    """A bundle and the photos that could not be used for it."""

    bundle: Bundle
    unusable: tuple[UnusablePhoto, ...]


@dataclass(frozen=True, eq=False)
class _Pool:
    """The recordings of all cohorts that have a label and a usable photo for one item.

    ``activations`` (n, d), ``labels`` (n,) in points, ``persons`` (n,), ``cohort`` (n,) as an index,
    ``healthy`` (n,).
    """

    activations: NDArray[np.float32]
    labels: Floats
    persons: NDArray[np.str_]
    cohort: NDArray[np.int_]
    healthy: NDArray[np.bool_]


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

    Raises `TrainingError` where cohorts share a name, or an item has fewer than two labelled persons.
    """
    names = [cohort.name for cohort in cohorts]
    if not names or len(set(names)) < len(names):
        raise TrainingError("give one or more cohort folders, each with a name of its own")
    poses = list(dict.fromkeys(_pose(item) for item in PREDICTED_ITEMS))
    features = _all_features(cohorts, backbone, settings.preprocessing, poses, cache, progress)
    heads = []
    errors: list[ItemError] = []
    for item in PREDICTED_ITEMS:
        pool = _pool(cohorts, features, item)
        if len(set(pool.persons)) < 2:
            raise TrainingError(f"{item.id} is labelled for fewer than two persons: add labelled recordings")
        kernel = gram(pool.activations)
        predicted, median = _cross_validate(kernel, pool, item, settings)
        errors += _item_errors(item, pool, names, predicted, median)
        linear = fit(kernel, pool.labels, item, settings.regression).primal(pool.activations)
        weights = linear.weights.astype(np.float32).reshape(backbone.shape)
        heads.append(Head(item.id, _pose(item), weights, linear.bias))
    bundle = Bundle(
        name=settings.name,
        version=settings.version,
        created=settings.created,
        commissioning=settings.commissioning,
        protocol=JENA9.id,
        backbone=BackboneId(backbone.name, backbone.layer, backbone.weight_hash, backbone.shape),
        preprocessing=settings.preprocessing,
        regression=settings.regression,
        training=tuple(map(_training_set, cohorts, features)),
        folds=_folds(settings, {r.person for cohort in cohorts for r in cohort.recordings}),
        errors=tuple(errors),
        heads=tuple(heads),
    )
    return Trained(bundle, tuple(photo for one in features for photo in one.unusable))


def _pose(item: Item) -> str:
    assert item.pose is not None  # noqa: S101 - true of every predicted item (scales)
    return item.pose


def _all_features(
    cohorts: Sequence[Cohort],
    backbone: Backbone,
    preprocessing: Preprocessing,
    poses: Sequence[str],
    cache: Path | None,
    progress: Progress | None,
) -> list[CohortFeatures]:
    total = sum(len(cohort.recordings) for cohort in cohorts) * len(poses)
    features = []
    before = 0
    for cohort in cohorts:

        def tell(done: int, _: int, before: int = before) -> None:
            if progress:
                progress(before + done, total)

        features.append(cohort_features(cohort, backbone, preprocessing, poses, cache=cache, progress=tell))
        before += len(cohort.recordings) * len(poses)
    return features


def _pool(cohorts: Sequence[Cohort], features: Sequence[CohortFeatures], item: Item) -> _Pool:
    pose = _pose(item)
    rows = [
        (index, number, recording)
        for index, (cohort, one) in enumerate(zip(cohorts, features, strict=True))
        for number, recording in enumerate(cohort.recordings)
        if item.id in recording.labels and one.usable[pose][number]
    ]
    if not rows:
        raise TrainingError(f"{item.id} has no labelled recording with a usable photo: add some")
    return _Pool(
        activations=np.stack([features[index].activations[pose][number] for index, number, _ in rows]),
        labels=np.array([recording.labels[item.id] for _, _, recording in rows]),
        persons=np.array([recording.person for _, _, recording in rows]),
        cohort=np.array([index for index, _, _ in rows]),
        healthy=np.array([recording.healthy for _, _, recording in rows]),
    )


def _cross_validate(kernel: Floats, pool: _Pool, item: Item, settings: Settings) -> tuple[Floats, Floats]:
    """Out-of-fold scores (n,), and the medians (2, n) of the whole cohort and of its group."""
    predicted = np.empty(len(pool.labels))
    median = np.empty((2, len(pool.labels)))
    folds = GroupKFold(_folds(settings, set(pool.persons)))
    for seen, unseen in folds.split(kernel, groups=pool.persons):
        model = fit(kernel[np.ix_(seen, seen)], pool.labels[seen], item, settings.regression)
        predicted[unseen] = clip(model.predict(kernel[np.ix_(unseen, seen)]), item)
        for row in unseen:
            of_cohort = seen[pool.cohort[seen] == pool.cohort[row]]
            of_group = of_cohort[pool.healthy[of_cohort] == pool.healthy[row]]
            median[0, row] = _median(pool.labels[of_cohort])
            median[1, row] = _median(pool.labels[of_group])
    return predicted, median


def _folds(settings: Settings, persons: Collection[str]) -> int:
    return min(settings.folds, len(persons))


def _median(labels: Floats) -> float:
    # with nobody like them in the training folds, "balanced" is what one would say
    return float(np.median(labels)) if len(labels) else 100.0


def _item_errors(
    item: Item, pool: _Pool, names: Sequence[str], predicted: Floats, median: Floats
) -> list[ItemError]:
    miss = np.abs(predicted - pool.labels)
    median_miss = np.abs(median - pool.labels)
    errors = []
    for index, name in enumerate(names):
        here = pool.cohort == index
        groups = (
            ("all", here, 0),
            ("patients", here & ~pool.healthy, 1),
            ("healthy", here & pool.healthy, 1),
        )
        errors += [
            ItemError(
                item.id,
                name,
                group,
                int(rows.sum()),
                round(float(miss[rows].mean()), 2),
                round(float(median_miss[baseline, rows].mean()), 2),
            )
            for group, rows, baseline in groups
            if rows.any()
        ]
    return errors


def _training_set(cohort: Cohort, features: CohortFeatures) -> TrainingSet:
    healthy = sum(recording.healthy for recording in cohort.recordings)
    return TrainingSet(
        name=cohort.name,
        description=cohort.description,
        recordings=len(cohort.recordings),
        people=len({recording.person for recording in cohort.recordings}),
        patients=len(cohort.recordings) - healthy,
        healthy=healthy,
        unusable=len(features.unusable),
    )
