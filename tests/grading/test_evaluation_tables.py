"""The tables of an evaluation: what stands in them, beside what of the paper's, and in which form."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grading.bootstrap import Interval
from grading.brows import BrowDistances
from grading.cohort import Cohort
from grading.crossvalidation import CrossValidation, SideResult
from grading.evaluation import (
    Evaluation,
    EvaluationError,
    Model,
    Table,
    all_tables,
    choose_models,
    evaluate,
    markdown_page,
)
from grading.evaluation.measures import Estimate
from grading.scales import PREDICTED_ITEMS
from grading.weights import UnknownBackboneError, WeightsError
from tests.grading.validations import validated

HEALTHY = [False] * 6 + [True] * 2
PERSONS = ["a", "a", "b", "b", "c", "c", "d", "e"]


def drawn(recipe: str, error: float, layer: str = "block10") -> CrossValidation:
    """Twelve items of three patients with two visits each and two healthy people, all wrong by ``error``."""
    items = {}
    for number, item in enumerate(PREDICTED_ITEMS):
        labels = np.array([20.0, 40, 60, 80, 30, 70, 100, 100]) + number / 100
        labels[6:] = 100
        predicted = labels + np.where(np.arange(8) % 2, error, -error) * item.span / 100
        items[item.id] = (labels, np.clip(predicted, 0, item.high))
    side = SideResult(np.arange(6), np.full(6, True), np.array([1, 1, 1, -1, 1, 1.0]))
    return validated(
        items, HEALTHY, persons=PERSONS, folds=[0, 0, 1, 1, 2, 2, 0, 1], recipe=recipe, layer=layer,
        side=side if recipe == "halves" else None,
    )  # fmt: skip


def evaluation(*validations: CrossValidation, deals: int = 0, **changes: object) -> Evaluation:
    models = tuple(dict.fromkeys(Model(one.backbone, one.layer) for one in validations))
    brows = (BrowDistances(0.30, 0.33), None)
    made = {
        "cohort": Cohort("drawn", "drawn scores", validations[0].recordings),
        "models": models,
        "validations": validations,
        "deals": {one.recipe.name: (one,) * deals for one in validations},
        "absent": {"vgg16": "weights not here: facialis weights fetch vgg16"},
        "weight_hashes": {"efficientnet-lite0": "0" * 64},
        "unusable": (),
        "brows": brows,
    }
    return Evaluation(**(made | changes))  # type: ignore[arg-type]


def tables(*validations: CrossValidation, **options: object) -> dict[str, Table]:
    made = all_tables(evaluation(*validations, **options), draws=50)  # type: ignore[arg-type]
    return {table.name: table for table in made}


def rows(table: Table) -> list[dict[str, object]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


BOTH = (drawn("paper", 10), drawn("halves", 4))


def test_every_table_of_the_paper_stands_beside_the_papers_own_figures() -> None:
    made = tables(*BOTH)
    pooled = {row["Item"]: row for row in rows(made["items-halves-all"])}
    assert pooled["M1 Brow elevation"]["Paper's MAE"] == 31.22
    assert pooled["M1 Brow elevation"]["Paper's SD"] == 17.88
    assert pooled["Mean of the 12 items"]["Paper's MAE"] == 22.44
    by_model = rows(made["items-by-model"])
    assert [row["Paper, VGG-Face"] for row in by_model[-2:]] == [22.44, 6.02]
    average = rows(made["average"])
    published = [row for row in average if str(row["Recipe"]).startswith("paper as published")]
    assert [row["MAE"] for row in published] == [22.44, 12.82]
    assert published[0]["Share of range %"] == pytest.approx(15.68, abs=0.01)
    control = rows(made["control"])
    assert control[-1] == {
        "Recipe": "paper as published (its own healthy people)",
        "Recordings": None,
        "Persons": 28,
        "MAE": 12.82,
        "Share of range %": None,
    }
    assert [row["Measured in"] for row in rows(made["brows"])] == [1, None]


def test_both_standard_deviations_are_those_that_their_columns_name() -> None:
    row = next(row for row in rows(tables(*BOTH)["average"]) if row["Group"] == "patients")
    errors = [10 * item.span / 100 for item in PREDICTED_ITEMS]
    assert row["SD across items"] == pytest.approx(np.std(errors, ddof=1))
    assert row["SD across folds"] == pytest.approx(0, abs=1e-9)


def test_the_papers_recipe_comes_first_and_patients_are_told_from_healthy_people() -> None:
    made = tables(*BOTH)
    recipes = rows(made["recipes"])
    assert [row["Recipe"] for row in recipes] == ["paper", "halves"]
    share = recipes[1]["Mean share of range %"]
    assert isinstance(share, Estimate)
    assert share.value == pytest.approx(4)
    assert recipes[1]["M4 %"] == pytest.approx(4)
    assert rows(made["items-paper-patients"])[0]["Recordings"] == 6
    assert rows(made["items-paper-healthy"])[0]["Recordings"] == 2
    assert "ICC(2,1)" not in made["items-paper-healthy"].columns


def test_the_affected_side_and_the_sign_of_change_are_counted() -> None:
    made = tables(*BOTH)
    (side,) = rows(made["side"])
    assert side["Recordings"] == 6
    told = side["Told right %"]
    assert isinstance(told, Estimate)
    assert told.value == pytest.approx(100 * 5 / 6)
    change = {(row["Recipe"], row["Score, folded"]): row for row in rows(made["change"])}
    assert change["halves", "M1 Brow elevation"]["Pairs"] == 3


def test_layers_are_compared_and_backbones_without_weights_say_what_to_do() -> None:
    made = tables(*BOTH, drawn("paper", 12, "block4"))
    assert [(row["Layer"], row["Recipe"]) for row in rows(made["layers"])] == [
        ("block10", "paper"),
        ("block10", "halves"),
        ("block4", "paper"),
    ]
    states = {row["Backbone"]: row["State"] for row in rows(made["backbones"])}
    assert states["efficientnet-lite0"] == "run at block10"
    assert states["vgg16"] == "weights not here: facialis weights fetch vgg16"
    assert states["mobilenet"] == "not asked for: --backbone mobilenet"
    assert rows(made["backbones"])[-1]["Paper's MAE of all"] is not None


def test_no_other_deals_make_no_table_and_several_a_spread() -> None:
    assert "deals" not in tables(*BOTH)
    deals = rows(tables(*BOTH, deals=3)["deals"])
    assert {row["Deals"] for row in deals} == {3}
    assert deals[0]["SD across deals"] == 0


def test_grades_get_tables_of_answers_and_nothing_of_the_papers() -> None:
    grades = validated({"HB": ([1, 2, 3, 4, 5, 6], [1.2, 2.2, 2.2, 4.4, 5.0, 3.0])}, [True] + [False] * 5)
    made = tables(grades, brows=())
    answers = {row["Group"]: row for row in rows(made["answers"])}
    exact = answers["patients"]["Exact %"]
    assert isinstance(exact, Estimate)
    assert exact.value == pytest.approx(60)
    confusion = {row["Label"]: row for row in rows(made["confusion"])}
    assert (confusion["6"]["predicted 3"], confusion["6"]["predicted 6"]) == (1, 0)
    assert not any("aper's" in column for table in made.values() for column in table.columns)
    assert "sub-scores" not in made


@pytest.mark.parametrize("group", [False, True], ids=["only patients", "only healthy people"])
def test_a_cohort_of_one_group_has_the_tables_that_it_can_have(group: bool) -> None:
    labels = np.array([60.0, 80, 100, 90])
    made = tables(validated({"R1": (labels, labels + 5), "M1": (labels, labels - 5)}, [group] * 4), brows=())
    assert ("control" in made) == group
    assert ("items-paper-patients" in made) == (not group)
    assert "items-paper-all" in made
    assert "brows" not in made


def test_the_page_names_data_scale_and_what_is_absent() -> None:
    one = evaluation(*BOTH)
    page = markdown_page(one, all_tables(one, draws=0), {"Errors": "errors.png"})
    assert page.count("drawn scores. 8 recordings of 3 patients and 2 healthy people") > 10
    assert "Scale: eFACE, items R1, R2" in page
    assert "facialis weights fetch vgg16" in page
    assert "![Errors](errors.png)" in page


TABLE = Table(
    "name",
    "Title",
    ("What", "Value", "Nothing", "Count"),
    (
        ("a|b", Estimate(1.234, Interval(1.0, 2.0)), None, 3),
        ("c", Estimate(float("nan")), float("nan"), -0.001),
    ),
    ("A note.",),
)


def test_markdown_has_an_interval_in_its_cell_and_escapes_what_would_end_one() -> None:
    lines = TABLE.filled().markdown("Data: few").splitlines()
    assert lines[:5] == ["## Title", "", "*Data: few*", "", "A note."]
    assert lines[-4:] == [
        "| What | Value | Count |",
        "| --- | --: | --: |",
        "| a\\|b | 1.23 [1.00, 2.00] | 3 |",
        "| c |  | 0.00 |",
    ]


def test_csv_has_a_column_for_each_end_of_an_interval_and_the_data_in_every_row() -> None:
    content = list(csv.reader(io.StringIO(TABLE.csv("Data: few, simulated"))))
    assert content[0] == ["What", "Value", "Value low", "Value high", "Nothing", "Count", "data"]
    assert content[1] == ["a|b", "1.23", "1.0", "2.0", "", "3", "Data: few, simulated"]
    assert content[2][1:4] == ["", "", ""]


def test_rows_that_do_not_fit_the_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Table("name", "Title", ("One",), (("a", "b"),))


def test_models_are_all_chosen_layers_of_all_backbones_that_have_weights(tmp_path: Path) -> None:
    models, absent = choose_models(
        ["efficientnet-lite0", "vgg16"], ["block4", "block10", "conv5_3"], tmp_path
    )
    assert models == (Model("efficientnet-lite0", "block4"), Model("efficientnet-lite0", "block10"))
    assert absent["vgg16"].endswith("facialis weights fetch vgg16")
    given, absent = choose_models(["vgg16"], [], tmp_path, {"vgg16": tmp_path / "own.pth"})
    assert given == (Model("vgg16", "conv5_3"),)
    assert "vgg16" not in absent


def test_what_cannot_be_evaluated_is_refused_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(UnknownBackboneError, match="no backbone vgg19"):
        choose_models(["vgg19"], [], tmp_path)
    with pytest.raises(UnknownBackboneError, match="layer block99: choose of block"):
        choose_models(["efficientnet-lite0"], ["block99"], tmp_path)
    with pytest.raises(WeightsError, match="vgg16: weights not here"):
        choose_models(["vgg16"], [], tmp_path)
    labelled = Cohort("drawn", "", (replace(BOTH[0].recordings[0], labels={"R1": 50.0}),))
    with pytest.raises(EvaluationError, match="no recipe thirds: choose one of paper, halves"):
        evaluate(labelled, ["thirds"], [Model("efficientnet-lite0", "block4")], weights=tmp_path)
