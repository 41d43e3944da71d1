"""`facialis train`, `predict` and `grade` with other scales and with labels of several raters."""

import json
from pathlib import Path

import pytest
import torch
from torchvision.models.vgg import cfgs, make_layers

from grading.bundle import load_bundle
from grading.errors import FacialisError
from grading.weights import SOURCES
from service.bundles import BundleScaleError, served_bundle
from service.reporting import describe_flag
from service.settings import Settings, load_settings
from tests.service.cohorts import Row, house_brackmann, read_rows, relabelled, run, write_rows

pytestmark = pytest.mark.journey

FAST = ("--recipe", "paper", "--layer", "block14", "--c", "10")


def everybody(_: Row) -> bool:
    return True


def annotate(cohort: Path, raters: dict[str, float]) -> None:
    """Every rater scores M1 of each patient: the phantom's own score, shifted by so many points."""
    rows = [
        {
            "subject": row["subject"],
            "session": row["session"],
            "rater": rater,
            "M1": str(min(100.0, max(0.0, float(row["M1"]) + shift))),
        }
        for row in read_rows(cohort / "labels.csv")
        if row["group"] == "palsy"
        for rater, shift in raters.items()
    ]
    write_rows(cohort / "annotations.csv", rows)


@pytest.fixture(scope="module")
def graded(phantoms: Path, feature_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of House-Brackmann grades, with its cohort beside it."""
    folder = tmp_path_factory.mktemp("graded")
    cohort = relabelled(phantoms, folder / "cohort", house_brackmann, everybody)
    result = run(
        "train", cohort, "--scale", "house-brackmann", "--out", folder / "bundle", "--cache", feature_cache,
        *FAST,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "HB House-Brackmann grade, patients: " in result.output
    return folder


def test_house_brackmann_is_trained_and_predicted_as_grades(graded: Path, feature_cache: Path) -> None:
    bundle = load_bundle(graded / "bundle")
    assert [head.item for head in bundle.heads] == ["HB"]
    table = graded / "predictions.csv"
    assert (
        run(
            "predict", graded / "bundle", graded / "cohort", "--out", table, "--cache", feature_cache
        ).exit_code
        == 0
    )
    rows = read_rows(table)
    assert list(rows[0]) == ["subject", "session", "HB", "HB_unrounded"]
    assert {row["HB"] for row in rows} <= {"1", "2", "3", "4", "5", "6"}
    assert all(abs(float(row["HB"]) - float(row["HB_unrounded"])) <= 0.505 for row in rows)


def test_a_series_is_graded_in_house_brackmann_as_grade_words_and_function(graded: Path) -> None:
    series = graded / "cohort" / "P0001" / "1"
    content = json.loads(run("grade", series, "--bundle", graded / "bundle", "--json").output)
    assert content["answers"]["HB"] == min(range(1, 7), key=lambda one: abs(one - content["scores"]["HB"]))
    assert [score["id"] for score in content["sub_scores"]] == ["function_from", "function_to"]
    shown = run("grade", series, "--bundle", graded / "bundle").output
    assert "│ HB " in shown
    assert "Estimated function" in shown


def test_the_service_refuses_a_bundle_whose_items_it_does_not_show(graded: Path) -> None:
    with pytest.raises(BundleScaleError, match="predicts HB: use it with facialis grade"):
        served_bundle(Settings(bundle=graded / "bundle"))
    assert served_bundle(Settings()).commissioning


def test_a_clipped_item_of_any_scale_is_told_in_words() -> None:
    assert describe_flag("clipped.HB").startswith("HB: the model went beyond the range")


def test_weights_that_were_taken_in_are_found_by_train_predict_and_grade(
    phantoms: Path, feature_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(5)
    weights = tmp_path / "data" / "weights" / SOURCES["vgg16"].file
    weights.parent.mkdir(parents=True)
    state = make_layers(cfgs["D"]).state_dict()
    torch.save({f"features.{name}": value for name, value in state.items()}, weights)
    cohort = relabelled(phantoms, tmp_path / "cohort", lambda row: {"R1": row["R1"]}, everybody)
    bundle = tmp_path / "bundle"
    monkeypatch.setenv("FACIALIS_DATA_DIR", str(tmp_path / "data"))
    load_settings.cache_clear()
    try:
        for command in (
            ("train", cohort, "--out", bundle, "--backbone", "vgg16", "--layer", "conv2_2", *FAST[:2]),
            ("predict", bundle, cohort, "--out", tmp_path / "predictions.csv"),
        ):
            result = run(*command, "--cache", feature_cache)
            assert result.exit_code == 0, result.output
        graded = run("grade", cohort / "P0001" / "1", "--bundle", bundle, "--json")
    finally:
        load_settings.cache_clear()
    score = json.loads(graded.output)["scores"]["R1"]
    assert score == pytest.approx(float(read_rows(tmp_path / "predictions.csv")[0]["R1"]), abs=0.01)


def test_training_takes_the_labels_that_raters_give_together(
    phantoms: Path, feature_cache: Path, tmp_path: Path
) -> None:
    cohort = relabelled(phantoms, tmp_path / "cohort", lambda row: {"M1": row["M1"]}, everybody)
    annotate(cohort, {"a": 6.0, "b": 0.0})
    train = ("train", cohort, "--cache", feature_cache, *FAST, "--out")
    for name, options in {
        "alone": ("--raters", "none"),
        "equal": (),
        "estimated": ("--raters", "estimated"),
        "given": ("--experience", "a=1", "--experience", "b=1000"),
    }.items():
        result = run(*train, tmp_path / name, *options)
        assert result.exit_code == 0, result.output
    bundles = {name: load_bundle(tmp_path / name) for name in ("alone", "equal", "estimated", "given")}
    biases = {name: bundle.heads[0].bias for name, bundle in bundles.items()}
    # two raters are told apart by nothing, and b, who is right, was given nearly all the weight
    assert biases["estimated"] == pytest.approx(biases["equal"])
    assert biases["given"] == pytest.approx(biases["alone"], abs=0.1)
    assert biases["equal"] != pytest.approx(biases["alone"], abs=0.1)
    described = bundles["estimated"].training[0].description
    assert described.endswith("labels of 2 raters combined by estimated weights")
    assert bundles["alone"].training[0].description == "cohort"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--raters", "estimated", "--experience", "a=1"), "not both"),
        (("--experience", "a"), "takes RATER=NUMBER, not a"),
        (("--experience", "a=much"), "takes RATER=NUMBER, not a=much"),
        (("--experience", "a=3"), "1 of 2 raters lack a weight"),
    ],
)
def test_options_about_raters_that_cannot_be_followed_are_refused(
    options: tuple[str, ...], words: str, phantoms: Path, tmp_path: Path
) -> None:
    cohort = relabelled(phantoms, tmp_path / "cohort", lambda row: {"M1": row["M1"]}, everybody)
    annotate(cohort, {"a": 1.0, "b": 0.0})
    error = run("train", cohort, "--out", tmp_path / "bundle", *options).exception
    assert isinstance(error, FacialisError)
    assert error.code == "annotations.invalid"
    assert words in str(error)


def test_a_cohort_without_labels_of_the_scale_says_which_columns_it_wants(
    phantoms: Path, tmp_path: Path
) -> None:
    error = run("train", phantoms, "--scale", "stennert", "--out", tmp_path / "bundle").exception
    assert isinstance(error, FacialisError)
    assert "add columns such as T1, T2" in str(error)
