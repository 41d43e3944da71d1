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
from grading.crossvalidation import TrainingError
from grading.features import cohort_maps
from grading.framing import BoxFrame, Preprocessing
from grading.gates import Flag
from grading.grader import Grader
from grading.maps import Cases
from grading.photos import load_photo
from grading.prediction import predict_cohort, write_predictions
from grading.preparing import prepare_photo
from grading.recipes import halves, paper
from grading.regression import Regression
from grading.scales import HOUSE_BRACKMANN, PREDICTED_ITEMS, find_item
from grading.training import Settings, labelled_items, train

# Bundles are trained.
pytestmark = pytest.mark.journey

# the paper's recipe sees light, which is what the labels of the drawn cohort follow
SETTINGS = Settings(name="test", created=date(2026, 1, 2), recipe=paper(regression=Regression(c=10)))
SIDED = replace(SETTINGS, recipe=halves())
SIDES = {1: "R", 2: "L", 3: "R", 4: None, 5: "L", 6: "R"}


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
        recordings.append(
            LabelledRecording(f"P{number}", "1", f"p{number}", number == 4, SIDES[number], labels, files)
        )
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


@pytest.mark.journey
@pytest.mark.parametrize("settings", [SETTINGS, SIDED])
def test_training_twice_gives_the_same_bundle(
    cohort: Cohort, backbone: Backbone, cache: Path, settings: Settings
) -> None:
    one, other = (train([cohort], backbone, settings, cache=cache).bundle for _ in range(2))
    assert one.hash == other.hash


def test_photos_in_the_wrong_order_are_noticed(
    cohort: Cohort, backbone: Backbone, cache: Path, photos: dict[str, np.ndarray]
) -> None:
    grader = Grader(train([cohort], backbone, SIDED, cache=cache).bundle, "cpu")
    crops = {pose: prepare_photo(photo, pose).crop for pose, photo in photos.items()}
    exchanged = {**crops, "SMILE": crops["PUCKER"], "PUCKER": crops["SMILE"]}
    still = {**crops, "BROW": crops["REST"]}
    doubts = [grading.doubts for grading in grader.grade_many([crops, exchanged, still], ["R"] * 3)]
    assert doubts == [
        {},
        {"SMILE": Flag("pose.wrong", detail="PUCKER"), "PUCKER": Flag("pose.wrong", detail="SMILE")},
        {"BROW": Flag("pose.unperformed")},
    ]


@pytest.mark.parametrize("settings", [SETTINGS, SIDED])
def test_a_bundle_carries_what_the_balanced_faces_of_its_training_add(
    cohort: Cohort, backbone: Backbone, cache: Path, settings: Settings
) -> None:
    bundle = train([cohort], backbone, settings, cache=cache).bundle
    maps = cohort_maps(cohort, backbone, bundle.recipe, cache=cache).maps
    for head in bundle.heads:
        blocks, item = bundle.recipe.blocks[head.item], find_item(head.item)
        assert head.reference.keys() == {f"{one.source}.{pose}" for one in blocks for pose in one.photos}
        # a face of no known side counts half with either
        scores = [
            head.score(blocks, maps, Cases(np.array([row, row]), np.array([side == "L", side != "R"]))).mean()
            for row, side in enumerate(recording.side for recording in cohort.recordings)
            if abs(cohort.recordings[row].labels[head.item] - 100) <= 0.05 * item.span
        ]
        start = head.bias + sum(float(places.sum()) for places in head.reference.values())
        assert start == pytest.approx(np.mean(scores), abs=0.01)


def test_the_halves_need_the_affected_side_of_patients(
    cohort: Cohort, backbone: Backbone, cache: Path
) -> None:
    recordings = (replace(cohort.recordings[0], side=None), *cohort.recordings[1:])
    with pytest.raises(TrainingError, match="affected side of P1/1 is not given"):
        train([replace(cohort, recordings=recordings)], backbone, SIDED, cache=cache)


def test_house_brackmann_grades_are_learned_by_the_same_command(
    cohort: Cohort, backbone: Backbone, cache: Path
) -> None:
    graded = tuple(
        replace(r, labels={"HB": 1.0 if r.healthy else float(2 + number % 5)})
        for number, r in enumerate(cohort.recordings)
    )
    cohorts = [replace(cohort, recordings=graded)]
    items = labelled_items(cohorts, HOUSE_BRACKMANN.id)
    bundle = train(cohorts, backbone, replace(SETTINGS, recipe=halves(items)), cache=cache).bundle
    assert [head.item for head in bundle.heads] == ["HB"]
    predictions, _ = predict_cohort(bundle, cohorts[0], backbone, cache=cache)
    assert all(1 <= prediction.scores["HB"] <= 6 for prediction in predictions)
    with pytest.raises(TrainingError, match="no recording has a label of Sunnybrook"):
        labelled_items(cohorts, "sunnybrook")


