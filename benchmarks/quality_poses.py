"""How often the pose check is wrong, on people whom it has not seen.

Cross-validated on the whole cohort; and photos of the first people, lit unlike and turned, go the whole way
from pixels to flags by a check learned from the others.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.spoiling import lit, turned
from grading.backbones import Backbone, load_backbone
from grading.cohort import Cohort, LabelledRecording, read_cohort
from grading.commissioning import BACKBONE, LAYER
from grading.eyes import find_eyes
from grading.face import Photo, find_face
from grading.features import CohortMaps, cohort_maps
from grading.framing import PREPROCESSING, cut, split
from grading.maps import Maps
from grading.photos import load_photo
from grading.pose_check import PoseCheck, PoseRates
from grading.pose_learning import learn_pose_check
from grading.recipes import REST, halves

FOLDS = 11


@dataclass(frozen=True)
class PoseFigures:
    """``rates`` are cross-validated; ``stressed``: photos and flagged ones by what was done to them."""

    poses: tuple[str, ...]
    rates: PoseRates
    stressed: dict[str, tuple[int, int]]


def measure_poses(folder: Path, people: int, cache: Path | None) -> PoseFigures:
    """Learn pose checks on a cohort and try them; ``people`` are held out for the stressed photos."""
    cohort = read_cohort(folder)
    backbone = load_backbone(BACKBONE, LAYER)
    maps = cohort_maps(cohort, backbone, halves(), cache=cache)
    first = {recording.person: recording for recording in reversed(cohort.recordings)}
    held_out = list(first.values())[::-1][:people]
    whole = _learned(cohort, maps, set())
    others = _learned(cohort, maps, {recording.person for recording in held_out})
    return PoseFigures(maps.maps.poses, whole.rates[0], _stressed(others, held_out, backbone))


def _learned(cohort: Cohort, maps: CohortMaps, without: set[str]) -> PoseCheck:
    rows = [number for number, one in enumerate(cohort.recordings) if one.person not in without]
    kept = Maps(maps.maps.poses, maps.maps.network[rows])
    part = replace(cohort, recordings=tuple(cohort.recordings[row] for row in rows))
    check = learn_pose_check([part], CohortMaps(kept, maps.usable[rows], ()), FOLDS)
    assert check is not None, "the cohort is too small to learn poses from"
    return check


def _stressed(
    check: PoseCheck, recordings: list[LabelledRecording], backbone: Backbone
) -> dict[str, tuple[int, int]]:
    rng = np.random.default_rng(0)
    counts = {"in order": [0, 0], "exchanged": [0, 0], "replaced by the rest photo": [0, 0]}

    def count(what: str, crops: dict[str, Photo], changed: tuple[str, ...]) -> None:
        tiles = np.stack([tile for pose in check.poses for tile in split(crops[pose], 2)])
        network = backbone.features(tiles)
        network = network.reshape(1, len(check.poses), 2, *network.shape[1:])
        flags = check.flags(Maps(check.poses, network))[0]
        counts[what][0] += len(changed)
        counts[what][1] += sum(pose in flags for pose in changed)

    for recording in recordings:
        crops = {pose: _stressed_crop(load_photo(recording.photos[pose]), rng) for pose in check.poses}
        count("in order", crops, check.poses)
        one, other = rng.choice(check.poses, 2, replace=False)
        count("exchanged", {**crops, one: crops[other], other: crops[one]}, (one, other))
        moved = rng.choice([pose for pose in check.poses if pose != REST])
        again = _stressed_crop(load_photo(recording.photos[REST]), rng)
        count("replaced by the rest photo", {**crops, moved: again}, (moved,))
    return {what: (total, flagged) for what, (total, flagged) in counts.items()}


def _stressed_crop(photo: Photo, rng: np.random.Generator) -> Photo:
    """The crop of a photo turned by up to 6° and with other light on either side."""
    changed = lit(turned(rng.uniform(-6, 6))(photo, find_eyes(photo, find_face(photo)), rng), rng)
    face = find_face(changed)
    return cut(changed, face, find_eyes(changed, face), PREPROCESSING)
