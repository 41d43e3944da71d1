"""From photos to scores, one recording or many at once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from grading.bundle import BackboneMismatchError, Bundle
from grading.grader import Grader
from grading.photos import MissingPoseError, load_series
from grading.preparing import prepare_photo
from grading.scales import EFACE, PREDICTED_ITEMS

# A network is loaded and run.
pytestmark = pytest.mark.journey

Photos = dict[str, NDArray[np.uint8]]


@pytest.fixture(scope="module")
def crops(photos: Photos) -> Photos:
    return {pose: prepare_photo(photo, pose).crop for pose, photo in photos.items()}


def test_a_grading_has_every_item_in_its_range_and_both_sub_scores(grader: Grader, crops: Photos) -> None:
    grading = grader.grade(crops)
    assert list(grading.scores) == [item.id for item in PREDICTED_ITEMS]
    EFACE.check(grading.scores)
    assert [(score.id, score.formula) for score in grading.sub_scores] == [
        ("static", "folded"),
        ("static", "raj"),
        ("dynamic", "folded"),
        ("dynamic", "raj"),
    ]
    assert grading.bundle_hash == grader.bundle.hash


def test_many_recordings_are_graded_as_each_alone(grader: Grader, crops: Photos) -> None:
    dark = {pose: crop // 2 for pose, crop in crops.items()}
    together = grader.grade_many([crops, dark, crops], ["L", None, "L"])
    alone = [grader.grade(crops, "L"), grader.grade(dark)]
    for ours, expected in zip(together, [*alone, alone[0]], strict=True):
        assert ours.scores == pytest.approx(expected.scores, abs=0.01)
    assert alone[0].scores != pytest.approx(alone[1].scores, abs=0.5)


def test_an_unknown_side_is_estimated_and_flagged(grader: Grader, crops: Photos) -> None:
    known, unknown = grader.grade(crops, "L"), grader.grade(crops)
    assert known.side == "L"
    assert "side.estimated" not in known.flags
    assert unknown.side in ("L", "R")
    assert "side.estimated" in unknown.flags
    assert unknown.scores == grader.grade(crops, unknown.side).scores


def test_every_score_lies_in_its_interval_and_every_interval_in_its_range(
    grader: Grader, crops: Photos
) -> None:
    grading = grader.grade(crops)
    for item_id, (low, high) in grading.intervals.items():
        item = EFACE.by_id[item_id]
        assert item.low <= low <= grading.scores[item_id] <= high <= item.high
    assert grading.intervals.keys() == grading.scores.keys()


def test_a_recording_unlike_the_training_data_is_flagged_and_its_intervals_are_wider(
    grader: Grader, crops: Photos
) -> None:
    rng = np.random.default_rng(0)
    noise = {pose: rng.integers(0, 256, crop.shape, dtype=np.uint8) for pose, crop in crops.items()}
    strange = grader.grade(noise)
    assert "recording.unlike_training" in strange.flags
    half = next(one.half_width for one in grader.bundle.uncertainties if one.score == "R3")
    low, high = strange.intervals["R3"]
    assert high - low > half


def test_lower_precision_comes_near_and_is_flagged(
    grader: Grader, commissioning: Bundle, crops: Photos
) -> None:
    exact, short = grader.grade(crops), Grader(commissioning, "cpu", precision="bfloat16").grade(crops)
    assert short.scores == pytest.approx(exact.scores, abs=4)
    assert short.scores != pytest.approx(exact.scores, abs=0.01)
    assert set(short.flags) - set(exact.flags) == {"precision.bfloat16"}


def test_no_recordings_give_no_gradings(grader: Grader) -> None:
    assert grader.grade_many([]) == []


def test_a_missing_pose_is_named(grader: Grader, crops: Photos) -> None:
    with pytest.raises(MissingPoseError, match="SMILE"):
        grader.grade({pose: crop for pose, crop in crops.items() if pose != "SMILE"})


def test_a_score_beyond_its_range_is_clipped_and_flagged(commissioning: Bundle, crops: Photos) -> None:
    heads = tuple(replace(head, bias=1e6 if head.item == "M4" else head.bias) for head in commissioning.heads)
    grading = Grader(replace(commissioning, heads=heads), device="cpu").grade(crops)
    assert grading.scores["M4"] == 100.0
    assert "clipped.M4" in grading.flags


def test_a_bundle_of_another_backbone_is_refused(commissioning: Bundle) -> None:
    other = replace(commissioning, backbone=replace(commissioning.backbone, weight_hash="0" * 64))
    with pytest.raises(BackboneMismatchError, match="give the weights it was trained on"):
        Grader(other, device="cpu")


@pytest.mark.cohort
def test_a_real_recording_is_graded(grader: Grader, cohort: Path) -> None:
    series = load_series(cohort / "S003" / "T1")
    EFACE.check(
        grader.grade({pose: prepare_photo(photo, pose).crop for pose, photo in series.items()}).scores
    )
