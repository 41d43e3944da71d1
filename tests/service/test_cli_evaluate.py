"""`facialis evaluate`: what it writes for which cohort, models and scale, and what it refuses."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.models.vgg import cfgs, make_layers

from grading.errors import FacialisError
from tests.service.cohorts import Row, house_brackmann, relabelled, run
from tests.service.test_cli_models import annotate, everybody

pytestmark = pytest.mark.journey

FAST = ("--recipe", "paper", "--repeats", 1, "--bootstrap", 30, "--folds", 3)
FIGURES = ("errors-patients.png", "errors-all.png", "sub-scores.png", "bland-altman.png")


def patients(row: Row) -> bool:
    return row["group"] == "palsy"


def healthy(row: Row) -> bool:
    return not patients(row)


def some(*items: str) -> Callable[[Row], Row]:
    return lambda row: {item: row[item] for item in items}


def rows(out: Path, table: str) -> list[Row]:
    with (out / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def evaluated(phantoms: Path, feature_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an evaluation of the phantoms at two layers."""
    out = tmp_path_factory.mktemp("evaluated")
    result = run(
        "evaluate", phantoms, "--out", out, "--cache", feature_cache, "--description", "drawn phantoms",
        "--layer", "block14", "--layer", "block4", *FAST,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "vgg16: weights not here: facialis weights fetch vgg16" in result.output
    assert "paper: patients' error" in result.output
    return out


def test_tables_and_figures_are_written_and_the_page_links_each(evaluated: Path) -> None:
    page = (evaluated / "evaluation.md").read_text(encoding="utf-8")
    for figure in FIGURES:
        assert f"({figure})" in page
        with Image.open(evaluated / figure) as image:
            assert image.width > 500
    tables = {path.stem for path in evaluated.glob("*.csv")}
    single = {"held-out-paper"}
    assert tables - single == {path.stem for path in evaluated.glob("*.md")} - {"evaluation"}
    assert tables >= single
    assert tables >= {"recipes", "average", "sub-scores", "layers", "items-by-model", "backbones", "control"}
    for table in tables:
        assert {row["data"] for row in rows(evaluated, table)} == {
            "Data: drawn phantoms. 7 recordings of 3 patients and 1 healthy people, 4 different faces"
        }


def test_every_layer_is_a_row_and_no_person_is_in_two_folds(evaluated: Path) -> None:
    assert [row["Layer"] for row in rows(evaluated, "layers")] == ["block14", "block4"]
    page = (evaluated / "evaluation.md").read_text(encoding="utf-8")
    assert "3-fold cross-validation; all recordings of a face lie in one fold" in page


def test_grades_are_evaluated_as_answers(phantoms: Path, feature_cache: Path, tmp_path: Path) -> None:
    cohort = relabelled(phantoms, tmp_path / "cohort", house_brackmann, everybody)
    result = run(
        "evaluate", cohort, "--out", tmp_path / "out", "--cache", feature_cache, "--layer", "block14",
        "--scale", "house-brackmann", "--json", *FAST,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    tables = json.loads(result.stdout)["tables"]
    groups = {row["Group"]: row for row in tables["answers"]}
    assert groups["patients"]["Recordings"] == 6
    assert sum(row["Recordings"] for row in tables["confusion"]) == 7
    assert not (tmp_path / "out" / "sub-scores.png").exists()
    assert "Scale: House-Brackmann, items HB" in (tmp_path / "out" / "evaluation.md").read_text()


def test_labels_of_several_raters_are_evaluated_with_their_agreement(
    phantoms: Path, feature_cache: Path, tmp_path: Path
) -> None:
    cohort = relabelled(phantoms, tmp_path / "cohort", some("M1"), everybody)
    annotate(cohort, {"a": 5.0, "b": 0.0})
    out = tmp_path / "out"
    result = run(
        "evaluate", cohort, "--out", out, "--cache", feature_cache, "--layer", "block14", *FAST,
        "--raters", "estimated",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (agreement,) = rows(out, "raters")
    assert (agreement["Score"], agreement["Raters"], agreement["Recordings"]) == (
        "M1 Brow elevation",
        "2",
        "6",
    )
    assert "labels of 2 raters combined by estimated weights" in agreement["data"]


def test_a_cohort_of_patients_alone_has_no_control_study(
    phantoms: Path, feature_cache: Path, tmp_path: Path
) -> None:
    cohort = relabelled(phantoms, tmp_path / "cohort", some("R1", "M1"), patients)
    out = tmp_path / "out"
    result = run("evaluate", cohort, "--out", out, "--cache", feature_cache, "--layer", "block14", *FAST)
    assert result.exit_code == 0, result.output
    assert not (out / "control.csv").exists()
    assert "Median's MAE" in rows(out, "items-paper-patients")[0]


def test_one_person_alone_cannot_be_cross_validated(phantoms: Path, tmp_path: Path) -> None:
    cohort = relabelled(phantoms, tmp_path / "cohort", some("R1"), healthy)
    error = run("evaluate", cohort, "--out", tmp_path / "out", "--layer", "block14", *FAST).exception
    assert isinstance(error, FacialisError)
    assert "only one person" in str(error)


def test_a_vgg16_from_a_file_is_cut_at_each_of_the_papers_layers(
    phantoms: Path, feature_cache: Path, tmp_path: Path
) -> None:
    """Its weights are random: what the layers say is nothing, that they are compared is the test."""
    torch.manual_seed(4)
    features = make_layers(cfgs["D"])
    torch.save(
        {f"features.{name}": value for name, value in features.state_dict().items()}, tmp_path / "own.pth"
    )
    cohort = relabelled(phantoms, tmp_path / "cohort", some("R1"), lambda row: row["session"] == "1")
    layers = ("conv2_2", "conv3_3", "conv4_3", "conv5_3", "pool5")
    out = tmp_path / "out"
    result = run(
        "evaluate", cohort, "--out", out, "--cache", feature_cache, "--backbone", "vgg16",
        "--weights", f"vgg16={tmp_path / 'own.pth'}", *FAST,
        *(part for layer in layers for part in ("--layer", layer)),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [(row["Backbone"], row["Layer"]) for row in rows(out, "layers")] == [
        ("vgg16", layer) for layer in layers
    ]
    states = {row["Backbone"]: row["State"] for row in rows(out, "backbones")}
    assert states["vgg16"] == "run at conv2_2"
    assert states["vgg-face"] == "weights not here: facialis weights import vgg-face FILE"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--weights", "own.pth"), "takes BACKBONE=FILE, such as vgg16=own.pth"),
        (("--weights", "vgg19=own.pth"), "no backbone vgg19"),
        (("--backbone", "vgg-face"), "facialis weights import vgg-face FILE"),
        (("--scale", "sunnybrook"), "no recording has a label of Sunnybrook"),
        (("--recipe", "thirds"), "no recipe thirds"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_before_anything_is_computed(
    options: tuple[str, ...], words: str, phantoms: Path, tmp_path: Path
) -> None:
    error = run("evaluate", phantoms, "--out", tmp_path / "out", *options).exception
    assert isinstance(error, FacialisError)
    assert words in str(error)
