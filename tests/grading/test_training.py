"""Training and predicting on a small drawn cohort: errors, caching, and photos that cannot be used."""

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grading.backbones import Backbone, load_backbone
from grading.bundle import BackboneMismatchError, load_bundle, save_bundle
from grading.cohort import Cohort, LabelledRecording
from grading.face import PREPROCESSING
from grading.features import cohort_features
from grading.grader import Grader
from grading.photos import load_photo
from grading.prediction import predict_cohort, write_predictions
from grading.preparing import prepare_photo
from grading.regression import Regression
from grading.scales import PREDICTED_ITEMS
from grading.training import Settings, TrainingError, train

SETTINGS = Settings(name="test", created=date(2026, 1, 2), regression=Regression(c=10))


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("efficientnet-lite0", "block14", device="cpu")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def cohort(photos: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Six people, the fourth healthy: one drawn face in different light, with labels that follow it."""
    folder = tmp_path_factory.mktemp("drawn")
    recordings = []
    for number in range(1, 7):
        brightness = 0.4 + 0.1 * number
        files = {}
        for pose, photo in photos.items():
            files[pose] = folder / f"{number}-{pose}.png"
            Image.fromarray((photo * brightness).astype(np.uint8)).save(files[pose], compress_level=1)
        labels = {item.id: 100.0 if number == 4 else item.span * brightness for item in PREDICTED_ITEMS}
        recordings.append(LabelledRecording(f"P{number}", "1", f"p{number}", number == 4, labels, files))
    return Cohort("drawn", "one drawn face in different light", tuple(recordings))


def test_a_bundle_says_what_it_was_trained_on_and_how_wrong_it_was(
    cohort: Cohort, backbone: Backbone, cache: Path
) -> None:
    trained = train([cohort], backbone, SETTINGS, cache=cache)
    bundle = trained.bundle
    (training,) = bundle.training
    assert (training.recordings, training.people, training.patients, training.healthy) == (6, 6, 5, 1)
    assert bundle.folds == 6
    assert bundle.commissioning
    assert trained.unusable == ()
    groups = [(error.group, error.recordings) for error in bundle.errors if error.item == "R1"]
    assert groups == [("all", 6), ("patients", 5), ("healthy", 1)]


def test_training_twice_gives_the_same_bundle(cohort: Cohort, backbone: Backbone, cache: Path) -> None:
    one, other = (train([cohort], backbone, SETTINGS, cache=cache).bundle for _ in range(2))
    assert one.hash == other.hash


def test_the_median_baseline_is_that_of_the_same_group_in_the_other_folds(
    cohort: Cohort, backbone: Backbone, cache: Path
) -> None:
    bundle = train([cohort], backbone, SETTINGS, cache=cache).bundle
    labels = [r.labels["R1"] for r in cohort.recordings if not r.healthy]
    expected = [
        abs(label - np.median(labels[:place] + labels[place + 1 :])) for place, label in enumerate(labels)
    ]
    (error,) = [e for e in bundle.errors if (e.item, e.group) == ("R1", "patients")]
    assert error.median_mae == pytest.approx(np.mean(expected), abs=0.01)


def test_the_same_person_never_trains_and_tests(cohort: Cohort, backbone: Backbone, cache: Path) -> None:
    twins = tuple(replace(r, person="a" if n < 3 else "b") for n, r in enumerate(cohort.recordings))
    flipped = tuple(replace(r, labels={**r.labels, "R1": 0.0 if r.person == "a" else 200.0}) for r in twins)
    bundle = train([replace(cohort, recordings=flipped)], backbone, SETTINGS, cache=cache).bundle
    (error,) = [e for e in bundle.errors if (e.item, e.group) == ("R1", "all")]
    assert error.mae == pytest.approx(200, abs=1)


def test_grading_and_predicting_agree_and_survive_the_disk(
    cohort: Cohort, backbone: Backbone, cache: Path, tmp_path: Path
) -> None:
    save_bundle(train([cohort], backbone, SETTINGS, cache=cache).bundle, tmp_path / "bundle")
    bundle = load_bundle(tmp_path / "bundle")
    predictions, _ = predict_cohort(bundle, cohort, backbone, cache=cache)
    photos = {pose: load_photo(path) for pose, path in cohort.recordings[1].photos.items()}
    crops = {pose: prepare_photo(photo, pose).crop for pose, photo in photos.items()}
    assert predictions[1].scores == pytest.approx(Grader(bundle, "cpu").grade(crops).scores, abs=0.01)
    assert predictions[0].scores["R1"] < predictions[-1].scores["R1"]


def test_a_photo_without_a_face_is_reported_and_costs_only_its_items(
    cohort: Cohort, backbone: Backbone, cache: Path, tmp_path: Path
) -> None:
    blank = tmp_path / "blank.png"
    Image.new("RGB", (300, 300)).save(blank)
    first = cohort.recordings[0]
    faulty = replace(first, photos={**first.photos, "SMILE": blank})
    recordings = (faulty, *cohort.recordings[1:])
    trained = train([replace(cohort, recordings=recordings)], backbone, SETTINGS, cache=cache)
    (photo,) = trained.unusable
    assert (photo.subject, photo.session, photo.pose, photo.code) == ("P1", "1", "SMILE", "photo.blank")
    counts = {e.item: e.recordings for e in trained.bundle.errors if e.group == "all"}
    assert (counts["R1"], counts["M4"]) == (6, 5)

    bundle = trained.bundle
    predictions, unusable = predict_cohort(bundle, replace(cohort, recordings=recordings), backbone)
    assert len(unusable) == 1
    write_predictions(predictions, tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["subject", "session", *(item.id for item in PREDICTED_ITEMS)]
    assert rows[0]["M4"] == rows[0]["M5"] == rows[0]["M6"] == ""
    assert rows[0]["R1"]
    assert rows[1]["M4"]


def test_a_second_run_reads_the_cache_and_a_damaged_file_is_made_anew(
    cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    few = replace(cohort, recordings=cohort.recordings[:2])
    first = cohort_features(few, backbone, PREPROCESSING, ["REST"], cache=tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    assert len(kept) == 4
    steps: list[tuple[int, int]] = []
    second = cohort_features(
        few,
        backbone,
        PREPROCESSING,
        ["REST"],
        cache=tmp_path,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(1, 2), (2, 2)]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == kept
    for path in kept:
        path.write_bytes(path.read_bytes()[:100])
    third = cohort_features(few, backbone, PREPROCESSING, ["REST"], cache=tmp_path)
    for features in (second, third):
        assert np.array_equal(features.activations["REST"], first.activations["REST"])


def test_another_preprocessing_is_not_served_from_the_cache(
    cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    few = replace(cohort, recordings=cohort.recordings[:1])
    wide = replace(PREPROCESSING, margin=0.5)
    one, other = (
        cohort_features(few, backbone, setting, ["REST"], cache=tmp_path).activations["REST"]
        for setting in (PREPROCESSING, wide)
    )
    assert not np.allclose(one, other)


def test_predicting_with_another_backbone_is_refused(cohort: Cohort, backbone: Backbone, cache: Path) -> None:
    bundle = train([cohort], backbone, SETTINGS, cache=cache).bundle
    with pytest.raises(BackboneMismatchError, match="block2"):
        predict_cohort(bundle, cohort, load_backbone("efficientnet-lite0", "block2", device="cpu"))


def test_two_cohorts_of_one_name_are_refused(cohort: Cohort, backbone: Backbone) -> None:
    with pytest.raises(TrainingError, match="name of its own"):
        train([cohort, cohort], backbone, SETTINGS)


def test_one_person_is_too_few(cohort: Cohort, backbone: Backbone, cache: Path) -> None:
    alone = replace(cohort, recordings=cohort.recordings[:1])
    with pytest.raises(TrainingError, match="fewer than two persons"):
        train([alone], backbone, SETTINGS, cache=cache)


def test_an_item_that_nobody_labelled_is_named(cohort: Cohort, backbone: Backbone, cache: Path) -> None:
    unlabelled = tuple(
        replace(r, labels={key: v for key, v in r.labels.items() if key != "M2"}) for r in cohort.recordings
    )
    with pytest.raises(TrainingError, match="M2 has no labelled recording"):
        train([replace(cohort, recordings=unlabelled)], backbone, SETTINGS, cache=cache)
