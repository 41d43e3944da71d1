"""Learning the pose check of a bundle, and how often it is wrong on people it has not seen.

One ridge regressor per pose on +1 for that pose and -1 for the others, all from one Gram matrix: there are
many more activations than photos. The unaffected half of a patient's face teaches what a movement looks like,
both halves of a healthy one.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from grading.cohort import Cohort, LabelledRecording
from grading.features import CohortMaps
from grading.maps import Maps
from grading.pose_check import Floats, Places, PoseCheck, PoseRates, judged
from grading.recipes import REST

MOST_RECORDINGS = 300
"""Of more recordings so many are drawn: the Gram matrix grows with their square, and poses differ clearly."""

FALSE_ALARMS = 0.01
"""The share of good photos that may be flagged at most."""

_RIDGE = 0.3
"""Of the mean square norm of the features."""

_CHUNK = 2**24
"""Activations that are held at a time."""


def learn_pose_check(cohorts: Sequence[Cohort], maps: CohortMaps, folds: int) -> PoseCheck | None:
    """Learn to tell the poses of the maps apart; ``maps`` are those of the pooled cohorts.

    Only recordings of which every photo is usable count. None where there are fewer than two poses, or such
    recordings of fewer than two persons.
    """
    recordings = [recording for cohort in cohorts for recording in cohort.recordings]
    names = [cohort.name for cohort in cohorts for _ in cohort.recordings]
    rows = np.flatnonzero(maps.usable.all(axis=1))
    if len(rows) > MOST_RECORDINGS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_RECORDINGS, replace=False))
    persons = np.array([recordings[row].person for row in rows])
    if len(maps.maps.poses) < 2 or len(set(persons)) < 2:
        return None
    photos = _Photos(maps.maps, rows, [recordings[row] for row in rows])
    scores = _unseen_scores(photos, persons, folds)
    lead, _ = judged(scores)
    limit = min(0.0, float(np.quantile(lead, FALSE_ALARMS)))
    cohort = np.array([names[row] for row in rows])
    weights, bias = photos.primal(photos.examples)
    return PoseCheck(
        poses=maps.maps.poses,
        weights=weights.astype(np.float32),
        bias=bias,
        limit=limit,
        rates=tuple(
            _rates(str(name), scores[cohort == name], limit, maps.maps.poses)
            for name in dict.fromkeys(cohort)
        ),
    )


class _Photos:
    """The tiles of n recordings as m = n * P * tiles examples, with their Gram matrix."""

    def __init__(self, maps: Maps, rows: Places, recordings: Sequence[LabelledRecording]) -> None:
        self.maps = maps
        self.rows = rows
        self.shape = (len(rows), *maps.network.shape[1:3])
        self.pose = np.broadcast_to(np.arange(self.shape[1])[:, None], self.shape).ravel()
        self.recording = np.repeat(np.arange(len(rows)), self.shape[1] * self.shape[2])
        side = np.array([recording.side or "" for recording in recordings])
        tile = np.broadcast_to(np.arange(self.shape[2]), self.shape).ravel()
        affected = np.where(tile == 0, "R", "L") == side[self.recording]
        halves = self.shape[2] == 2
        self.examples = np.flatnonzero(~affected) if halves else np.arange(len(tile))
        self.gram = np.zeros((len(tile), len(tile)), dtype=np.float32)
        for _, chunk in self._chunks():
            self.gram += chunk @ chunk.T

    def _chunks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Features (m, channels * H * W) less their series' mean, some channels at a time."""
        channels, height, width = self.maps.network.shape[3:]
        step = max(1, _CHUNK // (len(self.pose) * height * width))
        for start in range(0, channels, step):
            place = slice(start, min(start + step, channels))
            chunk = self.maps.network[self.rows, :, :, place]
            yield place, (chunk - chunk.mean(axis=1, keepdims=True)).reshape(len(self.pose), -1)

    def fit(self, examples: Places) -> tuple[Floats, Floats]:
        """Dual coefficients (k, P) and bias (P,) learned from these examples."""
        # Only training needs SciPy's solvers; grading starts without them.
        from scipy.linalg import solve

        targets = np.where(np.arange(self.shape[1]) == self.pose[examples, None], 1.0, -1.0)
        bias = targets.mean(axis=0)
        kernel = self.gram[np.ix_(examples, examples)].astype(np.float64)
        kernel[np.diag_indices_from(kernel)] += _RIDGE * (np.trace(kernel) / len(kernel) or 1.0)
        return solve(kernel, targets - bias, assume_a="pos"), bias

    def primal(self, examples: Places) -> tuple[Floats, Floats]:
        """Weights (P, C, H, W) and bias (P,) learned from these examples."""
        coefficients, bias = self.fit(examples)
        weights = np.zeros((self.shape[1], *self.maps.network.shape[3:]))
        for place, chunk in self._chunks():
            weights[:, place] = (coefficients.T @ chunk[examples]).reshape(weights[:, place].shape)
        return weights, bias


def _unseen_scores(photos: _Photos, persons: NDArray[np.str_], folds: int) -> Floats:
    """Scores (n, P, tiles, P) of every recording by a check that has seen no recording of that person."""
    from sklearn.model_selection import GroupKFold

    scores = np.zeros((len(photos.pose), photos.shape[1]))
    of_person = persons[photos.recording]
    learnable = np.isin(np.arange(len(photos.pose)), photos.examples)
    dealing = GroupKFold(min(folds, len(set(persons))))
    for seen, unseen in dealing.split(scores, groups=of_person):
        examples = seen[learnable[seen]]
        coefficients, bias = photos.fit(examples)
        scores[unseen] = photos.gram[np.ix_(unseen, examples)] @ coefficients + bias
    return scores.reshape(*photos.shape, photos.shape[1])


def _rates(cohort: str, scores: Floats, limit: float, poses: tuple[str, ...]) -> PoseRates:
    count = len(poses)
    lead, other = judged(scores)
    seen = np.where(lead > 0, np.arange(count), other)
    confusion = np.zeros((count, count), dtype=np.int_)
    np.add.at(confusion, (np.broadcast_to(np.arange(count), seen.shape), seen), 1)
    return PoseRates(
        cohort=cohort,
        photos=lead.size,
        false_alarms=round(float((lead < limit).mean()), 4),
        exchanged=round(_exchanged(scores, limit), 4),
        unperformed=round(_unperformed(scores, limit, poses.index(REST)), 4) if REST in poses else None,
        confusion=tuple(tuple(int(number) for number in row) for row in confusion),
    )


def _exchanged(scores: Floats, limit: float) -> float:
    """Of all pairs of photos of a series that change places: the share of which one at least is flagged."""
    found = []
    for one, other in combinations(range(scores.shape[1]), 2):
        claims = np.arange(scores.shape[1])
        claims[[one, other]] = other, one
        found.append((judged(scores, claims)[0][:, [one, other]] < limit).any(axis=1))
    return float(np.mean(found))


def _unperformed(scores: Floats, limit: float, rest: int) -> float:
    """Of all movement photos that the rest photo replaces: the share that is flagged."""
    found = []
    for photo in np.delete(np.arange(scores.shape[1]), rest):
        # Scores are linear, and the rest photo stands for the replaced one in the mean over the series.
        replaced = scores - (scores[:, [rest]] - scores[:, [photo]]) / scores.shape[1]
        replaced[:, photo] = replaced[:, rest]
        found.append(judged(replaced)[0][:, photo] < limit)
    return float(np.mean(found))