def test_an_item_is_learned_from_those_of_its_photos_that_the_protocol_has(cohort: Cohort) -> None:
    labelled = tuple(replace(r, labels={"SBV3": 3.0, "SBV4": 2.0}) for r in cohort.recordings)
    items = labelled_items([replace(cohort, recordings=labelled)], "sunnybrook")
    # neither the large smile nor the snarl is among the nine photos
    assert [item.poses for item in items] == [("TEETH", "REST"), ("NOSE", "REST")]
    assert set(halves(items).poses) <= set(cohort.recordings[0].photos)


def test_labels_that_are_all_alike_are_refused(cohort: Cohort, backbone: Backbone, cache: Path) -> None:
    alike = tuple(replace(r, labels={**r.labels, "M1": 50.0}) for r in cohort.recordings)
    with pytest.raises(TrainingError, match="M1 has the same label in every recording"):
        train([replace(cohort, recordings=alike)], backbone, SETTINGS, cache=cache)


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
    crops = {pose: prepare_photo(photo, pose, bundle.preprocessing).crop for pose, photo in photos.items()}
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
    write_predictions(predictions, [item.id for item in PREDICTED_ITEMS], tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["subject", "session", *(item.id for item in PREDICTED_ITEMS)]
    assert rows[0]["M4"] == rows[0]["M5"] == rows[0]["M6"] == ""
    assert rows[0]["R1"]
    assert rows[1]["M4"]


@pytest.mark.journey
def test_a_second_run_reads_the_cache_and_a_damaged_file_is_made_anew(
    cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    few = replace(cohort, recordings=cohort.recordings[:2])
    recipe = halves(tuple(item for item in PREDICTED_ITEMS if item.id == "M1"))
    first = cohort_maps(few, backbone, recipe, cache=tmp_path).maps
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    # a crop and the activations of every photo, and five movements since the rest photo
    assert len(kept) == 2 * (9 + 9 + 5)
    steps: list[tuple[int, int]] = []
    second = cohort_maps(
        few, backbone, recipe, cache=tmp_path, progress=lambda done, total: steps.append((done, total))
    ).maps
    assert steps[-1] == (18, 18)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == kept
    for path in kept:
        path.write_bytes(path.read_bytes()[:100])
    third = cohort_maps(few, backbone, recipe, cache=tmp_path).maps
    for maps in (second, third):
        assert np.array_equal(maps.network, first.network)
        assert np.array_equal(maps.movement, first.movement)


def test_maps_of_a_cohort_are_those_of_the_grader(
    cohort: Cohort, backbone: Backbone, cache: Path, tmp_path: Path
) -> None:
    bundle = train([cohort], backbone, SIDED, cache=cache).bundle
    photos = {pose: load_photo(path) for pose, path in cohort.recordings[2].photos.items()}
    crops = {pose: prepare_photo(photo, pose, bundle.preprocessing).crop for pose, photo in photos.items()}
    ours = Grader(bundle, "cpu").maps([crops])
    kept = cohort_maps(cohort, backbone, bundle.recipe, cache=cache).maps
    assert ours.poses == kept.poses
    assert ours.network[0] == pytest.approx(kept.network[2], abs=1e-3)
    assert ours.movement is not None
    assert kept.movement is not None
    assert np.array_equal(ours.movement[0], kept.movement[2])


def test_another_preprocessing_is_not_served_from_the_cache(
    cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    few = replace(cohort, recordings=cohort.recordings[:1])
    wide = replace(paper(), preprocessing=Preprocessing(BoxFrame(margin=0.5), twin=False))
    one, other = (
        cohort_maps(few, backbone, recipe, cache=tmp_path).maps.network for recipe in (paper(), wide)
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
    with pytest.raises(TrainingError, match="only one person"):
        train([alone], backbone, SETTINGS, cache=cache)


def test_an_item_that_nobody_labelled_is_named(cohort: Cohort, backbone: Backbone, cache: Path) -> None:
    unlabelled = tuple(
        replace(r, labels={key: v for key, v in r.labels.items() if key != "M2"}) for r in cohort.recordings
    )
    with pytest.raises(TrainingError, match="M2 is labelled for fewer than two persons"):
        train([replace(cohort, recordings=unlabelled)], backbone, SETTINGS, cache=cache)
